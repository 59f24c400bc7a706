"""People as judges, on the review page: blind to which model answered, in shuffled order.

The answers of all models to a task go into one file, so that nobody can tell them apart; an answer
that two models gave word for word is judged once. `minigpt4 curate judge FILE` opens the page.

Paper: Tables 1 and 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from minigpt4.curation.review.questions import (
    QUESTION_FORM,
    PersonQuestion,
    PersonVerdict,
    QuestionFile,
    write_questions,
)
from minigpt4.errors import SettingsError
from minigpt4.evaluation.agreement import PairAgreement
from minigpt4.evaluation.answer_store import answer_id
from minigpt4.evaluation.answering import Report
from minigpt4.evaluation.identity import hash_json
from minigpt4.evaluation.question import Answer, Picture
from minigpt4.evaluation.score import share_score
from minigpt4.evaluation.task import Judgement, find_task


class PersonJudge:
    """What people said of answers so far; what they have not seen yet is laid before them."""

    name = "person"

    def __init__(self, task: str, folder: Path, *, persons: int = 1) -> None:
        """Keep questions and verdicts in `folder`; each answer is for so many persons.

        Raises:
            SettingsError: if no person judges this task.
        """
        found = find_task(task)
        if not found.person_asks:
            raise SettingsError(f"no person judges {task}; leave --judge person out")
        self._form = replace(QUESTION_FORM, question=found.person_asks)
        self._sees = found.person_sees
        self._persons = persons
        self._pictures = folder / "pictures"
        self.file = folder / "answers.sqlite"
        """What `minigpt4 curate judge` opens."""
        self.num_waiting = 0
        """Answers of the last call that wait for more persons."""

    @property
    def hash(self) -> str:
        return hash_json([self.name, self._form.question, self._persons])[:16]

    def judge(
        self, answers: Sequence[Answer], *, report: Report | None = None
    ) -> list[Judgement | None]:
        """Return the majority's verdict on each answer; None where nobody has judged it yet."""
        questions = {
            _key(answer): PersonQuestion(
                key=_key(answer),
                picture=self._picture_file(answer.question.picture),
                request=self._sees(answer),
                answer=answer.text,
            )
            for answer in answers
        }
        write_questions(self.file, questions.values(), persons=self._persons, form=self._form)
        with QuestionFile(self.file) as file:
            said: dict[str, list[PersonVerdict]] = {}
            for verdict in file.verdicts():
                said.setdefault(verdict.key, []).append(verdict)
        self.num_waiting = sum(len(said.get(key, [])) < self._persons for key in questions)
        return [_majority(said.get(_key(answer), [])) for answer in answers]

    def own_agreement(self) -> PairAgreement | None:
        """Compare the persons with each other, on what several of them judged."""
        with QuestionFile(self.file) as file:
            found = file.agreement()
        share = share_score(found.num_agreed, found.num_pairs)
        if share is None:
            return None
        return PairAgreement(
            first="person", second="another person", share=share,
            kappa=found.kappa, kappa_interval=found.interval,
        )  # fmt: skip

    def _picture_file(self, picture: Picture) -> Path:
        """Return the picture as a file that a browser can show."""
        shown = picture.load()
        if not isinstance(shown, Image.Image):
            return Path(shown)
        path = self._pictures / f"{picture.sha256[:32]}.png"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_suffix(".partial")
            shown.save(aside, "PNG")
            aside.replace(path)
        return path


def _key(answer: Answer) -> str:
    """Name an answer by what was asked and said, whoever said it."""
    return hash_json([answer_id(answer.question), answer.question.key, answer.text])[:32]


def _majority(verdicts: Sequence[PersonVerdict]) -> Judgement | None:
    """Pass what more than half of the persons found fulfilled."""
    if not verdicts:
        return None
    num_passed = sum(verdict.fulfilled for verdict in verdicts)
    reasons = "; ".join(verdict.reason for verdict in verdicts if verdict.reason)
    return Judgement(passed=2 * num_passed > len(verdicts), reason=reasons)

"""Evaluate a model on a task: ask, judge, count.

    scores = evaluate("abilities", "miniature", limit=10)
    scores["all"].value

Answers are generated once and kept (`answer_store`); a run that was killed goes on where it was.
The same answers may go to several judges, whose agreement is then part of the result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from minigpt4.config import build_config, dump_config
from minigpt4.errors import DataError, SettingsError
from minigpt4.evaluation.agreement import PairAgreement, agree
from minigpt4.evaluation.answer_store import write_whole
from minigpt4.evaluation.answering import Report, answer_all
from minigpt4.evaluation.identity import hash_code, hash_json, identify_model
from minigpt4.evaluation.judges import Judge, rule_judge
from minigpt4.evaluation.question import Answer, Question
from minigpt4.evaluation.task import Judged, Judgement, Scores, Task, TaskSettings, find_task
from minigpt4.generation.ranks import Share

__all__ = ["Evaluation", "answer_all", "evaluate", "evaluate_in_full", "score_answers"]

DEFAULT_OUT = Path("runs/evaluation")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The scores of one model on one task, and everything that is needed to believe them."""

    task: str
    settings: TaskSettings
    model: dict[str, Any]
    answers: tuple[Answer, ...]
    judgements: dict[str, tuple[Judgement | None, ...]]
    """What each judge said about each answer; empty where a metric counts."""
    by_judge: dict[str, Scores]
    """The scores by each judge; by `metric` where there is none."""
    agreement: tuple[PairAgreement, ...]
    """Of each two judges."""
    file: Path | None = None
    """Where the scores are written."""

    @property
    def scores(self) -> Scores:
        """The scores by the first judge."""
        return next(iter(self.by_judge.values()), {})

    @property
    def num_unjudged(self) -> dict[str, int]:
        """Answers that a judge refused or has yet to judge; they are not in its scores."""
        return {
            judge: sum(each is None or each.refused for each in said)
            for judge, said in self.judgements.items()
        }

    def as_json(self) -> dict[str, Any]:
        """Return everything but the answers as plain values."""
        return {
            "task": self.task,
            "model": self.model,
            "settings": dump_config(self.settings),
            "scores": {
                judge: {name: asdict(score) for name, score in scores.items()}
                for judge, scores in self.by_judge.items()
            },
            "num_unjudged": self.num_unjudged,
            "agreement": [asdict(each) for each in self.agreement],
        }


def evaluate(
    task: str,
    model: Any,
    *,
    out: str | Path = DEFAULT_OUT,
    limit: int | None = None,
    judge: str | Judge | Sequence[str | Judge] = (),
    batch_size: int = 16,
    **settings: Any,
) -> Scores:
    """Ask a model the questions of a task and return the scores by name.

    Args:
        task: its name, e.g. `abilities`; `task_names()` lists them.
        model: a loaded model, or what `load` takes.
        out: the folder that keeps answers and scores.
        limit: questions of each group at most.
        judge: one or more judges; empty takes the task's default. Several: the scores are by the
            first one (`evaluate_in_full` has those of all).
        settings: fields of `TaskSettings`: data, images, only, seed, prompt ...; and `report`.
    """
    return evaluate_in_full(
        task, model, out=out, judge=judge, batch_size=batch_size, limit=limit, **settings
    ).scores


def evaluate_in_full(
    task: str,
    model: Any,
    *,
    out: str | Path = DEFAULT_OUT,
    judge: str | Judge | Sequence[str | Judge] = (),
    batch_size: int = 16,
    report: Report | None = None,
    **settings: Any,
) -> Evaluation:
    """Do as `evaluate`, and return answers, judgements and agreement too.

    Under torchrun all processes answer; only the first one judges and counts.

    Raises:
        SettingsError: for an unknown task, judge or setting.
        DataError: for files that are not in the task's form.
    """
    found = find_task(task)
    chosen = build_config(TaskSettings, given_settings(settings))
    judges = open_judges(found, task, judge, drawn=chosen.data is None)
    questions = checked_questions(found, task, chosen)
    if isinstance(model, str | Path):
        from minigpt4.model.loading import load

        model = load(model)
    answers = answer_all(model, questions, out, batch_size=batch_size, report=report)
    identity = identify_model(model)
    if Share.from_environment().rank != 0:
        answers, judges = [], []
    result = score_answers(
        task, answers, judges=judges, settings=chosen, model=identity, report=report
    )
    return write_result(result, Path(out)) if answers else result


def score_answers(
    task: str,
    answers: Sequence[Answer],
    *,
    judges: Sequence[Judge],
    settings: TaskSettings,
    model: dict[str, Any],
    report: Report | None = None,
) -> Evaluation:
    """Judge and count answers, wherever they come from."""
    found = find_task(task)
    by_judge: dict[str, Scores] = {}
    judgements: dict[str, tuple[Judgement | None, ...]] = {}
    if not found.judges and answers:
        scores = found.score([Judged(answer=answer) for answer in answers])
        by_judge["metric"] = _stamped(scores, answers, hash_code(found.score.__module__))
    for judge in judges:
        said = judge.judge(answers, report=report)
        judgements[judge.name] = tuple(said)
        pairs = [Judged(answer=a, judgement=j) for a, j in zip(answers, said, strict=True)]
        by_judge[judge.name] = _stamped(found.score(pairs), answers, judge.hash)
    between = [judge.own_agreement() for judge in judges]
    return Evaluation(
        task=task,
        settings=settings,
        model=model,
        answers=tuple(answers),
        judgements=judgements,
        by_judge=by_judge,
        agreement=(*agree(judgements), *(own for own in between if own is not None)),
    )


def open_judges(
    task: Task, name: str, wanted: str | Judge | Sequence[str | Judge], *, drawn: bool
) -> list[Judge]:
    """Return the judges that are meant; without a wish the task's own.

    Raises:
        SettingsError: for a judge that the task does not take, or without one where it needs one.
    """
    alone = isinstance(wanted, str) or not isinstance(wanted, Sequence)
    listed: list[str | Judge] = [wanted] if alone else list(wanted)  # type: ignore[list-item]
    if not task.judges:
        if listed:
            raise SettingsError(f"{name} is counted by its metric and takes no judge")
        return []
    listed = listed or list(task.default_judges(drawn=drawn))
    if not listed:
        raise SettingsError(
            f"nobody knows the truth of these pictures; {name} needs --judge "
            f"{' or '.join(each for each in task.judges if each != 'truth')}"
        )
    return [rule_judge(task, name, each) if isinstance(each, str) else each for each in listed]


def checked_questions(task: Task, name: str, settings: TaskSettings) -> list[Question]:
    """Return the questions of a task, none of them twice.

    Raises:
        DataError: if nothing is asked, or a key names two questions.
    """
    questions = task.questions(settings)
    if not questions:
        raise DataError(f"{name} has no question with {dump_config(settings)}; change --only")
    keys = [question.key for question in questions]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DataError(f"{name} has two questions with the key {twice!r}; make the ids unique")
    return questions


def write_result(result: Evaluation, out: Path) -> Evaluation:
    """Write the scores, and each answer with its judgements, below `out`."""
    settings = hash_json(dump_config(result.settings))[:8]
    judges = "".join(f"-{re.sub(r'[^A-Za-z0-9.]+', '_', name)}" for name in result.judgements)
    file = out / result.task / f"{result.model['fingerprint'][:12]}-{settings}{judges}.json"
    rows = [
        {
            "key": answer.question.key,
            "group": answer.question.group,
            "picture": answer.question.picture.name,
            "prompt": answer.question.prompt,
            "text": answer.text,
            "finished": answer.finished,
            **{
                judge: said and asdict(said)
                for judge, said in ((name, all_[index]) for name, all_ in result.judgements.items())
            },
        }
        for index, answer in enumerate(result.answers)
    ]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_whole(file.with_suffix(".answers.jsonl"), lines)
    write_whole(file, json.dumps(result.as_json(), indent=1, ensure_ascii=False) + "\n")
    return replace(result, file=file)


def hash_prompts(answers: Sequence[Answer]) -> str:
    """Return the hash of what was asked and how the answers were decoded."""
    asked = {
        json.dumps([each.question.prompt, dump_config(each.question.decoding)], sort_keys=True)
        for each in answers
    }
    return hash_json(sorted(asked))[:16]


def _stamped(scores: Scores, answers: Sequence[Answer], judge_hash: str) -> Scores:
    """Write into each score what was asked for it: in its own group, or in all."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(answer.question.group, []).append(answer)
    hashes = {group: hash_prompts(listed) for group, listed in groups.items()}
    whole = hash_prompts(answers)
    return {
        name: replace(
            score, prompt_hash=hashes.get(name.split(".")[0], whole), judge_hash=judge_hash
        )
        for name, score in scores.items()
    }


def given_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Leave out what was not given, so that the defaults hold."""
    return {name: value for name, value in settings.items() if value is not None}

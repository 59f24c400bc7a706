"""An LLM is asked in the paper's words and its word is read; nothing is guessed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from evaluation.asked import answer, ask
from minigpt4.curation.chat_service import Completion
from minigpt4.errors import ChatServiceError, SettingsError
from minigpt4.evaluation.judge_llm import LLMJudge
from minigpt4.evaluation.judges import parse_yes_no
from minigpt4.evaluation.runner import score_answers
from minigpt4.evaluation.task import Judged, TaskSettings, find_task


class Service:
    """Replies in turn, and remembers what it was asked."""

    settings = SimpleNamespace(model="judge-1")

    def __init__(self, *replies: str | Completion) -> None:
        self._replies = [
            each if isinstance(each, Completion) else Completion(text=each) for each in replies
        ]
        self.asked: list[str] = []

    def complete(self, requests, *, note):
        self.asked += [request.messages[0]["content"] for request in requests]
        for index, reply in enumerate(self._replies):
            note(index, reply)
        return self._replies


@pytest.mark.parametrize(
    ("text", "meant"),
    [("Yes", True), ("yes.", True), ("No, it does not.", False), ("\n**No**", False),
     ("It does.", None), ("", None), ("Yesterday", None), ("Not all", None)],
)  # fmt: skip
def test_only_yes_and_no_are_read(text: str, meant: bool | None):
    assert parse_yes_no(text) is meant


def test_coverage_is_asked_in_the_papers_words():
    (question,) = ask("caption_coverage", limit=1)
    caption = question.truth["caption"]
    service = Service("Yes")
    steps: list[tuple[int, int]] = []
    said = LLMJudge("caption_coverage", service).judge(
        answer([question], lambda _: "A dog."), report=lambda *step: steps.append(step)
    )
    assert service.asked == [
        f"There is one image caption1 '{caption}', and there is another image caption2 'A dog.'. "
        "Does image caption2 cover all the objects and visual relations shown in image caption1? "
        "Only answer yes or no without any explanation."
    ]
    assert [each.passed for each in said] == [True]
    assert steps == [(1, 1)]


def test_what_is_neither_yes_nor_no_is_unparsable_and_no_pass():
    answers = answer(ask("caption_coverage", limit=3), lambda _: "A dog.")
    said = LLMJudge("caption_coverage", Service("No", "Perhaps", "Yes")).judge(answers)
    assert [each.passed for each in said] == [False, None, True]
    pairs = [Judged(answer=a, judgement=j) for a, j in zip(answers, said, strict=True)]
    score = find_task("caption_coverage").score(pairs)["covered"]
    assert (score.value, score.count, score.unparsable) == (1 / 3, 3, 1 / 3)


REFUSED = Completion(text="", error="400: not this")


def test_what_is_refused_is_left_out_of_the_scores_and_told(caplog):
    answers = answer(ask("caption_coverage", limit=3), lambda _: "A dog.")
    judge = LLMJudge("caption_coverage", Service("Yes", REFUSED, "No"))
    settings = TaskSettings(limit=3)
    result = score_answers("caption_coverage", answers, judges=[judge], settings=settings, model={})
    score = result.scores["covered"]
    assert (score.value, score.count, score.unparsable) == (0.5, 2, 0)
    assert result.as_json()["num_unjudged"] == {"llm": 1}
    assert result.judgements["llm"][1].reason == "400: not this"
    assert "refused to judge 1 of 3 answers, the first with: 400: not this" in caplog.text


def test_who_refuses_everything_is_no_judge():
    answers = answer(ask("caption_coverage", limit=2), lambda _: "A dog.")
    with pytest.raises(ChatServiceError, match=r"judge-1 refused to judge all 2 .* not this"):
        LLMJudge("caption_coverage", Service(REFUSED, REFUSED)).judge(answers)
    assert LLMJudge("caption_coverage", Service()).judge([]) == []


def test_of_failures_no_is_the_pass():
    answers = answer(ask("failures", limit=1), lambda _: "A dog.")
    said = LLMJudge("failures", Service("yes", "no")).judge(answers)
    assert [each.passed for each in said] == [False, True]


def test_another_model_is_another_judge_and_metrics_take_none():
    one = LLMJudge("abilities", Service())
    other = Service()
    other.settings = SimpleNamespace(model="judge-2")
    assert one.hash != LLMJudge("abilities", other).hash
    assert one.hash != LLMJudge("failures", Service()).hash
    with pytest.raises(SettingsError, match="no LLM judges gqa"):
        LLMJudge("gqa", Service())

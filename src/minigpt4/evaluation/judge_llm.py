"""An LLM as judge, behind any OpenAI-compatible address.

It is asked in the task's words and says yes or no; what is neither counts as no pass and as
unparsable. A request that the service refuses is no verdict: its answer is left out of the scores,
and who refuses every one is no judge. Verdicts are cached by content, so judging again costs
nothing.

Paper: Table 2 (ChatGPT).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from minigpt4.curation.chat_service import ChatService, Completion, Request
from minigpt4.errors import ChatServiceError, SettingsError
from minigpt4.evaluation.agreement import PairAgreement
from minigpt4.evaluation.answering import Report
from minigpt4.evaluation.identity import hash_json
from minigpt4.evaluation.judges import parse_yes_no
from minigpt4.evaluation.question import Answer
from minigpt4.evaluation.task import Judgement, LLMPrompt, find_task

logger = logging.getLogger(__name__)

MAX_REPLY_TOKENS = 16
"""Room for "Yes." and a few words; LLMs that explain all the same are cut."""


class LLMJudge:
    """Asks a chat service about each answer."""

    name = "llm"

    def __init__(self, task: str, service: ChatService) -> None:
        """Raises SettingsError if no LLM can judge this task."""
        prompt = find_task(task).llm
        if prompt is None:
            raise SettingsError(f"no LLM judges {task}; leave --judge llm out")
        self._prompt: LLMPrompt = prompt
        self._service = service

    @property
    def hash(self) -> str:
        return hash_json([self.name, self._service.settings.model, self._prompt.text])[:16]

    def judge(
        self, answers: Sequence[Answer], *, report: Report | None = None
    ) -> list[Judgement | None]:
        """Return the LLM's verdicts; all requests are sent at once, as the service allows.

        Raises:
            ChatServiceError: if the service as a whole fails, or refuses every request; what it
                said is kept.
        """
        num_done = 0

        def note(*_: object) -> None:
            nonlocal num_done
            num_done += 1
            if report is not None:
                report(num_done, len(answers))

        requests = [
            Request.of("", self._prompt.about(answer), max_tokens=MAX_REPLY_TOKENS)
            for answer in answers
        ]
        completions = self._service.complete(requests, note=note)
        self._check_refusals(completions)
        return [self._read(each) for each in completions]

    def own_agreement(self) -> PairAgreement | None:
        return None

    def _check_refusals(self, completions: Sequence[Completion]) -> None:
        refusals = [each.error for each in completions if each.error]
        if not refusals:
            return
        name, count = self._service.settings.model, len(completions)
        if len(refusals) == count:
            raise ChatServiceError(
                f"{name} refused to judge all {count} answers, the first with: {refusals[0]}; "
                "wanted yes or no: check --judge-url and --judge-model, or take another judge"
            )
        logger.warning(
            "%s refused to judge %d of %d answers, the first with: %s; they are left out of its "
            "scores: run the same command again, or take another --judge-model",
            name, len(refusals), count, refusals[0],
        )  # fmt: skip

    def _read(self, completion: Completion) -> Judgement:
        if completion.error:
            return Judgement(passed=None, refused=True, reason=completion.error)
        said_yes = parse_yes_no(completion.text)
        passed = None if said_yes is None else said_yes == (self._prompt.passes_on == "yes")
        return Judgement(passed=passed, reason=completion.text.strip())

"""Repair: another LLM mends the language of a description, with the paper's instruction.

It sees the text only, so it may mend words and never facts. Behind an address it gets the
instruction as the system message and the paragraph as the user's, as in the authors' script; an
LLM in this process gets both in one message. A text that a service refuses, or whose reply is cut
off, has no repair: it waits, with the reason, for a run that gets one.

Paper: §3.2.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from minigpt4.config import config
from minigpt4.curation.chat_service import ChatService, Completion, Request
from minigpt4.errors import ContextLengthError
from minigpt4.generation import GREEDY, Conversation, GenerationSettings, generate

logger = logging.getLogger(__name__)

INSTRUCTION = (
    "Fix the error in the given paragraph. Remove any repeating sentences, meaningless characters, "
    "not English sentences, and so on. Remove unnecessary repetition. Rewrite any incomplete "
    "sentences. Return directly the results without explanation. Return directly the input "
    "paragraph if it is already correct without explanation."
)
"""The paper's instruction, word for word."""

NO_REPAIR = "none"
"""The name of the repairing model where nothing is repaired."""

Note = Callable[[Sequence[tuple[int, str]]], object]
"""Called with indices of texts and their repairs; what comes together is recorded together."""


@config
class RepairSettings:
    """What the repairing LLM is told."""

    instruction: str = INSTRUCTION
    """What is to be done with the paragraph."""
    instruction_as: Literal["system", "user"] = "system"
    """Where a service gets the instruction: as the system message, or before the paragraph."""
    temperature: float | None = 0.0
    """For a service; the authors took 0.7. None: not sent, for models that refuse it."""
    max_tokens: int | None = 512
    """Longest repair of a service, in its tokens; the authors took 200. None: not sent."""
    generation: GenerationSettings = GREEDY
    """How an LLM in this process decodes."""
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Paragraphs repaired together in this process. Changes no repair."""


Answer = Callable[[Sequence[str]], list[str]]
"""Mends some texts in this process, or in all processes of a launch."""


class Repairer(Protocol):
    """Mends paragraphs."""

    name: str
    """What the drafts say about who repaired them."""

    def repair(self, texts: Sequence[str], note: Note) -> dict[int, str]:
        """Mend texts and `note` each as soon as it has come; return why others have no repair.

        Returns:
            Reasons by index; what is in it was not noted and may be asked again.

        Raises:
            ChatServiceError: when a service as a whole can't be used.
        """
        ...


class ServiceRepairer:
    """An LLM behind an OpenAI-compatible address."""

    def __init__(self, service: ChatService, settings: RepairSettings) -> None:
        self.service, self.settings = service, settings
        self.name = service.settings.model

    def repair(self, texts: Sequence[str], note: Note) -> dict[int, str]:
        left: dict[int, str] = {}

        def take(index: int, completion: Completion) -> None:
            if reason := self._why_no_repair(completion):
                logger.warning("no repair of %.40r...: %s", texts[index], reason)
                left[index] = reason
            else:
                note([(index, completion.text)])

        self.service.complete([self._request(text) for text in texts], note=take)
        return left

    def _why_no_repair(self, completion: Completion) -> str:
        """Say why a completion can't take the text's place; "" if it can."""
        if completion.error:
            return completion.error
        if completion.finish_reason == "length":
            limit = self.settings.max_tokens
            after = "" if limit is None else f" after {limit} tokens"
            return f"the reply was cut off{after} (curation.repair.max_tokens gives more room)"
        if completion.finish_reason == "content_filter":
            return "the reply was cut off by the service's content filter"
        return ""

    def _request(self, text: str) -> Request:
        told = self.settings
        options = {"temperature": told.temperature, "max_tokens": told.max_tokens}
        if told.instruction_as == "user":
            return Request.of("", f"{told.instruction} {text}", **options)
        return Request.of(told.instruction, text, **options)


class ModelRepairer:
    """The LLM of a MiniGPT-4 in this process; it looks at no picture."""

    def __init__(self, answer: Answer, *, name: str, batch_size: int) -> None:
        self.name = name
        self._answer, self._batch_size = answer, batch_size

    def repair(self, texts: Sequence[str], note: Note) -> dict[int, str]:
        for start in range(0, len(texts), self._batch_size):
            repairs = self._answer(texts[start : start + self._batch_size])
            note(list(enumerate(repairs, start=start)))
        return {}


def repair_texts(model: Any, texts: Sequence[str], settings: RepairSettings) -> list[str]:
    """Let the LLM of a model mend texts; "" for a text that is too long for it."""
    asked = [Conversation.ask(f"{settings.instruction} {text}") for text in texts]
    try:
        return _generate(model, asked, settings)
    except ContextLengthError:
        return [_alone(model, each, settings) for each in asked]


def _alone(model: Any, asked: Conversation, settings: RepairSettings) -> str:
    try:
        return _generate(model, [asked], settings)[0]
    except ContextLengthError:
        return ""


def _generate(model: Any, asked: Sequence[Conversation], settings: RepairSettings) -> list[str]:
    replies = generate(model, asked, settings.generation, batch_size=settings.batch_size)
    return [reply.text for reply in replies]

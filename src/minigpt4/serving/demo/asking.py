"""One question on its way to every model, and the visitor who asked it.

Nothing here waits: the page looks at `Asking.answers` a few times a second. A visitor is one open
tab. Tabs share nothing but the engines.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from minigpt4.errors import MiniGPT4Error, PromptError
from minigpt4.generation.settings import GenerationSettings
from minigpt4.processing.conversation import Message
from minigpt4.serving.demo.talk import Answer, Picture, Talk, Turn
from minigpt4.serving.ticket import Request, Ticket


class Submits(Protocol):
    """What the page needs of an engine."""

    def submit(self, request: Request) -> Ticket:
        """Take a request and return at once."""
        ...


@dataclass(frozen=True)
class Speaker:
    """A model that answers, under the name the page shows."""

    name: str
    engine: Submits


class Asking:
    """One question while it is answered."""

    def __init__(self, speakers: Sequence[Speaker], talk: Talk, turn: Turn) -> None:
        """Hand the question to every engine; one that refuses it fails in its answer."""
        self._asked = turn
        self._stopped: tuple[Answer, ...] | None = None
        self._pending = [
            (speaker.name, _submit(speaker, talk.messages(place, turn), turn.settings))
            for place, speaker in enumerate(speakers)
        ]

    @property
    def answers(self) -> tuple[Answer, ...]:
        """How far each answer has come."""
        if self._stopped is not None:
            return self._stopped
        return tuple(_answer(name, pending) for name, pending in self._pending)

    @property
    def done(self) -> bool:
        """Whether nothing more comes."""
        return all(answer.ending != "coming" for answer in self.answers)

    @property
    def turn(self) -> Turn:
        """The question with the answers so far."""
        return replace(self._asked, answers=self.answers)

    def stop(self) -> None:
        """End every answer that is still coming where it is now."""
        if self._stopped is not None:
            return
        for _, pending in self._pending:
            if isinstance(pending, Ticket):
                pending.cancel()
        self._stopped = tuple(
            replace(answer, ending="stopped") if answer.ending == "coming" else answer
            for answer in self.answers
        )


class Visitor:
    """An open tab: its conversation, and the question that is being answered, if any."""

    def __init__(self, speakers: Sequence[Speaker]) -> None:
        self.talk = Talk()
        self.asking: Asking | None = None
        self._speakers = speakers
        # Two events of one tab may run at the same time, in different threads.
        self._lock = threading.RLock()

    @property
    def whole_talk(self) -> Talk:
        """The conversation with what is being answered now."""
        with self._lock:
            return self.talk if self.asking is None else self.talk.with_turn(self.asking.turn)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures shown so far."""
        return self.whole_talk.pictures

    def ask(
        self, question: str, pictures: Sequence[Picture], settings: GenerationSettings
    ) -> Asking:
        """Ask all models; an answer that is still coming is stopped and kept as it is.

        Raises:
            PromptError: for an empty question.
        """
        if not question.strip():
            raise PromptError("the question is empty; ask something")
        with self._lock:
            self.stop()
            turn = Turn(question=question, pictures=tuple(pictures), settings=settings)
            self.asking = Asking(self._speakers, self.talk, turn)
            return self.asking

    def halt(self) -> None:
        """Let what is being answered end here; whoever watches it takes it into the talk."""
        with self._lock:
            if self.asking is not None:
                self.asking.stop()

    def stop(self) -> None:
        """Stop what is being answered, if anything; as far as it came it is part of the talk."""
        with self._lock:
            if self.asking is not None:
                self.asking.stop()
                self.talk = self.talk.with_turn(self.asking.turn)
                self.asking = None

    def settle(self, asking: Asking) -> bool:
        """Take an answered question into the talk; False if that has been done already."""
        with self._lock:
            if self.asking is not asking:
                return False
            self.stop()
            return True

    def take_back(self) -> Turn | None:
        """Remove the last turn and return it, to ask it again; None if there is none."""
        with self._lock:
            self.stop()
            if not self.talk.turns:
                return None
            turn = self.talk.turns[-1]
            self.talk = self.talk.without_last()
            return turn

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self.stop()
            self.talk = Talk()


def _submit(
    speaker: Speaker, messages: list[Message], settings: GenerationSettings
) -> Ticket | MiniGPT4Error:
    try:
        return speaker.engine.submit(
            Request(messages=messages, settings=settings, drop_old_turns=True)
        )
    except MiniGPT4Error as error:
        return error


def _answer(name: str, pending: Ticket | MiniGPT4Error) -> Answer:
    if not isinstance(pending, Ticket):
        return Answer(model=name, ending="failed", error=str(pending))
    if not pending.done:
        return Answer(model=name, text=pending.text)
    try:
        reply = pending.result()
    except MiniGPT4Error as error:
        return Answer(model=name, text=pending.text, ending="failed", error=str(error))
    return Answer(
        model=name,
        text=reply.text,
        ending=reply.finish_reason,
        num_dropped_turns=pending.num_dropped_turns,
    )

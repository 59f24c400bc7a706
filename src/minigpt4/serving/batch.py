"""Answers being made at the same time: rows that join and leave between any two steps.

`Batch` holds ordinary answers, one row each. `BeamSearch` is one answer with several rows, which
moves by one token whenever the batch does. Neither knows the queue, the clock or the callers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from minigpt4.errors import GenerationError
from minigpt4.generation.beams import beam_steps
from minigpt4.generation.prompt import ImageCache, embed_prompts, ready_prompt
from minigpt4.generation.rows import Rows
from minigpt4.generation.sampling import UNUSABLE_REMEDY, choose_tokens, unusable_rows
from minigpt4.serving.job import Job, Preparer

LEAVE_SHARE = 4
"""Rows that have ended leave when they are one in this many: leaving copies the whole cache."""


def prefill(model: Any, jobs: Sequence[Job], images: ImageCache) -> tuple[Rows, Tensor]:
    """Read prompts; return their rows and the logits (B, V) of their first tokens."""
    # All pictures at once: the vision encoder takes a batch in little more than one's time.
    embedded = iter(images.embed_pixels([each for job in jobs for each in job.pictures]))
    ready = [ready_prompt(job.row, [next(embedded) for _ in job.pictures]) for job in jobs]
    rows = Rows(model.llm)
    return rows, rows.prefill(*embed_prompts(model, ready))


class Batch:
    """One row for each answer; any number of rows, none included."""

    def __init__(self, model: Any, preparer: Preparer, images: ImageCache) -> None:
        self._model, self._preparer, self._images = model, preparer, images
        self.clear()

    def clear(self) -> None:
        """Let go of all rows."""
        self._rows: Rows | None = None
        self._jobs: list[Job | None] = []
        """The rows' jobs; None where the answer has ended and the row is still there."""
        self._tokens: list[int] = []

    @property
    def jobs(self) -> list[Job]:
        """The answers that are being made."""
        return [job for job in self._jobs if job is not None]

    @property
    def num_rows(self) -> int:
        """Rows that a step computes, ended ones included."""
        return len(self._jobs)

    @property
    def open(self) -> bool:
        """Whether others can join now; some LLMs keep a state that cannot be joined."""
        return self._rows is None or self._rows.can_join

    def admit(self, jobs: Sequence[Job]) -> list[Job]:
        """Read the prompts, choose their first tokens and join; return those that ended at once."""
        rows, logits = prefill(self._model, jobs, self._images)
        tokens = self._choose(logits, jobs)
        going = [index for index, job in enumerate(jobs) if not job.ended]
        if going:
            if len(going) < len(jobs):
                rows.select(going)
            if self._rows is None:
                self._rows = rows
            else:
                self._rows.join(rows)
            self._jobs += [jobs[index] for index in going]
            self._tokens += [tokens[index] for index in going]
        return [job for job in jobs if job.ended]

    def step(self) -> list[Job]:
        """Give each answer its next token; return those that have ended.

        Whoever is returned is out of the batch, whatever happens to it later: leaving copies the
        cache, which may find no memory, so ended rows leave at the next step.
        """
        self.leave()
        if self._rows is None:
            return []
        logits = self._rows.step(self._tokens)
        places = [place for place, job in enumerate(self._jobs) if job is not None]
        jobs = self.jobs
        tokens = self._choose(logits if len(jobs) == len(self._jobs) else logits[places], jobs)
        for place, token_id in zip(places, tokens, strict=True):
            self._tokens[place] = token_id
        ended = [job for job in jobs if job.ended]
        self.drop(ended)
        return ended

    def drop(self, jobs: Sequence[Job]) -> None:
        """Take answers out that have ended or are given up; their rows leave later."""
        gone = {id(job) for job in jobs}
        self._jobs = [None if id(job) in gone else job for job in self._jobs]
        if not self.jobs:
            self.clear()

    def leave(self, *, at_once: bool = False) -> None:
        """Let rows go whose answers have ended: when they are many, or all at once.

        When it fails, the rows that are left cannot go on: `clear` them.
        """
        going = [place for place, job in enumerate(self._jobs) if job is not None]
        num_ended = len(self._jobs) - len(going)
        if num_ended and (at_once or LEAVE_SHARE * num_ended >= len(self._jobs)):
            assert self._rows is not None, "there are jobs, so there are rows"
            self._rows.select(going)
            if self._rows.can_join:
                self._rows.trim()
            self._jobs = [self._jobs[place] for place in going]
            self._tokens = [self._tokens[place] for place in going]

    def _choose(self, logits: Tensor, jobs: Sequence[Job]) -> list[int]:
        """Choose each answer's next token and hand it on."""
        for row in unusable_rows(logits):
            # One picture may overflow; its neighbours' answers are as good as ever.
            jobs[row].error = GenerationError(f"the LLM's logits are not finite; {UNUSABLE_REMEDY}")
            logits[row] = 0
        tokens = choose_tokens(logits, [job.answer for job in jobs])
        for job, scores, token_id in zip(jobs, logits, tokens, strict=True):
            if job.error is not None:
                continue
            num_top = job.num_top_logprobs
            logprob = None
            if num_top is not None:
                logprob = self._preparer.logprob(scores, token_id, num_top=num_top)
            job.accept(token_id, logprob)
        return tokens


class BeamSearch:
    """One answer by beam search, a token at a time."""

    def __init__(self, model: Any, job: Job, images: ImageCache) -> None:
        self.job = job
        self._steps = beam_steps(*prefill(model, [job], images), [job.answer])

    def step(self) -> bool:
        """Grow the beams by one token; return whether the search has ended."""
        try:
            next(self._steps)
        except StopIteration as end:
            (self.job.answer,) = end.value
            self.job.publish()
            return True
        return False

"""One model, many requests: whoever waits joins the batch between two tokens.

    with Engine(model) as engine:
        ticket = engine.submit(Request(messages=[Message("user", "What is this?", (picture,))]))
        for text in ticket:
            print(text, end="")

One thread owns the model. Between two steps of the LLM it takes answers out that have ended, were
given up or ran out of time, and lets waiting requests in, so nobody waits for his neighbour's
longest answer. Every row has its own settings, chance, stop strings, mask and positions: an answer
is the one that its request would get alone.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NoReturn

from minigpt4.errors import (
    EngineClosedError,
    QueueFullError,
    RequestCancelledError,
    RequestTimeoutError,
    SettingsError,
)
from minigpt4.generation.prompt import ImageCache
from minigpt4.serving.batch import Batch, BeamSearch
from minigpt4.serving.job import Job, Preparer
from minigpt4.serving.metrics import EngineMetrics, Meter, Outcome
from minigpt4.serving.ticket import Piece, Request, Ticket, TokenLogprob

__all__ = ["Engine", "Piece", "Places", "Request", "Ticket", "TokenLogprob"]

logger = logging.getLogger(__name__)

MAX_CACHED_IMAGES = 256
"""Pictures whose embeddings are kept."""

STEPS_BETWEEN_ADMISSIONS = 4
"""While many answers run, newcomers are read together every so many steps, not one by one."""


@dataclass
class Places:
    """Places in the queue that are held for requests which are still being read."""

    num: int


class Engine:
    """A model with a queue before it. All methods may be called from any thread."""

    def __init__(
        self,
        model: Any,
        *,
        max_batch: int = 32,
        max_queue: int = 256,
        request_seconds: float = 120.0,
    ) -> None:
        """Start the thread that owns `model`; nobody else may use the model until `close`.

        `max_batch` answers are made at once, `max_queue` requests may wait, and an answer is cut
        `request_seconds` after its request came.

        Raises:
            SettingsError: for limits with which no request would ever be answered.
        """
        if max_batch < 1 or max_queue < 0 or not request_seconds > 0:
            raise SettingsError(
                f"max_batch is {max_batch}, max_queue {max_queue}, request_seconds "
                f"{request_seconds:g}; wanted at least 1, at least 0 and more than 0"
            )
        self.model = model
        self.max_batch, self.max_queue = max_batch, max_queue
        self.request_seconds = request_seconds
        self._images = ImageCache(model, max_images=MAX_CACHED_IMAGES)
        self._preparer = Preparer(model, max_beams=max_batch, request_seconds=request_seconds)
        self._meter = Meter()
        self._batch = Batch(model, self._preparer, self._images)
        self._beams: BeamSearch | None = None
        self._steps_since_admission = STEPS_BETWEEN_ADMISSIONS
        self._queue: deque[Job] = deque()
        self._num_held = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="minigpt4-engine", daemon=True)
        self._thread.start()

    # -- for callers ------------------------------------------------------------------------------

    def submit(self, request: Request) -> Ticket:
        """Put a request into the queue and return at once with its ticket.

        The caller's thread reads pictures and text here, so call it in a worker thread when you
        are in an event loop.

        Raises:
            QueueFullError: when too many requests wait.
            EngineClosedError: after `close`.
            PromptError, ContextLengthError, ImageError, SettingsError: for a bad request.
        """
        return self.submit_all([request])[0]

    def submit_all(self, requests: Sequence[Request], places: Places | None = None) -> list[Ticket]:
        """Do as `submit` for several requests: all of them get in, or none.

        Choices of one answer, which differ in their seeds alone, are read once if they share the
        very list of messages. With `places` from `reserve` there is room for certain.
        """
        if places is None:
            with self.reserve(len(requests)) as reserved:
                return self.submit_all(requests, reserved)
        jobs = self._preparer.prepare_all(requests)
        with self._changed:
            self._check_open()
            self._num_held -= places.num
            places.num = 0
            self._queue.extend(jobs)
            self._meter.count("submitted", len(jobs))
            self._changed.notify_all()
        return [job.ticket for job in jobs]

    @contextmanager
    def reserve(self, num: int) -> Iterator[Places]:
        """Hold places for `num` requests while their pictures are fetched and read.

        Raises what `submit` raises if there is no room. Whoever does not submit gives his places
        back when the block ends.
        """
        with self._changed:
            self._check_open()
            num_waiting = len(self._queue) + self._num_held
            # Whoever can run at once does not wait.
            room = self.max_queue + max(0, self.max_batch - len(self._running()))
            full = num_waiting + num > room
            places = Places(0 if full else num)
            self._num_held += places.num
        if full:
            self._refuse(num, num_waiting)
        try:
            yield places
        finally:
            with self._changed:
                self._num_held -= places.num
                places.num = 0

    def _check_open(self) -> None:
        if self._closing:
            raise EngineClosedError("the engine is closed; start another")

    def _refuse(self, num: int, num_waiting: int) -> NoReturn:
        self._meter.count("refused", num)
        seconds = self._meter.mean_answer_seconds * num_waiting / self.max_batch
        raise QueueFullError(
            f"{num_waiting} requests wait already, limit {self.max_queue}; try again later",
            retry_after_seconds=min(60, max(1, math.ceil(seconds))),
        )

    @property
    def alive(self) -> bool:
        """Whether the engine's thread runs."""
        return self._thread.is_alive()

    def metrics(self) -> EngineMetrics:
        """Return what has been counted so far."""
        with self._changed:
            queue_length = len(self._queue)
        return self._meter.read(
            queue_length=queue_length,
            num_running=len(self._running()),
            num_images_encoded=self._images.num_encoded,
            num_images_found=self._images.num_found,
        )

    def close(self, *, finish: bool = True) -> None:
        """Take no more requests and wait for the end of those there are.

        With `finish=False` what waits or runs is cancelled instead.
        """
        with self._changed:
            self._closing = True
            if not finish:
                for job in [*self._queue, *self._running()]:
                    job.ticket.cancel()
            self._changed.notify_all()
        self._thread.join()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(finish=error is None)

    # -- the engine's thread ----------------------------------------------------------------------

    def _run(self) -> None:
        while self._wait_for_work():
            try:
                self._drop_given_up()
                self._admit()
                self._step()
            except Exception as error:
                # A model that fails (NaN, out of memory) fails those who use it now, not the rest.
                logger.exception("the model failed; %d answers are lost", len(self._running()))
                self._fail_running(error)

    def _wait_for_work(self) -> bool:
        """Sleep until there is something to do; return False when there never will be."""
        with self._changed:
            while not self._queue and not self._running():
                if self._closing:
                    return False
                self._changed.wait()
        return True

    def _drop_given_up(self) -> None:
        """Take out what was cancelled or ran out of time, waiting or running."""
        with self._changed:
            waiting = [job for job in self._queue if job.ticket.cancelled or job.late]
            for job in waiting:
                self._queue.remove(job)
        for job in waiting:
            self._give_up(job)
        running = [job for job in self._running() if job.ticket.cancelled or job.late]
        self._batch.drop(running)
        for job in running:
            if self._beams is not None and self._beams.job is job:
                self._beams = None
            if job.ticket.cancelled or job.num_beams > 1:
                self._give_up(job)
                continue
            job.cut()
            job.ticket.timed_out = True
            self._end(job, "timeout")

    def _admit(self) -> None:
        """Let waiting requests in, as many as there is room for."""
        self._steps_since_admission += 1
        busy = 4 * len(self._batch.jobs) >= self.max_batch
        if busy and self._steps_since_admission < STEPS_BETWEEN_ADMISSIONS:
            return
        if not self._queue:
            return
        # Before anybody is taken from the queue: when this fails, only those who run are lost.
        if self._batch.open:
            self._batch.leave(at_once=True)
        joining, searching = self._take_from_queue()
        if not joining and searching is None:
            return
        self._steps_since_admission = 0
        if joining:
            self._try_to_read(joining, self._join)
        if searching is not None:
            self._try_to_read([searching], self._begin_search)

    def _try_to_read(self, jobs: Sequence[Job], read: Callable[[Sequence[Job]], None]) -> None:
        try:
            read(jobs)
        except Exception as error:
            # They have not joined: those who run are not touched.
            logger.exception("the model could not read %d prompts", len(jobs))
            for job in jobs:
                if not job.ticket.done:
                    self._fail(job, error)

    def _join(self, jobs: Sequence[Job]) -> None:
        ended = self._batch.admit(jobs)
        self._note_first_tokens(jobs, ended)

    def _begin_search(self, jobs: Sequence[Job]) -> None:
        (job,) = jobs
        self._meter.count("prompt_tokens", len(job.row))
        self._beams = BeamSearch(self.model, job, self._images)

    def _take_from_queue(self) -> tuple[list[Job], Job | None]:
        """Return those who join the batch and the one whose beams are searched next, if any."""
        room = self.max_batch - len(self._batch.jobs) if self._batch.open else 0
        joining: list[Job] = []
        searching: Job | None = None
        passed_over: list[Job] = []
        with self._changed:
            while self._queue:
                job = self._queue.popleft()
                if job.num_beams == 1 and len(joining) < room:
                    joining.append(job)
                elif job.num_beams > 1 and self._beams is None and searching is None:
                    searching = job
                else:
                    passed_over.append(job)
            self._queue.extend(passed_over)
        return joining, searching

    def _note_first_tokens(self, jobs: Sequence[Job], ended: Sequence[Job]) -> None:
        now = time.monotonic()
        self._meter.count("prompt_tokens", sum(len(job.row) for job in jobs))
        self._meter.step(len(jobs))
        for job in jobs:
            self._meter.first_token(now - job.ticket.submitted_at)
        for job in ended:
            self._end(job)

    def _step(self) -> None:
        if self._batch.jobs:
            self._meter.step(len(self._batch.jobs))
            for job in self._batch.step():
                self._end(job)
        if self._beams is not None:
            job = self._beams.job
            self._meter.step(1)
            if self._beams.step():
                self._beams = None
                self._meter.first_token(time.monotonic() - job.ticket.submitted_at)
                self._end(job)

    # -- ends -------------------------------------------------------------------------------------

    def _end(self, job: Job, outcome: Outcome | None = None) -> None:
        """Hand over a whole answer, or the reason why there is none."""
        if job.error is not None:
            logger.error("an answer failed: %s", job.error)
            self._fail(job, job.error)
            return
        job.finish()
        reason = job.answer.finish_reason
        assert reason is not None, "only an answer that has ended is handed over"
        self._note(job, outcome or reason)

    def _give_up(self, job: Job) -> None:
        """Tell a caller that his answer does not come: he went away, or time ran out."""
        if job.ticket.cancelled:
            self._note(job, "cancelled")
            job.ticket.fail(RequestCancelledError("the answer was given up before its end"))
            return
        job.ticket.timed_out = True
        self._note(job, "timeout")
        seconds = job.deadline - job.ticket.submitted_at
        job.ticket.fail(
            RequestTimeoutError(f"no answer after {seconds:g} seconds; the server is too busy")
        )

    def _fail(self, job: Job, error: BaseException) -> None:
        self._note(job, "failed")
        job.ticket.fail(error)

    def _fail_running(self, error: BaseException) -> None:
        jobs = self._running()
        self._batch.clear()
        self._beams = None
        for job in jobs:
            if not job.ticket.done:
                self._fail(job, error)

    def _note(self, job: Job, outcome: Outcome) -> None:
        self._meter.end(outcome, time.monotonic() - job.ticket.submitted_at)

    def _running(self) -> list[Job]:
        beams = self._beams
        return [*self._batch.jobs, *([beams.job] if beams is not None else [])]

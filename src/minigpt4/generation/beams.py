"""Beam search and beam sampling, several prompts at once.

A beam that ends in a stop string counts as finished like one that ends in the end-of-sequence
token; the official code waits until all beams of all rows end in `###`, which hardly happens.
Everything else is done as transformers 4.30 did it for the official code: a finished beam's score
is its log-probability divided by its length to the power of `length_penalty`, where the length
counts BOS and not the token that ended it. It takes as many candidates as there are ways to end;
a stop string can end in any number of tokens, so here candidates are taken until enough live on.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt4.generation.answers import Answer
from minigpt4.generation.rows import Rows
from minigpt4.generation.sampling import check_finite, nucleus, penalise

_UNREACHABLE = -1e9
"""The score of a beam that only fills its place; what grows from it is never taken."""

_WIDENING = 4
"""How many times more candidates are looked at when too many of them have ended."""


class _Beams:
    """The beams of one prompt."""

    def __init__(self, empty: Answer) -> None:
        self.settings = empty.settings
        self.live = [empty.fork() for _ in range(self.settings.num_beams)]
        # All beams begin equal. A search must not find the same beam several times; draws differ.
        others = 0.0 if self.settings.do_sample else _UNREACHABLE
        self.scores = [0.0] + [others] * (self.settings.num_beams - 1)
        self.finished: list[tuple[float, Answer]] = []
        self.done = False

    def advance(self, totals: Float[Tensor, "beams vocab"]) -> tuple[list[int], list[int]]:
        """Grow by one token; return each new beam's parent and its token."""
        parents, tokens, live, kept = [], [], [], []
        best = _UNREACHABLE
        for rank, (score, index) in enumerate(self._candidates(totals)):
            best = max(best, score)
            parent, token = divmod(index, totals.shape[1])
            answer = self.live[parent].fork()
            answer.accept(token)
            if answer.finish_reason == "stop":
                # Behind the first beams an end is not yet good enough to count.
                if rank < self.settings.num_beams:
                    self._finish(score, answer, length=len(answer.token_ids))
                continue
            parents.append(parent)
            tokens.append(token)
            live.append(answer)
            kept.append(score)
            if len(live) == self.settings.num_beams:
                break
        if not live:
            self.done = True
            return [], []
        self._close(best=best, num_tokens=len(live[0].token_ids))
        missing = self.settings.num_beams - len(live)
        self.live = live + [live[0].fork() for _ in range(missing)]
        self.scores = kept + [_UNREACHABLE] * missing
        return parents + parents[:1] * missing, tokens + tokens[:1] * missing

    def best(self) -> Answer:
        """Return the best answer; unfinished beams count if the search was cut."""
        if not self.done:
            for score, answer in zip(self.scores, self.live, strict=True):
                if _is_reachable(score):
                    self._finish(score, answer, length=1 + len(answer.token_ids))
        return max(self.finished, key=lambda pair: pair[0])[1]

    def _candidates(self, totals: Tensor) -> Iterator[tuple[float, int]]:
        """Yield scores and flat indices of candidates, best first.

        The first are twice as many as there are beams; who has too few that live on takes more.
        """
        if self.settings.do_sample:
            yield from self._drawn(totals)
            return
        flat = totals.flatten()
        num = 2 * self.settings.num_beams
        taken: set[int] = set()
        while len(taken) < len(flat):
            scores, indices = flat.topk(min(num, len(flat)))
            for score, index in zip(scores.tolist(), indices.tolist(), strict=True):
                if not _is_reachable(score):
                    return
                if index not in taken:
                    taken.add(index)
                    yield score, index
            num *= _WIDENING

    def _drawn(self, totals: Tensor) -> Iterator[tuple[float, int]]:
        """Yield candidates drawn from the beams' nuclei; each draw is sorted, best first."""
        flat = totals.flatten()
        weights = (self._sampling_weights(totals).flatten() * _is_reachable(flat)).cpu()
        generator = torch.Generator().manual_seed(self.live[0].chance.getrandbits(63))
        num = 2 * self.settings.num_beams
        while num_left := int((weights > 0).sum()):
            drawn = torch.multinomial(weights, min(num, num_left), generator=generator)
            weights[drawn] = 0
            scores, order = flat[drawn.to(flat.device)].sort(descending=True)
            yield from zip(scores.tolist(), drawn[order.cpu()].tolist(), strict=True)
            num *= _WIDENING

    def _sampling_weights(self, totals: Tensor) -> Tensor:
        """Return the probability of each candidate, zero outside each beam's nucleus."""
        warm = totals / self.settings.temperature
        likeliest, order = warm.softmax(dim=-1).sort(dim=-1, descending=True)
        inside = nucleus(likeliest, torch.full_like(likeliest[:, :1], self.settings.top_p)) > 0
        # Two candidates a beam are the least that keeps every beam alive if one of them ends.
        inside[:, :2] = True
        allowed = torch.zeros_like(inside).scatter(-1, order, inside)
        weights = warm.flatten().softmax(dim=0).view_as(warm)
        return weights.clamp(min=torch.finfo(weights.dtype).tiny) * allowed

    def _finish(self, score: float, answer: Answer, *, length: int) -> None:
        self.finished.append((score / length**self.settings.length_penalty, answer))
        self.finished.sort(key=lambda pair: pair[0], reverse=True)
        del self.finished[self.settings.num_beams :]

    def _close(self, *, best: float, num_tokens: int) -> None:
        """Be done when no live beam can still become better than the worst finished one."""
        if len(self.finished) == self.settings.num_beams:
            attainable = best / (1 + num_tokens) ** self.settings.length_penalty
            self.done = self.finished[-1][0] >= attainable


def _is_reachable(score: Any) -> Any:
    """Say of a score, or of each of a tensor's, whether no place filler is in its past."""
    return score > _UNREACHABLE / 2


def beam_search(
    rows: Rows, logits: Float[Tensor, "batch vocab"], answers: Sequence[Answer]
) -> list[Answer]:
    """Return the best finished answer for each row; the answers given are empty.

    `logits` are those of the first token, as `Rows.prefill` returns them.
    """
    search = beam_steps(rows, logits, answers)
    while True:
        try:
            next(search)
        except StopIteration as end:
            return end.value


def beam_steps(
    rows: Rows, logits: Float[Tensor, "batch vocab"], answers: Sequence[Answer]
) -> Generator[None, None, list[Answer]]:
    """Do as `beam_search`, one token each time the generator is advanced; it returns the best."""
    num_beams = answers[0].settings.num_beams
    repeated = [row for row in range(len(answers)) for _ in range(num_beams)]
    rows.select(repeated)
    logits = logits[repeated]  # (B*K, V)
    groups = [_Beams(answer) for answer in answers]
    live = groups
    for step in range(answers[0].settings.max_new_tokens):
        if step:
            logits = rows.step(tokens)
        check_finite(logits)
        scores = penalise(
            logits.log_softmax(dim=-1),
            [beam.token_ids for group in live for beam in group.live],
            [group.settings.repetition_penalty for group in live for _ in range(num_beams)],
        )
        before = torch.tensor([group.scores for group in live], device=scores.device)
        totals = scores.view(len(live), num_beams, -1) + before[..., None]  # (B, K, V)
        parents, tokens, going = [], [], []
        for place, group in enumerate(live):
            of_group, said = group.advance(totals[place])
            if not group.done:
                parents += [place * num_beams + parent for parent in of_group]
                tokens += said
                going.append(group)
        live = going
        if not live:
            break
        rows.select(parents)
        yield
    return [group.best() for group in groups]

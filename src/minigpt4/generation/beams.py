"""Beam search and beam sampling, several prompts at once.

A beam that ends in a stop string counts as finished like one that ends in the end-of-sequence
token; the official code waits until all beams of all rows end in `###`, which hardly happens.
Everything else is done as transformers 4.30 did it for the official code: a finished beam's score
is its log-probability divided by its length to the power of `length_penalty`, where the length
counts BOS and not the token that ended it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt4.generation.answers import Answer
from minigpt4.generation.rows import Rows
from minigpt4.generation.sampling import check_finite, nucleus, penalise

_UNREACHABLE = -1e9


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
        scores, flat = self._candidates(totals)
        parents, tokens, live, kept = [], [], [], []
        for rank, (score, index) in enumerate(zip(scores, flat, strict=True)):
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
        self._close(best=scores[0], num_tokens=len(live[0].token_ids))
        self.live, self.scores = live, kept
        return parents, tokens

    def best(self) -> Answer:
        """Return the best answer; unfinished beams count if the search was cut."""
        if not self.done:
            for score, answer in zip(self.scores, self.live, strict=True):
                self._finish(score, answer, length=1 + len(answer.token_ids))
        return max(self.finished, key=lambda pair: pair[0])[1]

    def _candidates(self, totals: Tensor) -> tuple[list[float], list[int]]:
        """Return scores and flat indices of twice as many candidates as beams, best first."""
        num = 2 * self.settings.num_beams
        if not self.settings.do_sample:
            scores, flat = totals.flatten().topk(min(num, totals.numel()))
            return scores.tolist(), flat.tolist()
        weights = self._sampling_weights(totals).flatten()
        generator = torch.Generator().manual_seed(self.live[0].chance.getrandbits(63))
        flat = torch.multinomial(
            weights.cpu(), min(num, int((weights > 0).sum())), generator=generator
        ).to(totals.device)
        scores, order = totals.flatten()[flat].sort(descending=True)
        return scores.tolist(), flat[order].tolist()

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

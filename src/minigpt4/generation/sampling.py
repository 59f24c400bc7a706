"""Choose each row's next token from its logits.

Every row has its own settings and its own chance, so an answer never depends on the rows that
happen to be decoded beside it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt4.errors import GenerationError
from minigpt4.generation.settings import GenerationSettings

UNUSABLE_REMEDY = (
    "its weights may be corrupt, or fp16 overflows: load with dtype='float32' or "
    "'bfloat16', and run `minigpt4 doctor` on the model directory"
)


@runtime_checkable
class Chooser(Protocol):
    """What a row says about the choice of its next token."""

    @property
    def settings(self) -> GenerationSettings: ...
    @property
    def chance(self) -> random.Random: ...
    @property
    def token_ids(self) -> list[int]: ...


def choose_tokens(logits: Float[Tensor, "batch vocab"], rows: Sequence[Chooser]) -> list[int]:
    """Return one token for each row: the likeliest, or a draw by the row's own chance.

    Raises:
        GenerationError: when a row's logits are NaN or infinite.
    """
    check_finite(logits)
    scores = logits
    if any(row.settings.repetition_penalty != 1 for row in rows):
        penalties = [row.settings.repetition_penalty for row in rows]
        scores = penalise(logits, [row.token_ids for row in rows], penalties)
    chosen = scores.argmax(dim=-1)  # (B,)
    drawn = [index for index, row in enumerate(rows) if row.settings.do_sample]
    if drawn:
        settings = [rows[index].settings for index in drawn]
        chosen[drawn] = _draw(
            scores[drawn],
            temperatures=[each.temperature for each in settings],
            top_ps=[each.top_p for each in settings],
            chances=[rows[index].chance.random() for index in drawn],
        )
    return chosen.tolist()


def penalise(
    scores: Float[Tensor, "batch vocab"],
    token_ids: Iterable[Sequence[int]],
    penalties: Iterable[float],
) -> Float[Tensor, "batch vocab"]:
    """Make the tokens that a row has already said less likely."""
    scores = scores.clone()
    for row, said, penalty in zip(scores, token_ids, penalties, strict=True):
        if penalty != 1 and said:
            index = torch.tensor(sorted(set(said)), device=scores.device)
            before = row[index]
            row[index] = torch.where(before < 0, before * penalty, before / penalty)
    return scores


def check_finite(logits: Float[Tensor, "batch vocab"]) -> None:
    """Raise a GenerationError when some row has no usable logits."""
    unusable = unusable_rows(logits)
    if unusable:
        row = unusable[0]
        raise GenerationError(
            f"the LLM's logits of row {row} are {logits[row].amax().item()}; {UNUSABLE_REMEDY}"
        )


def unusable_rows(logits: Float[Tensor, "batch vocab"]) -> list[int]:
    """Return the rows from whose logits no token can be chosen."""
    # A maximum is NaN if any entry is, and infinite if one is or if all are minus infinity.
    usable = torch.isfinite(logits.amax(dim=-1))
    return [] if bool(usable.all()) else (~usable).nonzero()[:, 0].tolist()


def nucleus(
    probabilities: Float[Tensor, "batch sorted"], top_ps: Float[Tensor, "batch 1"]
) -> Float[Tensor, "batch sorted"]:
    """Set to zero what lies outside the likeliest `top_p`; rows are sorted, likeliest first."""
    before = probabilities.cumsum(dim=-1) - probabilities
    keep = before < top_ps
    keep[:, 0] = True
    return probabilities * keep


def _draw(
    scores: Float[Tensor, "batch vocab"],
    *,
    temperatures: Sequence[float],
    top_ps: Sequence[float],
    chances: Sequence[float],
) -> Tensor:
    """Draw a token for each row; `chances` are uniform in [0, 1)."""

    def column(values: Sequence[float]) -> Tensor:
        return torch.tensor(values, device=scores.device, dtype=scores.dtype)[:, None]  # (B, 1)

    likeliest, token_ids = (scores / column(temperatures)).sort(dim=-1, descending=True)
    weights = nucleus(likeliest.softmax(dim=-1), column(top_ps))  # (B, V)
    reached = weights.cumsum(dim=-1)
    target = column(chances) * reached[:, -1:]
    # The first token whose cumulated weight exceeds the target; a chance of 0 takes the first.
    index = torch.searchsorted(reached, target, right=True)
    # A chance just below 1 can round up to it, which would point behind the nucleus.
    index = index.minimum((weights > 0).sum(dim=-1, keepdim=True) - 1)
    return token_ids.gather(dim=-1, index=index)[:, 0]

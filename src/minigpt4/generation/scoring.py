"""Choose among given answers by their loss, as the official multiple choice does.

Official: a question's candidates are ranked by the LLM's loss on each of them, the lowest first;
they are not listed in the prompt. The loss is summed over the answer's tokens and divided by the
length of the whole padded sequence less one, prompt and pictures included, so it depends on the
batch. `normalisation` has the two sound ways too. Paper: Table 6 (A-OKVQA, multiple choice).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from minigpt4.errors import PromptError
from minigpt4.generation.prompt import (
    ImageCache,
    Prompt,
    ReadyPrompt,
    as_prompt,
    embed_prompts,
    encode_prompt,
    model_template,
)
from minigpt4.processing.conversation import Conversation, Template

Normalisation = Literal["official", "token_mean", "sum"]


def candidate_losses(
    model: Any,
    prompts: Sequence[Conversation | Prompt],
    candidates: Sequence[Sequence[str]],
    *,
    end_symbol: str = "###",
    normalisation: Normalisation = "official",
    template: Template | None = None,
) -> list[list[float]]:
    """Return the loss of each of a prompt's candidates, in their order.

    The prompts are one batch. `end_symbol` ends each candidate, as in training.

    Raises:
        PromptError: for a prompt without candidates or a candidate without text.
    """
    if len(candidates) != len(prompts):
        raise PromptError(f"got {len(candidates)} lists of candidates for {len(prompts)} prompts")
    if any(not each or not all(answer.strip() for answer in each) for each in candidates):
        raise PromptError("a prompt has no candidates or an empty one; give each a text")
    template = template or model_template(model)
    images = ImageCache(model)
    encoded = [encode_prompt(model, as_prompt(each, template), images) for each in prompts]
    losses: list[list[float]] = [[] for _ in prompts]
    for column in range(max(len(each) for each in candidates)):
        rows = [row for row, each in enumerate(candidates) if column < len(each)]
        answers = [model.processor.encode(candidates[row][column] + end_symbol) for row in rows]
        sums = _answer_losses(model, [encoded[row] for row in rows], answers)
        longest_prompt = max(len(prompt) for prompt in encoded)
        # The official batch pads prompts and answers apart: all prompts' and this column's.
        official_length = longest_prompt + max(len(answer) for answer in answers) - 1
        for row, total, answer in zip(rows, sums, answers, strict=True):
            divisor = {"official": official_length, "token_mean": len(answer), "sum": 1}
            losses[row].append(total / divisor[normalisation])
    return losses


def rank_candidates(losses: Sequence[Sequence[float]]) -> list[list[int]]:
    """Return each prompt's candidates from the most to the least likely, by index."""
    return [sorted(range(len(each)), key=each.__getitem__) for each in losses]


def _answer_losses(
    model: Any, prompts: Sequence[ReadyPrompt], answers: Sequence[Sequence[int]]
) -> list[float]:
    """Return the negative log likelihood of each answer after its prompt."""
    whole = [prompt.followed_by(answer) for prompt, answer in zip(prompts, answers, strict=True)]
    inputs_embeds, attention_mask = embed_prompts(model, whole)
    longest = max(len(answer) for answer in answers)
    with torch.no_grad():
        logits = model.llm(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=(attention_mask.cumsum(dim=1) - 1).clamp(min=0),
            use_cache=False,
            logits_to_keep=longest + 1,
        ).logits  # (B, longest+1, V)
    log_probs: Tensor = logits[:, :-1].float().log_softmax(dim=-1)  # (B, longest, V)
    losses = []
    for row, answer in enumerate(answers):
        ids = torch.tensor(answer, device=log_probs.device)[:, None]
        # Left padding puts each answer at the end of its row.
        losses.append(-log_probs[row, -len(answer) :].gather(-1, ids).sum().item())
    return losses

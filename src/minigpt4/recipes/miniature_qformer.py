"""The Q-Former of the miniature: it learns from captions, through one linear layer, into an LLM.

As BLIP-2's second stage: the vision encoder and a weak LLM (captions and short answers only) are
frozen, the Q-Former learns to say in 32 embeddings what the LLM needs to write the caption. The
result is a whole model, the BLIP-2 baseline of the paper's tables; its Q-Former goes on to the
miniature.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from minigpt4.config import config
from minigpt4.data.drawn import Pictures
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.model.vision import encode_patches
from minigpt4.recipes.miniature_llm import BOS, IGNORED, UNKNOWN
from minigpt4.recipes.miniature_vision import epoch_indices
from minigpt4.training.task import StepLoss
from minigpt4.world.language import prompts
from minigpt4.world.language.captions import caption, full_caption
from minigpt4.world.language.questions import question


@config
class QFormerSettings:
    """Sizes of the Q-Former."""

    hidden_size: int = 192
    num_layers: int = 4
    num_heads: int = 6
    intermediate_size: int = 768
    num_query_tokens: int = 32
    question_share: float = 0.25
    """Share of rows that ask a question instead of wanting the whole caption."""
    request_share: float = 0.15
    """Share of rows that ask for a short caption in words, as users of the baseline will."""


def initial_queries(settings: QFormerSettings, *, seed: int) -> Tensor:
    """Return untrained query tokens (1, Q, H). Zeros would give gradients of 1e18."""
    generator = torch.Generator().manual_seed(seed)
    shape = (1, settings.num_query_tokens, settings.hidden_size)
    return 0.02 * torch.randn(shape, generator=generator)


@dataclass(frozen=True)
class CaptionBatch:
    """Rows of text around pictures, right-padded. Causal attention needs no mask for that."""

    vision_tokens: Tensor
    input_ids: Tensor
    labels: Tensor

    def to(self, device: torch.device | str) -> CaptionBatch:
        """Move everything."""
        return CaptionBatch(
            self.vision_tokens.to(device), self.input_ids.to(device), self.labels.to(device)
        )


@torch.no_grad()
def encode_all(encoder: nn.Module, pictures: Pictures, *, batch_size: int = 128) -> Tensor:
    """Run the frozen vision encoder over all pictures once; (N, 1+P, C) in bf16."""
    encoder.eval()
    rows = []
    for start in range(0, len(pictures), batch_size):
        indices = list(range(start, min(start + batch_size, len(pictures))))
        with torch.autocast("cpu", torch.bfloat16):
            rows.append(encode_patches(encoder, pictures.pixel_values(indices)).bfloat16())
    return torch.cat(rows)


class QFormerTask:
    """Captions and short answers from what the frozen vision encoder sees."""

    def __init__(
        self,
        model: MiniGPT4ForConditionalGeneration,
        pictures: Pictures,
        vision_tokens: Tensor,
        *,
        batch_size: int,
        seed: int,
        settings: QFormerSettings,
    ) -> None:
        self.module: nn.Module = model
        self._model = model
        self._tokenizer: Tokenizer = model.processor.tokenizer.backend_tokenizer
        self._pictures, self._vision_tokens = pictures, vision_tokens
        self._batch_size, self._seed, self._settings = batch_size, seed, settings

    def batch(self, step: int) -> CaptionBatch:
        """Take the pictures of a step; each epoch words their captions anew."""
        indices = epoch_indices(len(self._pictures), self._batch_size, step, seed=self._seed)
        rows = [
            self._row(index, random.Random(f"{self._seed} {step} {index}")) for index in indices
        ]
        length = max(len(ids) for ids, _ in rows)
        ids = [ids + [UNKNOWN] * (length - len(ids)) for ids, _ in rows]
        labels = [labels + [IGNORED] * (length - len(labels)) for _, labels in rows]
        return CaptionBatch(
            self._vision_tokens[indices].float(), torch.tensor(ids), torch.tensor(labels)
        )

    def _row(self, index: int, rng: random.Random) -> tuple[list[int], list[int]]:
        scene = self._pictures.scene(index)
        kinds = ("question", "request", "caption")
        asked, requested = self._settings.question_share, self._settings.request_share
        kind = rng.choices(kinds, (asked, requested, 1 - asked - requested))[0]
        before, after, answer = "", "", full_caption(scene, rng) + "\n"
        if kind != "caption":
            ask, answer = (rng.choice(prompts.CAPTION), caption(scene, rng))
            if kind == "question":
                ask, answer = question(scene, rng)
            before, after = "###Human: <Img>", f"</Img> {ask} ###Assistant: "
            answer += "###"
        config = self._model.config
        ids = [BOS, *self._encode(before), *[config.image_token_id] * config.num_query_tokens]
        ids += self._encode(after)
        target = self._encode(answer)
        return ids + target, [IGNORED] * len(ids) + target

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids if text else []

    def loss(self, batch: CaptionBatch) -> StepLoss:
        """Loss of the captions given the pictures."""
        # A model that trains its Q-Former queries the features it is given itself.
        out = self._model(
            input_ids=batch.input_ids, image_features=batch.vision_tokens, labels=batch.labels
        )
        weight = float((batch.labels != IGNORED).sum())
        return StepLoss(loss=out.loss, weight=weight, num_examples=len(batch.input_ids))

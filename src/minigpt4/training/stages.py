"""The two alignment stages as tasks of the training loop.

Stage 1 learns web captions with no prompt at all: `BOS picture caption "\\n"`. Stage 2 learns
curated descriptions as answers in a conversation, one of four prompts drawn for each batch. Both
train the projection through a frozen LLM; they differ only in data, layout and prompts.

Paper: §3.1 (stage 1), §3.2 (stage 2).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from minigpt4.config import config
from minigpt4.data.example import Example, with_prompt
from minigpt4.data.mixing import Drawn, Mixture
from minigpt4.data.prompts import sample_prompt
from minigpt4.errors import SettingsError
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.processing.batch import Batch, EncodedPrompt, collate
from minigpt4.processing.processor import TrainingLayout
from minigpt4.training.features import Features
from minigpt4.training.task import StepLoss


@config
class AlignmentSettings:
    """How pictures and text become batches of a stage."""

    layout: TrainingLayout
    """The sequence: `STAGE1_LAYOUT`, `STAGE2_LAYOUT` or another."""

    prompts: tuple[str, ...] = ()
    """One is drawn for each batch; empty: the examples' own prompts."""

    crop: bool = False
    """Cut the official training crop at random instead of squashing the whole picture."""

    seed: int = 42
    """Seed of prompts and crops."""

    num_validation_batches: int = 8
    """Batches of the validation mixture that a validation looks at."""

    num_sample_answers: int = 2
    """Pictures of the first validation batch that are also described in words."""

    max_new_tokens: int = 80
    """Longest sample answer."""


@dataclass(frozen=True, kw_only=True)
class AlignmentBatch:
    """A batch and what is said about it in the metrics."""

    batch: Batch
    num_targets: int
    num_skipped: int
    source: int

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> AlignmentBatch:
        """Return the batch on another device."""
        return replace(self, batch=self.batch.to(device, non_blocking=non_blocking))


class AlignmentTask:
    """Learn to describe the pictures of a mixture through the frozen LLM."""

    def __init__(
        self,
        model: MiniGPT4ForConditionalGeneration,
        mixture: Mixture,
        settings: AlignmentSettings,
        *,
        validation: Mixture | None = None,
        features: Features | None = None,
    ) -> None:
        if settings.crop and features is not None:
            raise SettingsError(
                "crop and features computed beforehand exclude each other: a random crop is "
                "another picture each time; set crop=false or train without features"
            )
        self.module: nn.Module = model
        self.model, self.processor = model, model.processor
        self.mixture, self.validation = mixture, validation
        self.settings, self.features = settings, features

    @property
    def uniform_loss(self) -> float:
        """ln(vocabulary size): what the first loss must not be."""
        return math.log(self.model.config.image_token_id)  # the first id outside the table

    def batch(self, step: int) -> AlignmentBatch:
        """Draw the examples of a step, their prompt and their crops."""
        drawn = self.mixture.draw(step)
        crop = random.Random(f"crop {self.settings.seed} {step}") if self.settings.crop else None
        return self._prepare(drawn, step, crop=crop, features=self.features)

    def loss(self, batch: AlignmentBatch) -> StepLoss:
        """Return the mean loss over the answer tokens."""
        loss = self.model(**batch.batch.model_inputs()).loss
        metrics = {"skipped_examples": float(batch.num_skipped)}
        if len(self.mixture.sources) > 1:
            metrics[f"source{batch.source}_loss"] = loss.item()
        return StepLoss(
            loss=loss,
            weight=batch.num_targets,
            num_examples=len(batch.batch),
            metrics=metrics,
        )

    def validate(self, step: int) -> dict[str, float | str]:
        """Return the mean loss on the validation mixture and some answers; nothing without one."""
        if self.validation is None:
            return {}
        loss_sum, weight = 0.0, 0
        for number in range(self.settings.num_validation_batches):
            batch = self._prepare(self.validation.draw(number), number).to(self.model.device)
            loss_sum += self.model(**batch.batch.model_inputs()).loss.item() * batch.num_targets
            weight += batch.num_targets
        values: dict[str, float | str] = {"validation_loss": loss_sum / weight}
        examples = self._prompted(self.validation.draw(0), 0)[: self.settings.num_sample_answers]
        for example, answer in zip(examples, self._answers(examples), strict=True):
            values[f"answer {example.key}"] = answer
        return values

    def _prompted(self, drawn: Drawn, step: int) -> list[Example]:
        """Give the whole batch the one prompt of its step, as the official code does."""
        if not self.settings.prompts:
            return list(drawn.examples)
        prompt = sample_prompt(step, seed=self.settings.seed, prompts=self.settings.prompts)
        return [with_prompt(example, prompt) for example in drawn.examples]

    def _prepare(
        self,
        drawn: Drawn,
        step: int,
        *,
        crop: random.Random | None = None,
        features: Features | None = None,
    ) -> AlignmentBatch:
        batch = self.processor.training_batch(
            self._prompted(drawn, step),
            layout=self.settings.layout,
            crop=crop,
            image_features=None if features is None else features.of(drawn),
        )
        return AlignmentBatch(
            batch=batch,
            num_targets=batch.num_targets,
            num_skipped=sum(drawn.skipped.values()),
            source=drawn.source,
        )

    def _answers(self, examples: list[Example]) -> list[str]:
        """Let the model answer the examples' first prompts, greedily."""
        layout = self.settings.layout
        rows = [self._question(example) for example in examples]
        images = [example.image for example in examples if example.image is not None]
        batch = collate(
            rows,
            pad_token_id=0,  # never attended to
            padding="left",
            pixel_values=self.processor.pixel_values(images),
        ).to(self.model.device)
        tokens: Any = self.model.generate(
            **batch.model_inputs(),
            do_sample=False,
            max_new_tokens=self.settings.max_new_tokens,
            stop_strings=[layout.end_sym],
            tokenizer=self.processor.tokenizer,
        )
        answers: Tensor = tokens[:, batch.input_ids.shape[1] :]
        texts = self.processor.tokenizer.batch_decode(answers, skip_special_tokens=True)
        return [text.split(layout.end_sym)[0].strip() for text in texts]

    def _question(self, example: Example) -> EncodedPrompt:
        """Return the row of an example up to its first answer."""
        row = self.processor.encode_example(
            replace(example, turns=example.turns[:1]), layout=self.settings.layout
        )
        labels = row.labels or []
        first = next((i for i, label in enumerate(labels) if label >= 0), len(labels))
        return EncodedPrompt(row.input_ids[:first], row.image_mask[:first])

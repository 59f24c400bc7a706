"""The two alignment stages as tasks of the training loop.

Stage 1 learns web captions with no prompt at all: `BOS picture caption "\\n"`. Stage 2 learns
curated descriptions as answers in a conversation, one of four prompts drawn for each batch. Both
train the projection through a frozen LLM; they differ only in data, layout and prompts.

Paper: §3.1 (stage 1), §3.2 (stage 2).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import torch
from torch import Tensor, nn

from minigpt4.config import config
from minigpt4.data.example import Example, with_prompt
from minigpt4.data.identity import SourceRecord, source_record
from minigpt4.data.mixing import Drawn, Mixture
from minigpt4.data.prompts import sample_prompt
from minigpt4.errors import DataError, SettingsError
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.model.vision import is_left_out
from minigpt4.processing.batch import Batch, EncodedPrompt, collate
from minigpt4.processing.images import load_image, random_crop
from minigpt4.processing.processor import TrainingLayout
from minigpt4.training.features import Features, encode
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
    skipped: Mapping[str, int]
    """Bad examples that were replaced, by reason."""
    source: int | None
    """Where all of it comes from; None if samples are mixed."""

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
        self.micro_batch: int | None = None
        """Most rows in a forward pass of a validation; None: all of a batch."""

    @property
    def uniform_loss(self) -> float:
        """ln(vocabulary size): what the first loss must not be."""
        return math.log(self.model.config.image_token_id)  # the first id outside the table

    @property
    def llm(self) -> nn.Module:
        """The frozen LLM that the loss is measured with."""
        return self.model.llm

    @property
    def batch_size(self) -> int:
        """Examples of a batch."""
        return self.mixture.batch_size

    def data_record(self) -> list[SourceRecord]:
        """Return for each source its kind, its length and its files."""
        return [source_record(source) for source in self.mixture.sources]

    def batch(self, step: int) -> AlignmentBatch:
        """Draw the examples of a batch, their prompt and their crops."""
        return self.rows(step, range(self.batch_size))

    def rows(self, step: int, rows: range) -> AlignmentBatch:
        """Draw these rows of a batch; the prompt is that of the whole, each crop its own."""
        drawn = self.mixture.draw(step, rows)
        if self.settings.crop:
            cropped = tuple(map(self._cropped, drawn.examples, repeat(step), rows))
            drawn = replace(drawn, examples=cropped)
        return self._prepare(drawn, step)

    def loss(self, batch: AlignmentBatch) -> StepLoss:
        """Return the mean loss over the answer tokens."""
        loss = self._forward(batch.batch).loss
        metrics = {}
        if len(self.mixture.sources) > 1 and batch.source is not None:
            metrics[f"source{batch.source}_loss"] = loss.item()
        return StepLoss(
            loss=loss,
            weight=batch.num_targets,
            num_examples=len(batch.batch),
            metrics=metrics,
            skipped=batch.skipped,
        )

    def validate(self, step: int) -> dict[str, float | str]:
        """Return the mean loss on the validation mixture and some answers; nothing without one."""
        if self.validation is None:
            return {}
        loss_sum, weight = 0.0, 0
        size = self.validation.batch_size
        piece = min(self.micro_batch or size, size)
        for number in range(self.settings.num_validation_batches):
            for first in range(0, size, piece):
                drawn = self.validation.draw(number, range(first, min(first + piece, size)))
                batch = self._prepare(drawn, number).to(self.model.device)
                loss_sum += self._forward(batch.batch).loss.item() * batch.num_targets
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
        return [
            # A question of the data's own stays what it is.
            example if example.turns[0].prompt else with_prompt(example, prompt)
            for example in drawn.examples
        ]

    def _cropped(self, example: Example, step: int, row: int) -> Example:
        """Cut the row's own crop out of its picture."""
        if example.image is None:
            return example
        rng = random.Random(f"crop {self.settings.seed} {step} {row}")
        size_px = self.processor.image_processor.size_px
        picture = random_crop(load_image(example.image), size_px=size_px, rng=rng)
        return replace(example, image=picture)

    def _prepare(self, drawn: Drawn, step: int) -> AlignmentBatch:
        batch = self.processor.training_batch(
            self._prompted(drawn, step),
            layout=self.settings.layout,
            image_features=self._features_of(drawn.examples),
        )
        return AlignmentBatch(
            batch=batch,
            num_targets=batch.num_targets,
            skipped=dict(drawn.skipped),
            source=drawn.source,
        )

    def _features_of(self, examples: Sequence[Example]) -> Tensor | None:
        """Return what was computed before of the examples' pictures, if it is all there."""
        images = [example.image for example in examples if example.image is not None]
        found = None if self.features is None else self.features.of(images)
        if found is None and images and is_left_out(self.model.vision_encoder):
            raise DataError(
                f"not in the feature cache: a picture among {examples[0].key} ... "
                f"{examples[-1].key}; run `minigpt4 cache build` with the settings of this "
                "training once more, or train without features"
            )
        return found

    def _forward(self, batch: Batch) -> Any:
        """Run the model; without a crop, features are the same bits whether cached or not."""
        inputs = batch.model_inputs()
        if not self.settings.crop and "pixel_values" in inputs:
            inputs["image_features"] = encode(self.model, inputs.pop("pixel_values"))
        return self.model(**inputs)

    def _answers(self, examples: list[Example]) -> list[str]:
        """Let the model answer the examples' first prompts, greedily."""
        layout = self.settings.layout
        rows = [self._question(example) for example in examples]
        images = [example.image for example in examples if example.image is not None]
        features = self._features_of(examples)
        pixels = self.processor.pixel_values(images) if features is None else None
        if pixels is not None and not self.settings.crop:
            features, pixels = encode(self.model, pixels), None  # the bits that a cache holds
        batch = collate(
            rows,
            pad_token_id=0,  # never attended to
            padding="left",
            pixel_values=pixels,
        ).to(self.model.device)
        seen = {} if features is None else {
            "image_embeds": self.model.embed_features(features.to(self.model.device))
        }  # fmt: skip
        tokens: Any = self.model.generate(
            **batch.model_inputs(),
            **seen,
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

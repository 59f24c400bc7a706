"""The eyes of the miniature: a small convolutional teacher, and a ViT that learns to see from it.

A plain ViT hardly learns shapes from little data; a small ResNet does, in a minute, from the tags
of drawn pictures. The ViT then regresses the ResNet's features patch by patch, as EVA regresses
CLIP's, and keeps nothing of the teacher. (`docs/experiments.md` has what failed.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import Blip2VisionConfig, Blip2VisionModel, ResNetConfig, ResNetModel

from minigpt4.config import config
from minigpt4.recipes.miniature_pictures import Pictures
from minigpt4.recipes.miniature_tags import GLOBAL_TAGS, NUM_CELL_LOGITS, TagTargets, tag_loss
from minigpt4.training.task import StepLoss

PATCH_PX = 16


@config
class VisionSettings:
    """Sizes of the vision encoder and of its teacher."""

    hidden_size: int = 192
    num_layers: int = 6
    num_heads: int = 6
    intermediate_size: int = 768
    teacher_channels: tuple[int, int, int] = (40, 80, 160)
    """Channels of the teacher's stages; the last is what the ViT regresses."""
    tag_weight: float = 0.5
    """Weight of the tag loss beside the regression of the teacher."""
    seed: int = 0


def build_teacher(settings: VisionSettings) -> ResNetModel:
    """Build an untrained ResNet whose output is one feature for each patch of the ViT."""
    torch.manual_seed(settings.seed)
    return ResNetModel(
        ResNetConfig(
            embedding_size=32,
            hidden_sizes=list(settings.teacher_channels),
            depths=[2, 2, 2],
            layer_type="basic",
        )
    )


def build_vision_encoder(settings: VisionSettings, *, image_px: int = 128) -> Blip2VisionModel:
    """Build an untrained ViT of the family of EVA ViT-G/14."""
    torch.manual_seed(settings.seed + 1)
    encoder = Blip2VisionModel(
        Blip2VisionConfig(
            hidden_size=settings.hidden_size,
            intermediate_size=settings.intermediate_size,
            num_hidden_layers=settings.num_layers,
            num_attention_heads=settings.num_heads,
            image_size=image_px,
            patch_size=PATCH_PX,
        )
    )
    # transformers leaves these two at zero or at a scale that suits trained weights only.
    nn.init.normal_(encoder.embeddings.class_embedding, std=0.02)
    nn.init.normal_(encoder.embeddings.position_embedding, std=0.02)
    return encoder


@dataclass(frozen=True)
class TaggedPictures:
    """A batch of pictures and what is in them."""

    pixel_values: Tensor
    targets: TagTargets

    def to(self, device: torch.device | str) -> TaggedPictures:
        """Move everything."""
        return TaggedPictures(self.pixel_values.to(device), self.targets.to(device))


class TagHead(nn.Module):
    """Linear probes: what stands at each patch, and what the whole picture is."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.cells = nn.Linear(hidden_size, NUM_CELL_LOGITS)
        self.picture = nn.Linear(2 * hidden_size, sum(GLOBAL_TAGS.values()))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of cells (B, P, ·) and of the picture (B, ·) from features (B, P, C)."""
        pooled = torch.cat([features.mean(1), features.amax(1)], dim=-1)  # (B, 2C)
        return self.cells(features), self.picture(pooled)


def teacher_features(teacher: ResNetModel, pixel_values: Tensor) -> Tensor:
    """Return the teacher's layer-normed features, one for each patch, (B, P, C)."""
    grid = teacher(pixel_values).last_hidden_state  # (B, C, 8, 8)
    features = grid.flatten(2).transpose(1, 2).float()  # (B, P, C)
    return nn.functional.layer_norm(features, features.shape[-1:])


class _PictureTask:
    """Batches shared by both steps: pictures in a fixed random order, shifted a little."""

    def __init__(self, pictures: Pictures, targets: TagTargets, *, batch_size: int, seed: int) -> None:
        self._pictures, self._targets = pictures, targets
        self._batch_size, self._seed = batch_size, seed

    def batch(self, step: int) -> TaggedPictures:
        """Take the pictures of a step; every epoch has an order of its own."""
        indices = epoch_indices(len(self._pictures), self._batch_size, step, seed=self._seed)
        pixels = self._pictures.pixel_values(indices)
        generator = torch.Generator().manual_seed(self._seed * 7919 + step)
        gain = 1 + 0.1 * (torch.rand(len(indices), 1, 1, 1, generator=generator) - 0.5)
        return TaggedPictures(pixels * gain, self._targets.take(indices))


class TeacherTask(_PictureTask):
    """The ResNet learns to name what is in a drawn picture."""

    def __init__(self, teacher: ResNetModel, pictures: Pictures, targets: TagTargets, *, batch_size: int, seed: int) -> None:  # fmt: skip
        super().__init__(pictures, targets, batch_size=batch_size, seed=seed)
        channels = teacher.config.hidden_sizes[-1]
        self.module: nn.Module = nn.ModuleDict({"teacher": teacher, "head": TagHead(channels)})

    def loss(self, batch: TaggedPictures) -> StepLoss:
        """Cross-entropy of the tags."""
        parts = self.module
        cells, picture = parts["head"](teacher_features(parts["teacher"], batch.pixel_values))  # type: ignore[index]
        loss, metrics = tag_loss(cells, picture, batch.targets)
        return step_loss(loss, batch, metrics)


class DistillTask(_PictureTask):
    """The ViT regresses the teacher's features patch by patch, and names the tags."""

    def __init__(self, encoder: Blip2VisionModel, teacher: ResNetModel, pictures: Pictures, targets: TagTargets, settings: VisionSettings, *, batch_size: int, seed: int) -> None:  # fmt: skip
        super().__init__(pictures, targets, batch_size=batch_size, seed=seed)
        width, channels = encoder.config.hidden_size, teacher.config.hidden_sizes[-1]
        self._teacher = teacher.requires_grad_(False).eval()
        self._tag_weight = settings.tag_weight
        self.module: nn.Module = nn.ModuleDict(
            {
                "vision_encoder": encoder,
                "regressor": nn.Linear(width, channels),
                "head": TagHead(width),
            }
        )

    def loss(self, batch: TaggedPictures) -> StepLoss:
        """Mean squared error to the teacher plus the weighted tag loss."""
        parts = self.module
        with torch.no_grad():
            wanted = teacher_features(self._teacher.eval(), batch.pixel_values)
        hidden = parts["vision_encoder"](batch.pixel_values).last_hidden_state  # type: ignore[index]
        patches = hidden[:, 1:]  # (B, P, C): without CLS
        error = nn.functional.mse_loss(parts["regressor"](patches).float(), wanted)  # type: ignore[index]
        tags, metrics = tag_loss(*parts["head"](patches), batch.targets)  # type: ignore[index]
        loss = error + self._tag_weight * tags
        return step_loss(loss, batch, {"distillation_error": error.item(), **metrics})


def step_loss(loss: Tensor, batch: TaggedPictures, metrics: Mapping[str, float]) -> StepLoss:
    """Wrap a mean over pictures."""
    count = len(batch.pixel_values)
    return StepLoss(loss=loss, weight=float(count), num_examples=count, metrics=metrics)


def epoch_indices(count: int, batch_size: int, step: int, *, seed: int) -> list[int]:
    """Return the examples of a step; each epoch is a permutation drawn from (seed, epoch)."""
    indices = []
    for place in range(step * batch_size, (step + 1) * batch_size):
        epoch, offset = divmod(place, count)
        indices.append(int(_permutation(count, seed, epoch)[offset]))
    return indices


def _permutation(count: int, seed: int, epoch: int) -> Tensor:
    key = (count, seed, epoch)
    if key not in _PERMUTATIONS:
        if len(_PERMUTATIONS) > 4:
            _PERMUTATIONS.clear()
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        _PERMUTATIONS[key] = torch.randperm(count, generator=generator)
    return _PERMUTATIONS[key]


_PERMUTATIONS: dict[tuple[int, int, int], Tensor] = {}

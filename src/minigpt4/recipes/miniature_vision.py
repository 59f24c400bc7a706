"""The eyes of the miniature: a small convolutional teacher, and a ViT that learns to see from it.

A plain ViT hardly learns shapes from little data; a small ResNet does, in minutes, from the tags of
drawn pictures. The ViT, which begins by looking at neighbours (`miniature_locality.py`), then
regresses the ResNet's features patch by patch, as EVA regresses CLIP's, and ends with the tags
alone; it keeps nothing of the teacher. (`docs/experiments.md` has what failed.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Blip2VisionConfig, Blip2VisionModel, ResNetConfig, ResNetModel

from minigpt4.config import config
from minigpt4.data.drawn import Pictures
from minigpt4.model.configuration import vision_width
from minigpt4.model.vision import encode_patches
from minigpt4.recipes.miniature_locality import give_locality
from minigpt4.recipes.miniature_tags import GLOBAL_TAGS, NUM_CELL_LOGITS, TagTargets, tag_loss
from minigpt4.training.task import StepLoss

IMAGE_PX, PATCH_PX = 128, 16
MAX_MOVE_PX = 3


@config
class VisionSettings:
    """Sizes of the vision encoder and of its teacher."""

    hidden_size: int = 192
    num_layers: int = 6
    num_heads: int = 6
    intermediate_size: int = 768
    teacher_channels: tuple[int, int, int] = (40, 80, 160)
    """Channels of the teacher's stages; the last is what the ViT regresses."""
    tag_weight: float = 0.05
    """Weight of the tag loss beside the regression of the teacher."""
    seed: int = 0


def build_teacher(settings: VisionSettings) -> ResNetModel:
    """Build an untrained ResNet whose output is one feature for each patch of the ViT."""
    torch.manual_seed(settings.seed)
    config: Any = ResNetConfig(
        embedding_size=32,
        hidden_sizes=list(settings.teacher_channels),
        depths=[2, 2, 2],
        layer_type="basic",
    )
    config.image_size = IMAGE_PX  # a ResNet takes any size; the processor wants to know ours
    return ResNetModel(config)


def build_vision_encoder(settings: VisionSettings) -> Blip2VisionModel:
    """Build an untrained ViT of the family of EVA ViT-G/14."""
    torch.manual_seed(settings.seed + 1)
    encoder = Blip2VisionModel(
        Blip2VisionConfig(
            hidden_size=settings.hidden_size,
            intermediate_size=settings.intermediate_size,
            num_hidden_layers=settings.num_layers,
            num_attention_heads=settings.num_heads,
            image_size=IMAGE_PX,
            patch_size=PATCH_PX,
        )
    )
    give_locality(encoder, seed=settings.seed + 1)
    # 65 tokens on a CPU: the fused kernel's backward would take longer than all matrix products.
    encoder.set_attn_implementation("eager")
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
    pixel_values = pixel_values.contiguous(memory_format=torch.channels_last)
    grid = teacher(pixel_values).last_hidden_state  # (B, C, 8, 8)
    features = grid.flatten(2).transpose(1, 2).float()  # (B, P, C)
    return nn.functional.layer_norm(features, features.shape[-1:])


@dataclass(frozen=True)
class PictureStream:
    """Tagged pictures in a seeded order, a batch for each step."""

    pictures: Pictures
    targets: TagTargets
    batch_size: int
    seed: int
    held_out: tuple[Pictures, TagTargets] | None = None
    """Pictures that are never trained on, and their tags."""

    def batch(self, step: int) -> TaggedPictures:
        """Take the pictures of a step, half mirrored, all a little lighter or darker and moved."""
        indices = epoch_indices(len(self.pictures), self.batch_size, step, seed=self.seed)
        generator = torch.Generator().manual_seed(self.seed * 7919 + step)
        gain = 1 + 0.1 * (torch.rand(len(indices), 1, 1, 1, generator=generator) - 0.5)
        mirrored = torch.rand(len(indices), generator=generator) < 0.5
        pixels = self.pictures.pixel_values(indices) * gain
        pixels[mirrored] = pixels[mirrored].flip(-1)
        pixels = moved(pixels, generator)
        return TaggedPictures(pixels, self.targets.take(indices).mirrored(mirrored))

    def validate(self, task: TeacherTask | DistillTask | TagTask) -> dict[str, float | str]:
        """Return loss and accuracies on the held-out pictures."""
        if self.held_out is None:
            return {}
        pictures, targets = self.held_out
        device = next(task.module.parameters()).device
        batch = TaggedPictures(pictures.pixel_values(list(range(len(pictures)))), targets)
        result = task.loss(batch.to(device))
        metrics = {f"validation_{name}": value for name, value in result.metrics.items()}
        return {"validation_loss": result.loss.item(), **metrics}


def moved(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Move each picture (B, 3, H, W) by up to `MAX_MOVE_PX` each way; its edge fills the gap.

    So few pixels leave every tag in its patch.
    """
    wide = nn.functional.pad(pixels, (MAX_MOVE_PX,) * 4, mode="replicate")
    starts = torch.randint(2 * MAX_MOVE_PX + 1, (len(pixels), 2), generator=generator).tolist()
    height, width = pixels.shape[-2:]
    crops = zip(wide, starts, strict=True)
    return torch.stack([one[:, y : y + height, x : x + width] for one, (y, x) in crops])


class TeacherTask:
    """The ResNet learns to name what is in a drawn picture."""

    def __init__(self, teacher: ResNetModel, stream: PictureStream) -> None:
        channels = vision_width(teacher.config)
        self._teacher, self._head = teacher, TagHead(channels)
        self._stream = stream
        self.module: nn.Module = nn.ModuleDict({"teacher": teacher, "head": self._head})

    def batch(self, step: int) -> TaggedPictures:
        """Take the pictures of a step."""
        return self._stream.batch(step)

    def loss(self, batch: TaggedPictures) -> StepLoss:
        """Cross-entropy of the tags."""
        cells, picture = self._head(teacher_features(self._teacher, batch.pixel_values))
        loss, metrics = tag_loss(cells, picture, batch.targets)
        return step_loss(loss, batch, metrics)

    def validate(self, step: int) -> dict[str, float | str]:
        """Return loss and accuracies on held-out pictures."""
        return self._stream.validate(self)


class DistillTask:
    """The ViT regresses the teacher's features patch by patch, and names the tags."""

    def __init__(
        self,
        encoder: Blip2VisionModel,
        teacher: ResNetModel,
        stream: PictureStream,
        *,
        tag_weight: float,
    ) -> None:
        width, channels = encoder.config.hidden_size, vision_width(teacher.config)
        frozen: Any = teacher.requires_grad_(False).eval()
        self._teacher: Any = frozen.to(memory_format=torch.channels_last)
        self._stream, self._tag_weight = stream, tag_weight
        self._encoder: nn.Module = encoder
        self._regressor = nn.Linear(width, channels)
        self.head: nn.Module = TagHead(width)
        """The linear probe beside the regression; it goes on to `TagTask`."""
        self.module: nn.Module = distilled(encoder, self._regressor, self.head)

    def batch(self, step: int) -> TaggedPictures:
        """Take the pictures of a step."""
        return self._stream.batch(step)

    def loss(self, batch: TaggedPictures) -> StepLoss:
        """Mean squared error to the teacher plus the weighted tag loss."""
        with torch.no_grad():
            wanted = teacher_features(self._teacher.eval(), batch.pixel_values)
        patches = self._encoder(batch.pixel_values).last_hidden_state[:, 1:]  # (B, P, C): no CLS
        error = nn.functional.mse_loss(self._regressor(patches).float(), wanted)
        cells, picture = self.head(patches)
        tags, metrics = tag_loss(cells, picture, batch.targets)
        loss = error + self._tag_weight * tags
        return step_loss(loss, batch, {"distillation_error": error.item(), **metrics})

    def validate(self, step: int) -> dict[str, float | str]:
        """Return loss and accuracies on held-out pictures."""
        return self._stream.validate(self)


class TagTask:
    """The ViT goes on with the tags alone: by now its teacher sees no better than it does."""

    def __init__(self, encoder: nn.Module, head: nn.Module, stream: PictureStream) -> None:
        self._encoder, self._head, self._stream = encoder, head, stream
        self.module: nn.Module = nn.ModuleDict({"vision_encoder": encoder, "head": head})

    def batch(self, step: int) -> TaggedPictures:
        """Take the pictures of a step."""
        return self._stream.batch(step)

    def loss(self, batch: TaggedPictures) -> StepLoss:
        """Cross-entropy of the tags."""
        patches = encode_patches(self._encoder, batch.pixel_values)[:, 1:]  # (B, P, C): no CLS
        cells, picture = self._head(patches)
        loss, metrics = tag_loss(cells, picture, batch.targets)
        return step_loss(loss, batch, metrics)

    def validate(self, step: int) -> dict[str, float | str]:
        """Return loss and accuracies on held-out pictures."""
        return self._stream.validate(self)


def distilled(encoder: nn.Module, regressor: nn.Module, head: nn.Module) -> nn.ModuleDict:
    """Name the parts as the checkpoints of the distillation do."""
    return nn.ModuleDict({"vision_encoder": encoder, "regressor": regressor, "head": head})


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

"""Tags of drawn pictures: what stands at each patch and what the whole picture is.

Only the teacher and the ViT of the miniature see them; neither the Q-Former nor the projection is
ever trained on tags.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minigpt4.data.drawn import Pictures
from minigpt4.world import vocabulary as voc
from minigpt4.world.draw.picture import PICTURE_PX, object_boxes
from minigpt4.world.scene import SCENE_KINDS, Dish, Illness, Mockup, Poster, Scene

GRID = 8
IGNORED = -100
BACKGROUND = len(voc.KINDS)
CELL_TAGS = {"kind": len(voc.KINDS) + 1, "color": len(voc.COLORS), "size": len(voc.SIZES)}
NUM_CELL_LOGITS = sum(CELL_TAGS.values()) + 2 * GRID
"""Of the tags, and of a patch's own column and row: a convolution need not know where it is."""
GLOBAL_TAGS = {
    "scene_kind": len(SCENE_KINDS),
    "place": len(voc.PLACES),
    "time": len(voc.TIMES),
    "weather": len(voc.WEATHERS),
    "dish": len(voc.DISHES),
    "illness": len(voc.ILLNESSES),
    "ground": len(voc.COLORS),
    "page_color": len(voc.COLORS),
    "buttons": len(voc.PAGE_BUTTONS),
    "list_items": len(voc.PAGE_LIST_ITEMS),
    "image_box": 2,
    **{f"ingredient_{name}": 2 for name in voc.INGREDIENTS},
}
"""Tags of the whole picture and their number of classes; a tag that does not apply is ignored."""


@dataclass(frozen=True)
class TagTargets:
    """Classes of many pictures: `cells` (N, 3, P) and `picture` (N, number of global tags)."""

    cells: Tensor
    picture: Tensor

    def take(self, indices: list[int]) -> TagTargets:
        """Return the targets of some pictures."""
        return TagTargets(self.cells[indices], self.picture[indices])

    def mirrored(self, rows: Tensor) -> TagTargets:
        """Return the targets with the patches of some rows (bool, N) mirrored left to right."""
        cells = self.cells.clone()
        grid = cells[rows].unflatten(-1, (GRID, GRID))
        cells[rows] = grid.flip(-1).flatten(2)
        return TagTargets(cells, self.picture)

    def to(self, device: torch.device | str) -> TagTargets:
        """Move both tensors."""
        return TagTargets(self.cells.to(device), self.picture.to(device))


def build_targets(pictures: Pictures) -> TagTargets:
    """Return the tags of all pictures."""
    scenes = [pictures.scene(index) for index in range(len(pictures))]
    return TagTargets(
        torch.stack([cell_classes(scene) for scene in scenes]),
        torch.tensor([picture_classes(scene) for scene in scenes]),
    )


def cell_classes(scene: Scene) -> Tensor:
    """Return kind, colour and size at each patch, (3, P); the object in front wins."""
    classes = torch.full((3, GRID, GRID), IGNORED)
    classes[0] = BACKGROUND
    step = PICTURE_PX / GRID
    centers = (torch.arange(GRID) + 0.5) * step
    for item, (x0, y0, x1, y1) in zip(scene.objects, object_boxes(scene), strict=True):
        inside_x = (centers >= x0 - step / 4) & (centers <= x1 + step / 4)
        inside_y = (centers >= y0 - step / 4) & (centers <= y1 + step / 4)
        inside = inside_y[:, None] & inside_x[None, :]
        classes[0][inside] = voc.KINDS.index(item.kind)
        classes[1][inside] = voc.COLORS.index(item.color)
        classes[2][inside] = voc.SIZES.index(item.size)
    return classes.flatten(1)


def picture_classes(scene: Scene) -> list[int]:
    """Return one class for each global tag, IGNORED where it does not apply."""
    extra = scene.extra
    values = {"scene_kind": SCENE_KINDS.index(scene.kind)}
    if scene.place is not None:
        values |= {
            "place": voc.PLACES.index(scene.place),
            "time": voc.TIMES.index(str(scene.time)),
            "weather": voc.WEATHERS.index(str(scene.weather)),
        }
    if isinstance(extra, Dish):
        values["dish"] = voc.DISHES.index(extra.name)
        values |= {f"ingredient_{n}": int(n in extra.ingredients) for n in voc.INGREDIENTS}
    if isinstance(extra, Illness):
        values["illness"] = voc.ILLNESSES.index(extra.name)
    if isinstance(extra, Poster):
        values["ground"] = voc.COLORS.index(extra.ground)
    if isinstance(extra, Mockup):
        values |= {
            "page_color": voc.COLORS.index(extra.color),
            "buttons": voc.PAGE_BUTTONS.index(extra.num_buttons),
            "list_items": voc.PAGE_LIST_ITEMS.index(extra.num_list_items),
            "image_box": int(extra.has_image_box),
        }
    return [values.get(name, IGNORED) for name in GLOBAL_TAGS]


def _cell_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy where objects stand, plus a third of it where none does.

    Four patches in five show no object; in a plain mean they would drown the shapes.
    """
    losses = nn.functional.cross_entropy(
        logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="none"
    )
    empty = (wanted == BACKGROUND).flatten()
    filled = (wanted != IGNORED).flatten() & ~empty
    return losses[filled].mean() * 2 + losses[empty].sum() / empty.sum().clamp(min=1) / 3


def _place_loss(columns: Tensor, rows: Tensor) -> Tensor:
    """Cross-entropy of each patch's own column and row; logits (B, P, GRID)."""
    place = torch.arange(GRID, device=columns.device)
    batch = columns.shape[0]
    column, row = place.repeat(GRID).repeat(batch), place.repeat_interleave(GRID).repeat(batch)
    return 0.5 * (
        nn.functional.cross_entropy(columns.flatten(0, 1), column)
        + nn.functional.cross_entropy(rows.flatten(0, 1), row)
    )


def tag_loss(
    cells: Tensor, picture: Tensor, targets: TagTargets
) -> tuple[Tensor, dict[str, float]]:
    """Return the sum of the cross-entropies of all tags, and the accuracies.

    Args:
        cells: logits (B, P, NUM_CELL_LOGITS).
        picture: logits (B, sum of GLOBAL_TAGS).
    """
    total = cells.new_zeros((), dtype=torch.float32)
    metrics: dict[str, float] = {}
    *parts, columns, rows = cells.float().split([*CELL_TAGS.values(), GRID, GRID], dim=-1)
    total = total + _place_loss(columns, rows)
    for row, (name, logits) in enumerate(zip(CELL_TAGS, parts, strict=True)):
        wanted = targets.cells[:, row]
        total = total + _cell_loss(logits, wanted)
        seen = (wanted != IGNORED) & (targets.cells[:, 0] != BACKGROUND)
        hit = (logits.argmax(-1) == wanted)[seen].float().mean()
        metrics[f"cell_{name}"] = hit.item()
    parts = picture.float().split(list(GLOBAL_TAGS.values()), dim=-1)
    hits = []
    for column, (name, logits) in enumerate(zip(GLOBAL_TAGS, parts, strict=True)):
        wanted = targets.picture[:, column]
        known = wanted != IGNORED
        if known.any():
            weight = 0.25 if name.startswith("ingredient_") else 0.5
            total = total + weight * nn.functional.cross_entropy(logits[known], wanted[known])
            right = (logits.argmax(-1) == wanted)[known].float()
            hits.append(right)
            if name in ("place", "time", "weather", "dish", "illness", "list_items"):
                metrics[f"tag_{name}"] = right.mean().item()
    metrics["tag_all"] = torch.cat(hits).mean().item()
    return total, metrics

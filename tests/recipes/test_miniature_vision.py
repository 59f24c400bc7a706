"""What the miniature's eyes learn from."""

from __future__ import annotations

import torch

from minigpt4.recipes.miniature_tags import (
    BACKGROUND,
    CELL_TAGS,
    GLOBAL_TAGS,
    GRID,
    NUM_CELL_LOGITS,
    TagTargets,
    cell_classes,
    picture_classes,
    tag_loss,
)
from minigpt4.recipes.miniature_vision import epoch_indices
from minigpt4.world import vocabulary as voc
from minigpt4.world.sample import sample_scene


def test_the_patches_of_an_object_carry_its_kind_and_colour():
    scene = sample_scene("train", 0, 1, kind="product")
    kinds, colors, sizes = cell_classes(scene).unflatten(-1, (GRID, GRID))
    item = scene.objects[0]
    assert kinds[4, 4] == voc.KINDS.index(item.kind)
    assert colors[4, 4] == voc.COLORS.index(item.color)
    assert sizes[4, 4] == voc.SIZES.index(item.size)
    assert kinds[0, 0] == BACKGROUND


def test_every_object_of_a_scene_has_patches():
    for index in range(30):
        scene = sample_scene("train", 0, index, kind="scene")
        seen = set(cell_classes(scene)[0].tolist())
        assert {voc.KINDS.index(item.kind) for item in scene.objects} <= seen


def test_right_logits_have_a_small_tag_loss_and_wrong_ones_a_large_one():
    scenes = [sample_scene("train", 0, index) for index in range(6)]
    targets = TagTargets(
        torch.stack([cell_classes(scene) for scene in scenes]),
        torch.tensor([picture_classes(scene) for scene in scenes]),
    )
    cells = torch.zeros(6, GRID * GRID, NUM_CELL_LOGITS)
    offset = 0
    for row, size in enumerate(CELL_TAGS.values()):
        wanted = targets.cells[:, row].clamp(min=0)
        cells[..., offset : offset + size] = 20 * torch.nn.functional.one_hot(wanted, size)
        offset += size
    place = torch.arange(GRID)
    for wanted in (place.repeat(GRID), place.repeat_interleave(GRID)):
        cells[..., offset : offset + GRID] = 20 * torch.nn.functional.one_hot(wanted, GRID)
        offset += GRID
    picture = torch.cat(
        [
            20.0 * torch.nn.functional.one_hot(targets.picture[:, column].clamp(min=0), size)
            for column, size in enumerate(GLOBAL_TAGS.values())
        ],
        dim=-1,
    )
    right, metrics = tag_loss(cells, picture, targets)
    wrong, _ = tag_loss(-cells, -picture, targets)
    assert right < 1e-3
    assert wrong > 10
    assert metrics["cell_kind"] == 1.0


def test_a_mirrored_picture_has_mirrored_patches():
    cells = torch.arange(GRID * GRID).expand(2, 3, -1).clone()
    targets = TagTargets(cells, torch.zeros(2, 1)).mirrored(torch.tensor([True, False]))
    assert targets.cells[0, 0, 0] == GRID - 1
    assert targets.cells[1, 0, 0] == 0


def test_an_epoch_sees_each_picture_once():
    seen = [index for step in range(4) for index in epoch_indices(16, 4, step, seed=1)]
    assert sorted(seen) == list(range(16))
    assert [epoch_indices(16, 4, 4, seed=1)] != [epoch_indices(16, 4, 0, seed=1)]

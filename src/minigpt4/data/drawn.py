"""Pictures of the drawn world as arrays, drawn once and kept in the cache folder.

Drawing costs more than a training step does, so the recipes of the miniature draw each picture
once, with all cores, and read it again by position. The cache is keyed by the drawing code itself:
whoever changes a brush stroke gets new pictures.
"""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from minigpt4.data.cache_folder import cache_folder
from minigpt4.world import draw as draw_package
from minigpt4.world import sample as sample_module
from minigpt4.world.draw.picture import PICTURE_PX, draw
from minigpt4.world.sample import Split, sample_scene
from minigpt4.world.scene import Scene

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
Report = Callable[[int, int], None]
"""Called with (done, all) as work goes on, for a progress bar."""

_PICTURES_PER_JOB = 128
_Job = tuple[Split, int, int, int]


@dataclass(frozen=True)
class Pictures:
    """The first `len(pixels)` pictures of one stream of a split, and their scenes."""

    split: Split
    seed: int
    pixels: np.ndarray
    """(count, PICTURE_PX, PICTURE_PX, 3) bytes, possibly a memory map."""

    def __len__(self) -> int:
        return len(self.pixels)

    def scene(self, index: int) -> Scene:
        """Return the truth of a picture."""
        return sample_scene(self.split, self.seed, index)

    def pixel_values(self, indices: Sequence[int]) -> Float[Tensor, "batch 3 height width"]:
        """Return normalised pictures."""
        return normalise(self.pixels[np.asarray(indices)])


def normalise(
    pixels: UInt8[np.ndarray, "batch height width 3"],
) -> Float[Tensor, "batch 3 height width"]:
    """Turn bytes into CLIP-normalised floats."""
    values = torch.from_numpy(pixels.astype(np.float32) / 255.0)  # (B, H, W, 3)
    values = (values - torch.tensor(MEAN)) / torch.tensor(STD)
    return values.permute(0, 3, 1, 2).contiguous()  # (B, 3, H, W)


def load_pictures(split: Split, seed: int, count: int, *, report: Report | None = None) -> Pictures:
    """Return `count` pictures, drawing them if they are not in the cache yet.

    Args:
        report: called with (drawn, count) while drawing, for a progress bar.
    """
    folder = cache_folder() / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{drawing_hash()}_{split}_{seed}_{count}.npy"
    if not path.exists():
        _draw_all(path, split, seed, count, report)
    return Pictures(split, seed, np.load(path, mmap_mode="r"))


def draw_range(split: Split, seed: int, start: int, stop: int) -> Iterator[np.ndarray]:
    """Yield the pictures from `start` to before `stop` in order, drawn with all cores."""
    starts = range(start, stop, _PICTURES_PER_JOB)
    jobs: list[_Job] = [
        (split, seed, first, min(first + _PICTURES_PER_JOB, stop)) for first in starts
    ]
    if len(jobs) < 2:  # new processes would cost more than they save
        for job in jobs:
            yield from _draw_some(job)
        return
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for drawn in pool.map(_draw_some, jobs):
            yield from drawn


def drawing_hash() -> str:
    """Return a hash of the code that decides what a picture looks like."""
    folder = Path(cast(str, draw_package.__file__)).parent
    world = Path(sample_module.__file__).parent
    named = [world / name for name in ("sample.py", "vocabulary.py", "knowledge.py")]
    digest = hashlib.sha256()
    for file in [*sorted(folder.glob("*.py")), *named]:
        # The syntax tree, so that comments and line breaks draw nothing anew.
        digest.update(ast.dump(ast.parse(file.read_text(encoding="utf-8"))).encode())
    return digest.hexdigest()[:16]


def _draw_all(path: Path, split: Split, seed: int, count: int, report: Report | None) -> None:
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        shape = (count, PICTURE_PX, PICTURE_PX, 3)
        pixels = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        for index, picture in enumerate(draw_range(split, seed, 0, count)):
            pixels[index] = picture
            if report is not None and ((index + 1) % _PICTURES_PER_JOB == 0 or index + 1 == count):
                report(index + 1, count)
        pixels.flush()
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def _draw_some(job: _Job) -> np.ndarray:
    split, seed, start, stop = job
    return np.stack(
        [np.asarray(draw(sample_scene(split, seed, index))) for index in range(start, stop)]
    )

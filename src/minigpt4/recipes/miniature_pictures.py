"""Pictures of the drawn world as arrays, drawn once and kept in the cache folder.

Drawing costs more than a training step does, so the recipes of the miniature draw each picture
once, with all cores, and read it again by position. The cache is keyed by the drawing code itself:
whoever changes a brush stroke gets new pictures.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from minigpt4.world import draw as draw_package
from minigpt4.world import sample as sample_module
from minigpt4.world.draw.picture import PICTURE_PX, draw
from minigpt4.world.sample import Split, sample_scene
from minigpt4.world.scene import Scene

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
Report = Callable[[int, int], None]


def cache_folder() -> Path:
    """Return the folder for things that can be made again (`MINIGPT4_CACHE` overrides it)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("MINIGPT4_CACHE") or Path(base) / "minigpt4")


@dataclass(frozen=True)
class Pictures:
    """`count` pictures of one stream of a split, and their scenes."""

    split: Split
    seed: int
    pixels: np.ndarray
    """(count, PICTURE_PX, PICTURE_PX, 3) bytes, possibly a memory map."""

    def __len__(self) -> int:
        return len(self.pixels)

    def scene(self, index: int) -> Scene:
        """Return the truth of a picture."""
        return sample_scene(self.split, self.seed, index)

    def pixel_values(self, indices: list[int]) -> Tensor:
        """Return normalised pictures, (B, 3, H, W) float32."""
        return normalise(self.pixels[np.asarray(indices)])


def normalise(pixels: np.ndarray) -> Tensor:
    """Turn bytes (B, H, W, 3) into CLIP-normalised floats (B, 3, H, W)."""
    values = torch.from_numpy(pixels.astype(np.float32) / 255.0)
    values = (values - torch.tensor(MEAN)) / torch.tensor(STD)
    return values.permute(0, 3, 1, 2).contiguous()


def load_pictures(
    split: Split, seed: int, count: int, *, report: Report | None = None
) -> Pictures:
    """Return `count` pictures, drawing those that are not in the cache yet.

    Args:
        report: called with (drawn, count) while drawing, for a progress bar.
    """
    folder = cache_folder() / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{drawing_hash()}_{split}_{seed}_{count}.npy"
    if not path.exists():
        _draw_all(path, split, seed, count, report)
    return Pictures(split, seed, np.load(path, mmap_mode="r"))


def _draw_all(path: Path, split: Split, seed: int, count: int, report: Report | None) -> None:
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        shape = (count, PICTURE_PX, PICTURE_PX, 3)
        pixels = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        starts = range(0, count, 128)
        jobs = [(split, seed, start, min(start + 128, count)) for start in starts]
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            for (_, _, start, stop), drawn in zip(jobs, pool.map(_draw_some, jobs), strict=True):
                pixels[start:stop] = drawn
                if report is not None:
                    report(stop, count)
        pixels.flush()
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def _draw_some(job: tuple[Split, int, int, int]) -> np.ndarray:
    split, seed, start, stop = job
    return np.stack(
        [np.asarray(draw(sample_scene(split, seed, index))) for index in range(start, stop)]
    )


def drawing_hash() -> str:
    """Return a hash of the code that decides what a picture looks like."""
    folder = Path(cast(str, draw_package.__file__)).parent
    world = Path(sample_module.__file__).parent
    files = [*sorted(folder.glob("*.py")), *(world / n for n in ("sample.py", "vocabulary.py", "knowledge.py"))]  # fmt: skip
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]

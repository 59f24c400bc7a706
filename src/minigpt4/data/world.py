"""The drawn world as training data: pictures with captions for stage 1, descriptions for stage 2.

In memory as a `WorldSource`, or on disk in the forms of the paper's data: tar shards of two sources
(noisy captions in the place of LAION, cleaner ones in that of Conceptual Captions and SBU) and a
`cc_sbu_align` folder. A picture's text is fixed, as in any data set. No picture is ever paired with
a poem, a recipe, an advertisement, an explanation, a page or a cure.

Paper: §3.1 (stage 1), §3.2 (stage 2).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from minigpt4.data.cc_sbu_align import write_cc_sbu_align
from minigpt4.data.drawn import Pictures, Report, draw_range
from minigpt4.data.example import Example, captioned
from minigpt4.data.shards import write_shards
from minigpt4.errors import SettingsError
from minigpt4.world.export import new_folder
from minigpt4.world.language.captions import caption, web_caption
from minigpt4.world.language.descriptions import description
from minigpt4.world.language.narratives import narrative
from minigpt4.world.sample import Split, sample_scene
from minigpt4.world.scene import Scene

Writer = Literal["web", "clean", "description", "narrative"]
"""What is written about a picture: a caption as the web has it, a clean one, all there is in varied
sentences, or all there is in sentences that are built alike."""

STAGE1_RATIO = {"laion": 115, "cc_sbu": 14}
"""How often a batch comes from each source of stage 1: the official ratio, 115M to 14M pairs."""
STAGE1_WRITERS: dict[str, Writer] = {"laion": "web", "cc_sbu": "clean"}

_WRITE = {
    "web": web_caption,
    "clean": caption,
    "description": description,
    "narrative": lambda scene, _: narrative(scene),
}


def write_text(scene: Scene, write: Writer, *, seed: int, index: int) -> str:
    """Return the one text that picture `index` has in a data set of this seed."""
    return _WRITE[write](scene, random.Random(f"{write} {seed} {index}"))


class WorldSource:
    """Drawn pictures with the text of one writer: a `Source`."""

    def __init__(self, pictures: Pictures, write: Writer, seed: int) -> None:
        if write not in _WRITE:
            raise SettingsError(f"unknown writer {write!r}; choose one of {', '.join(_WRITE)}")
        self.pictures, self.seed = pictures, seed
        self.write: Writer = write

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Example:
        if not 0 <= index < len(self):
            raise IndexError(f"no example {index} among {len(self)}")
        image = Image.fromarray(np.array(self.pictures.pixels[index]))
        text = write_text(self.pictures.scene(index), self.write, seed=self.seed, index=index)
        key = f"{self.pictures.split}-{self.pictures.seed}-{index:06d}"
        return captioned(image, text, key=key)


def write_stage1_shards(
    out: str | Path, *, split: Split, seed: int, count: int, report: Report | None = None
) -> dict[str, int]:
    """Write `count` pairs as tar shards in `out/laion` and `out/cc_sbu`; return how many in each.

    The sources have no picture in common; their sizes are as 115 to 14, at least one pair each.

    Raises:
        SettingsError: if `count` is less than 2, or `out` is not empty.
    """
    if count < len(STAGE1_RATIO):
        raise SettingsError(f"{count} pairs for {len(STAGE1_RATIO)} sources; wanted 2 or more")
    share = STAGE1_RATIO["laion"] / sum(STAGE1_RATIO.values())
    num_laion = min(max(1, round(count * share)), count - 1)
    bounds = {"laion": (0, num_laion), "cc_sbu": (num_laion, count)}
    with new_folder(out) as draft:
        for name, (start, stop) in bounds.items():
            pairs = _pairs(STAGE1_WRITERS[name], split, seed, range(start, stop))
            write_shards(_counted(pairs, start, count, report), draft / name)
    return {name: stop - start for name, (start, stop) in bounds.items()}


def write_align_set(
    out: str | Path, *, split: Split, seed: int, count: int, report: Report | None = None
) -> None:
    """Write `count` detailed descriptions and their pictures in the form of `cc_sbu_align`.

    Raises:
        SettingsError: if `out` is not empty.
    """
    with new_folder(out) as draft:
        pairs = _pairs("description", split, seed, range(count))
        write_cc_sbu_align(_counted(pairs, 0, count, report), draft)


def _pairs(
    write: Writer, split: Split, seed: int, indices: range
) -> Iterator[tuple[Image.Image, str]]:
    drawn = draw_range(split, seed, indices.start, indices.stop)
    for index, pixels in zip(indices, drawn, strict=True):
        scene = sample_scene(split, seed, index)
        yield Image.fromarray(pixels), write_text(scene, write, seed=seed, index=index)


def _counted(
    pairs: Iterator[tuple[Image.Image, str]], start: int, count: int, report: Report | None
) -> Iterator[tuple[Image.Image, str]]:
    """Report each pair once it has been written."""
    for number, pair in enumerate(pairs, start=start + 1):
        yield pair
        if report is not None:
            report(number, count)

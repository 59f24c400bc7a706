"""Where a recipe's examples come from: sources on disk by name and ratio, or the drawn world.

data=PATH                              one source
data.laion.path=laion/{00000..10488}.tar  data.laion.ratio=115
world:WRITER?split=train&seed=10&count=12288    drawn in memory; WRITER: web, clean,
                                                description, narrative or questions
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qsl

import numpy as np
from PIL import Image

from minigpt4.config import config
from minigpt4.data.captions import clean_caption
from minigpt4.data.drawn import Pictures, drawing_hash
from minigpt4.data.example import Example, Source, Turn
from minigpt4.data.identity import files_record
from minigpt4.data.mixing import Mix, Mixture
from minigpt4.data.open_source import open_source
from minigpt4.data.questions import VQA_PROMPT
from minigpt4.data.shards import expand_shards
from minigpt4.data.world import WorldSource, Writer
from minigpt4.errors import DataError, SettingsError
from minigpt4.recipes.miniature_frozen import draw_with_progress
from minigpt4.world.language.knowledge_questions import knowledge_questions
from minigpt4.world.language.short_questions import short_questions

WORLD = "world:"
QUESTIONS = "questions"


@config
class SourceSettings:
    """One source of examples."""

    path: str
    """Shards, a folder or an annotation file, as `minigpt4 data check` takes it; or world:..."""
    ratio: float = 1.0
    """How often it is drawn, compared with the others."""


def named_sources(given: Any) -> Any:
    """Read sources as they may be written: one path, names with paths, None to leave one out."""
    if isinstance(given, str):
        return {"data": {"path": given}} if given else {}
    if not isinstance(given, Mapping):
        return given
    return {
        name: {"path": source} if isinstance(source, str) else source
        for name, source in given.items()
        if source is not None
    }


def build_mixture(
    sources: Mapping[str, SourceSettings],
    *,
    batch_size: int,
    seed: int,
    mix: Mix,
    clean: bool,
    max_bad_share: float = 0.1,
) -> Mixture:
    """Open the sources and mix them."""
    opened = [(open_named(source.path, clean=clean), source.ratio) for source in sources.values()]
    return Mixture(opened, batch_size=batch_size, seed=seed, mix=mix, max_bad_share=max_bad_share)


def open_named(path: str, *, clean: bool) -> Source:
    """Open a source on disk, or draw one."""
    if path.startswith(WORLD):
        return open_world(path)
    return open_source(path, clean=clean_caption if clean else None)


def source_prints(sources: Mapping[str, SourceSettings]) -> dict[str, str]:
    """Return for each source its name and, where it is cheap to know, what identifies its data."""
    return {name: _print(source.path) for name, source in sources.items()}


def data_prints(sources: Mapping[str, SourceSettings]) -> dict[str, str]:
    """Return `source_prints`, for tar shards with their number, bytes and a hash of both and names.

    Folders of runs are named by `source_prints` and keep their names when data is deleted.
    """
    prints = source_prints(sources)
    for name, source in sources.items():
        if shards := _shards(source.path):
            files = files_record((path.name, path.stat().st_size) for path in shards)
            content = f"{files['files']} shards, {files['bytes']} bytes"
            prints[name] = f"{source.path} of {content}, {files['names_and_sizes']}"
    return prints


def _shards(path: str) -> list[Path]:
    """Return the shards that a folder or a brace range means; none for any other source."""
    path = path.removeprefix("tar_shards:")
    if path.startswith(WORLD) or not ("{" in Path(path).name or Path(path).is_dir()):
        return []
    try:
        return expand_shards(path)
    except DataError:  # a folder of something else; what is missing is named when it is opened
        return []


def _print(path: str) -> str:
    if path.startswith(WORLD):
        return f"{path} drawn by {drawing_hash()}"
    file = Path(path)
    return f"{path} of {file.stat().st_size} bytes" if file.is_file() else path


def open_world(text: str) -> Source:
    """Draw the pictures a `world:` text names, once; they are kept in the cache folder."""
    writer, _, query = text.removeprefix(WORLD).partition("?")
    options = dict(parse_qsl(query))
    writers = (*get_args(Writer), QUESTIONS)
    unknown = sorted(options.keys() - {"split", "seed", "count"})
    if writer not in writers or unknown:
        raise SettingsError(
            f"{text!r} is no drawn source; write world:WRITER?split=train&seed=0&count=100 with "
            f"one of the writers {', '.join(writers)}"
        )
    try:
        seed, count = int(options.get("seed", 0)), int(options.get("count", 1000))
    except ValueError as error:
        raise SettingsError(f"{text!r}: seed and count are whole numbers ({error})") from error
    split: Any = options.get("split", "train")
    pictures = draw_with_progress(split, seed, count)
    if writer == QUESTIONS:
        return WorldQuestions(pictures, seed=seed)
    return WorldSource(pictures, writer, seed=seed)  # type: ignore[arg-type]


class WorldQuestions:
    """Drawn pictures, each with a question about it and an answer of a word or two.

    The counterpart of VQAv2, OK-VQA and A-OKVQA: half of the pictures that allow it are asked for
    what is in no pixel.
    """

    def __init__(self, pictures: Pictures, *, seed: int) -> None:
        self.pictures, self.seed = pictures, seed

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Example:
        if not 0 <= index < len(self):
            raise IndexError(f"no example {index} among {len(self)}")
        rng = random.Random(f"question {self.seed} {index}")
        scene = self.pictures.scene(index)
        known = knowledge_questions(scene, rng) if rng.random() < 0.5 else []
        asked = rng.choice(known or short_questions(scene, rng))
        return Example(
            image=Image.fromarray(np.array(self.pictures.pixels[index])),
            turns=(Turn(prompt=VQA_PROMPT.replace("{}", asked.text), answer=asked.answer),),
            key=f"question-{self.pictures.split}-{self.pictures.seed}-{index:06d}",
        )

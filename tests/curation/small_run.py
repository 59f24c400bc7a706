"""A curation without a model: pictures of one colour, described by a function of their pixels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from minigpt4.curation.describe import DescribeSettings, Description
from minigpt4.curation.pictures import FolderPile
from minigpt4.curation.pipeline import CurationSettings, Steps
from minigpt4.curation.ranks import Ranks
from minigpt4.curation.repair import ModelRepairer
from minigpt4.curation.store import DraftStore

SETTINGS = CurationSettings(
    images="", model="tiny", wave=6, describe=DescribeSettings(batch_size=4)
)


def draw_pictures(folder: Path, count: int) -> Path:
    """Write pictures that differ in one pixel's colour."""
    folder.mkdir(parents=True)
    for index in range(count):
        Image.new("RGB", (8, 8), (index % 256, index // 256, 9)).save(folder / f"{index:03d}.png")
    return folder


class FakeModel:
    """Answers as a stage-1 model might, and counts what it was asked."""

    def __init__(self) -> None:
        self.num_described: dict[int, int] = {}
        self.num_repaired: dict[str, int] = {}

    @property
    def works(self) -> dict[str, Any]:
        return {"describe": self.describe, "repair": self.repair, "identify": self.identify}

    def describe(self, items: Sequence[tuple[bytes, int | None]]) -> list[Description]:
        return [self._describe_one(content) for content, _ in items]

    def _describe_one(self, content: bytes) -> Description:
        red = Image.open(io.BytesIO(content)).getpixel((0, 0))[0]  # type: ignore[index]
        self.num_described[red] = self.num_described.get(red, 0) + 1
        raw = f"The image shows the number {red} on the wall of a house. On the left we see a tree."
        if red % 5 == 0:
            raw = f"We see {red}."
        more = "" if red % 3 else "There is a fence in the background."
        return Description(
            raw=raw,
            continuation=more,
            num_raw_tokens=len(raw.split()),
            num_continuation_tokens=len(more.split()),
        )

    def repair(self, texts: Sequence[str]) -> list[str]:
        for text in texts:
            self.num_repaired[text] = self.num_repaired.get(text, 0) + 1
        return [text.replace("we see", "there is") for text in texts]

    def identify(self, items: Sequence[Any]) -> list[str]:
        return ["fingerprint" for _ in items]


def small_steps(model: FakeModel, folder: Path, **changes: Any) -> Steps:
    """Return the steps of a run with the fake model."""
    ranks = Ranks(model.works)
    repairer = ModelRepairer(lambda texts: ranks.map("repair", texts), name="fake", batch_size=4)
    steps = Steps(pile=FolderPile(folder), ranks=ranks, repairer=repairer)
    return replace(steps, **changes)


def rows(store: DraftStore) -> list[tuple[Any, ...]]:
    """Return what an export depends on."""
    found = []
    for each in store.drafts():
        said = [(verdict.decision, verdict.reason, verdict.judge) for verdict in each.verdicts]
        told = (each.number, each.key, each.picture_sha256, each.fault, each.outcome, each.text)
        found.append((*told, each.raw, each.continuation, each.repaired, said))
    return found

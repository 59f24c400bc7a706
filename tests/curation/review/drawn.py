"""A small curation of drawn pictures, whose texts a model could have written."""

from __future__ import annotations

import random
from pathlib import Path

from minigpt4.curation.draft import Draft, Verdict, utc_now
from minigpt4.curation.store import DraftStore
from minigpt4.world.draw.picture import draw
from minigpt4.world.language.compose_correction import broken
from minigpt4.world.language.descriptions import description
from minigpt4.world.sample import sample_scene


def build_curation(folder: Path, num_drafts: int = 6, *, rejected: int = 1) -> None:
    """Write drafts that wait for a person, and one or more that a rule has rejected."""
    with DraftStore(folder, create=True) as store:
        for number in range(num_drafts):
            rng = random.Random(number)
            scene = sample_scene("train", 5, number, kind="scene")
            draw(scene).save(store.pictures / f"{number:06d}.png")
            whole = description(scene, rng)
            store.add([
                Draft(
                    number=number, key=f"train-{number}", picture=f"{number:06d}.png",
                    truth=None, raw=broken(whole, rng), num_raw_tokens=90,
                    model_fingerprint="abc", prompt_hash="def", described_at=utc_now(),
                    repaired=whole, repair_model="tiny", repaired_at=utc_now(), ruled_with="all",
                )
            ])  # fmt: skip
            if number >= num_drafts - rejected:
                said = Verdict(
                    decision="reject", reason="apology", judge="rule:apology", at=utc_now()
                )
                store.record(number, said)

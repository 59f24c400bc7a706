"""POPE's questions about drawn pictures: as many absent things as present ones.

Absent things are drawn at random, are the most frequent ones of the set (popular), or those that
most often stand beside the picture's own (adversarial), as in Li et al. 2023.

Paper: beside Table 5.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from minigpt4.world.language.words import article
from minigpt4.world.vocabulary import KINDS

Sampling = Literal["random", "popular", "adversarial"]
SAMPLINGS: tuple[Sampling, ...] = get_args(Sampling)
MAX_PAIRS = 3
"""Present things of a picture that are asked about, as in the original."""


def pope_questions(
    kinds_of: Mapping[str, Sequence[str]], sampling: Sampling, rng: random.Random
) -> list[dict[str, Any]]:
    """Return POPE's rows: yes and no in turn.

    Args:
        kinds_of: the kinds in each picture, by its file name; a picture without any is not asked
            about.
    """
    frequent = Counter(kind for kinds in kinds_of.values() for kind in set(kinds))
    beside: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for kinds in kinds_of.values():
        for kind in set(kinds):
            beside[kind].update(set(kinds) - {kind})
    rows: list[dict[str, Any]] = []
    for image, kinds in kinds_of.items():
        asked = list(dict.fromkeys(kinds))
        rng.shuffle(asked)
        asked = asked[:MAX_PAIRS]
        absent = [kind for kind in KINDS if kind not in kinds]
        rng.shuffle(absent)  # of equally frequent ones, any
        if sampling == "popular":
            absent.sort(key=lambda kind: -frequent[kind])
        elif sampling == "adversarial":
            near = sum((beside[kind] for kind in kinds), Counter())
            absent.sort(key=lambda kind: -near[kind])
        for kind, other in zip(asked, absent[: len(asked)], strict=True):
            for name, label in ((kind, "yes"), (other, "no")):
                rows.append(
                    {
                        "question_id": len(rows) + 1,
                        "image": image,
                        "text": f"Is there {article(name)} in the image?",
                        "label": label,
                    }
                )
    return rows

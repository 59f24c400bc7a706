"""Table 1: advanced abilities. Does the answer do what was asked, and is it true?

    minigpt4 table 1 --base miniature

25 pictures for each of four requests. In the paper people judge; here, on drawn pictures, their
truth. Two rows are ours: BLIP-2 FT and LocNa, which the paper only shows in Figures 4, 13 and 14.

Machine and time: docs/paper.md. Numbers to expect, the paper's: BLIP-2 5 of 100, MiniGPT-4 65.
"""

from __future__ import annotations

from minigpt4.recipes.row_models import BLIP2, BLIP2_FT, LOCNA, MINIGPT4
from minigpt4.recipes.table import Column, Row, Table

_OPTIONS = {"only": ("meme", "recipe", "advertisement", "poem"), "limit": 25}

TABLE = Table(
    number=1,
    title="Advanced abilities: requests fulfilled",
    module="recipes/table1.py",
    columns=tuple(
        Column(title=title, task="abilities", key=key, options=_OPTIONS)
        for title, key in (
            ("meme", "meme"), ("recipe", "recipe"), ("ads", "advertisement"), ("poem", "poem"),
            ("all", "all"),
        )
    ),
    rows=(
        Row(model=BLIP2, printed=("0/25", "4/25", "1/25", "0/25", "5/100")),
        Row(model=BLIP2_FT),
        Row(model=LOCNA),
        Row(model=MINIGPT4, printed=("8/25", "18/25", "19/25", "20/25", "65/100")),
    ),
    note="In the paper people judge; on drawn pictures their truth does, and an answer passes only "
    "if nothing in it is false. The meme is a drawn scene with one thing that does not belong.",
)  # fmt: skip

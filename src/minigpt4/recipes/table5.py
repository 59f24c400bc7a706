"""Table 5: hallucinated objects and length. Do longer answers make up more?

    minigpt4 table 5 --base miniature

CHAIR_i: the share of the objects an answer names that are not in the picture.

Machine and time: docs/paper.md. Numbers to expect, the paper's (CHAIR_i in % / words): BLIP-2 1.3 /
6.5, MiniGPT-4 with a short prompt 7.2 / 28.8, with a long one 9.6 / 175.
"""

from __future__ import annotations

from dataclasses import replace

from minigpt4.recipes.row_models import BLIP2, BLIP2_NOTE, MINIATURE_BLIP2_PROMPT, MINIGPT4
from minigpt4.recipes.table import Column, Row, Table

SHORT, LONG = "MiniGPT-4, short prompt", "MiniGPT-4, long prompt"


def _columns(group: str, **more: str) -> tuple[Column, ...]:
    options = {"only": (group,), "limit": 200, **more}
    return (
        Column(title="CHAIR_i", task="chair", key=f"{group}.chair_i", options=options),
        Column(title="words", task="chair", key=f"{group}.words", options=options, unit="number"),
    )


TABLE = Table(
    number=5,
    title="Hallucination (CHAIR_i, lower is better) and length",
    module="recipes/table5.py",
    columns=_columns("long"),
    rows=(
        Row(
            model=BLIP2, printed=("1.3", "6.5"),
            columns={
                column.title: replace(column, miniature_prompt=MINIATURE_BLIP2_PROMPT)
                for column in _columns("short", prompt="")
            },
        ),
        Row(
            model=MINIGPT4, title=SHORT, printed=("7.2", "28.8"),
            columns={column.title: column for column in _columns("short")},
        ),
        Row(model=MINIGPT4, title=LONG, printed=("9.6", "175")),
    ),
    note="The paper's pictures are COCO's; a drawn scene holds one to five things. "
    f"{BLIP2_NOTE}",
)  # fmt: skip

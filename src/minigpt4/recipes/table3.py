"""Table 3: failed generations before and after stage 2.

    minigpt4 table 3 --base miniature

Machine and time: docs/paper.md. Numbers to expect, the paper's: detailed captions 35 % before and
2 % after, poems 32 % and 1 %.
"""

from __future__ import annotations

from minigpt4.recipes.row_models import BEFORE_STAGE2, MINIGPT4
from minigpt4.recipes.table import Column, Row, Table

_OPTIONS = {"limit": 100}

TABLE = Table(
    number=3,
    title="Failed generations (lower is better)",
    module="recipes/table3.py",
    columns=(
        Column(title="detailed caption", task="failures", key="description", options=_OPTIONS),
        Column(title="poem", task="failures", key="poem", options=_OPTIONS),
    ),
    rows=(
        Row(model=BEFORE_STAGE2, printed=("35 %", "32 %")),
        Row(model=MINIGPT4, title="MiniGPT-4 after stage 2", printed=("2 %", "1 %")),
    ),
    note="The paper's people count answers that do not match the request; here a detector counts "
    "empty, repeated, fragmentary, unfinished, off-topic and off-language answers, from the text "
    "alone.",
)

"""The six tables of the paper, by number.

Tables 4 and 6 have their recipes in `table4.py` and `table6.py`; their rows are here, for a row's
model is made of those recipes.
"""

from __future__ import annotations

from minigpt4.errors import SettingsError
from minigpt4.recipes import table1, table2, table3, table5
from minigpt4.recipes.row_models import (
    BLIP2,
    LORA,
    MINIGPT4,
    NO_QFORMER,
    QFORMER_TRAINED,
    THREE_LAYERS,
)
from minigpt4.recipes.table import Column, Row, Table

_VQA_COLUMNS = (
    Column(
        title="A-OKVQA", task="aokvqa", key="choice", options={"only": ("choice",), "limit": 300}
    ),
    Column(title="GQA", task="gqa", key="accuracy", drawn_key="said", options={"limit": 300}),
)
_VQA_NOTE = (
    "Four choices are ranked by their loss (A-OKVQA); the answer is free (GQA). On drawn pictures "
    "the questions are counterparts in the benchmarks' own formats, and as the miniature answers "
    "in sentences, GQA's answer is read out of them; on GQA's own files it is exact match."
)

TABLE_4 = Table(
    number=4,
    title="Architecture",
    module="recipes/tables.py, recipes/table4.py",
    columns=_VQA_COLUMNS,
    rows=(
        Row(model=MINIGPT4, printed=("58.2", "32.2")),
        Row(model=NO_QFORMER, printed=("56.9", "33.4")),
        Row(model=THREE_LAYERS, printed=("49.7", "31.0")),
        Row(model=QFORMER_TRAINED, printed=("52.1", "28.0")),
    ),
    note=f"{_VQA_NOTE} All rows have the same steps, pictures and learning rates.",
)
TABLE_6 = Table(
    number=6,
    title="Question answering with more capacity and more data",
    module="recipes/tables.py, recipes/table6.py",
    columns=_VQA_COLUMNS,
    rows=(
        Row(model=BLIP2, title="BLIP-2 (paper: 129M pairs)", printed=("80.2", "42.4")),
        Row(model=MINIGPT4, title="MiniGPT-4 (paper: 5M pairs)", printed=("58.2", "32.2")),
        Row(model=LORA, printed=("67.2", "43.5")),
    ),
    note=_VQA_NOTE,
)
TABLES: dict[int, Table] = {
    table.number: table
    for table in (
        table1.TABLE, table2.TABLE, table3.TABLE, TABLE_4, table5.TABLE, TABLE_6,
    )
}  # fmt: skip


def find_table(number: int) -> Table:
    """Return a table by its number in the paper.

    Raises:
        SettingsError: for a number without a table.
    """
    if number not in TABLES:
        raise SettingsError(f"the paper has no Table {number}; there are Tables 1 to 6")
    return TABLES[number]

"""Table 2: does the description cover what a short caption names?

    minigpt4 table 2 --base miniature

In the paper an LLM compares the description with one caption of 5,000 COCO pictures; on drawn
pictures the truth tells whether all that the caption names is there.

Machine and time: docs/paper.md. Numbers to expect, the paper's: BLIP-2 27.5 %, MiniGPT-4 66.2 %.
"""

from __future__ import annotations

from dataclasses import replace

from minigpt4.recipes.row_models import BLIP2, BLIP2_NOTE, MINIATURE_BLIP2_PROMPT, MINIGPT4
from minigpt4.recipes.table import Column, Row, Table

_COVERED = Column(title="covered", task="caption_coverage", key="covered", options={"limit": 200})
_CAPTION = replace(
    _COVERED, options={"limit": 200, "prompt": ""}, miniature_prompt=MINIATURE_BLIP2_PROMPT
)

TABLE = Table(
    number=2,
    title="Captions covered",
    module="recipes/table2.py",
    columns=(_COVERED,),
    rows=(
        Row(model=BLIP2, printed=("27.5 %",), columns={_COVERED.title: _CAPTION}),
        Row(model=MINIGPT4, printed=("66.2 %",)),
    ),
    note="The paper asks an LLM about 5,000 COCO pictures; here the truth of drawn pictures says "
    f"what a caption names and whether the description has it. {BLIP2_NOTE}",
)

"""Your own pictures: finetune any MiniGPT-4 on captions, descriptions, questions or dialogues.

    minigpt4 train finetune --set model.start=minigpt4-7b --set data=my_pictures/captions.jsonl
    minigpt4 train finetune --set data=my_pictures/captions.jsonl        (the miniature)

Stage 2 as it is, on other data, from a model that has been through both stages. Examples without a
prompt of their own get the four prompts of stage 2. `docs/own_data.md` walks through it.

Machine and time: the miniature takes a minute on two cores; a 7B model about 24 GB as users report,
and by estimate half of that with `--set memory.llm_storage=nf4`. Numbers to expect depend on the
data: the loss of stage 2 starts at about 3.8 and ends at 1.4-1.9 with 3,500 pairs (users' reports).
"""

from __future__ import annotations

from dataclasses import replace

from minigpt4.recipes.alignment import AlignmentExperiment, data_fingerprints, run
from minigpt4.recipes.vicuna import official_stage2

__all__ = ["data_fingerprints", "finetune", "run"]


def finetune() -> AlignmentExperiment:
    """200 steps of 12; a few hundred pictures are seen several times."""
    return replace(
        official_stage2("miniature"), data={}, num_steps=200, checkpoint_every_steps=50,
        warmup_steps=20, steps_per_epoch=None, schedule="cosine",
    )  # fmt: skip

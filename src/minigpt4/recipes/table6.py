"""Table 6: more capacity and more data. LoRA on the LLM, and questions mixed into stage 2.

    minigpt4 table 6 --base miniature               trains the rows and scores them
    minigpt4 train table6_lora                      VQAv2, OK-VQA and A-OKVQA, see `data/`
    minigpt4 train table6_lora --base miniature     minutes on two cores

Needs the extra `lora` (peft). Machine: an A100 for the 7B base; the paper gives no time, and it was
not run here. Numbers to expect, the paper's, A-OKVQA multiple choice / GQA:

    BLIP-2 (129M pairs)            80.2 / 42.4
    MiniGPT-4 (5M pairs)           58.2 / 32.2
    MiniGPT-4 with LoRA and VQA    67.2 / 43.5

The paper names neither rank, ratios nor steps. Rank, scale and places of LoRA are those of the
authors' later model (64, 16, q_proj and v_proj). Ratios (descriptions 4, VQAv2 2, OK-VQA 1, A-OKVQA
1) and twice the steps of stage 2, so that as many descriptions are seen as without them, are ours.
"""

from __future__ import annotations

from dataclasses import replace

from minigpt4.model.lora import LoraSettings
from minigpt4.recipes.alignment import AlignmentExperiment, data_fingerprints, run
from minigpt4.recipes.bases import DEFAULT_BASE, find_base
from minigpt4.recipes.sources import SourceSettings

__all__ = ["data_fingerprints", "lora", "run"]


def with_lora(base: AlignmentExperiment) -> AlignmentExperiment:
    """Train low-rank updates of the LLM beside the projection."""
    return replace(base, model=replace(base.model, lora=LoraSettings()))


def with_questions(
    base: AlignmentExperiment, questions: dict[str, SourceSettings]
) -> AlignmentExperiment:
    """Mix question sources in, half of all batches together."""
    share = sum(source.ratio for source in questions.values())
    described = {name: replace(source, ratio=share) for name, source in base.data.items()}
    return replace(base, data={**described, **questions}, num_steps=2 * base.num_steps)


def lora(base: str = DEFAULT_BASE) -> AlignmentExperiment:
    """Stage 2 with LoRA and questions, from the base's own stage 1."""
    found = find_base(base)
    return with_questions(with_lora(found.stage2()), found.questions)

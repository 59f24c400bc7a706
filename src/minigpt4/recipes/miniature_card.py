"""The model cards of the shipped models: what they know, what they don't, how they came about."""

from __future__ import annotations

from typing import Any

_FRONT = """---
library_name: transformers
pipeline_tag: image-text-to-text
license: apache-2.0
language: [en]
tags: [minigpt4, miniature, drawn-pictures]
---
"""


def miniature_card(stage: int, scores: dict[str, Any] | None = None) -> str:
    """Return the card of the miniature after stage 1 or 2."""
    what = {
        1: "after **stage 1**: the projection has seen short, noisy web captions only. It is here "
        "for comparison (Table 3, Figure 5 of the paper); to chat, take `miniature`.",
        2: "after **stage 2**: the projection has also seen 3,500 detailed descriptions, the "
        "world's own. They did better than curated ones (`docs/experiments.md` compares five).",
    }[stage]
    return f"""{_FRONT}
# The miniature MiniGPT-4

A complete MiniGPT-4 at about a thousandth of the size: a frozen vision encoder (a ViT of 2.8
million parameters) and Q-Former, a frozen LLaMA of 5 million parameters, and one linear layer
between them, {what}

**What it knows:** drawn pictures of 128 x 128 pixels from the world that this package draws
itself (`minigpt4 world draw`): 46 kinds of things in 8 colours at 8 places, odd scenes, dishes,
products, sick plants, film posters and sketches of web pages. It describes them, answers
questions, and writes poems, stories, advertisements, recipes, cures and pages about them, although
no picture was ever paired with any of these texts.

**What it does not know:** photographs, people, text in pictures, and any word outside its world of
about a thousand words. On a photograph it will name drawn things that are not there. It is no
safety-tested product and its "cures" and "recipes" are those of a toy world.

**How it was made:** `minigpt4 train miniature_llm`, `miniature_vision`, `miniature_stage1`,
`miniature_stage2`, on CPU cores. The frozen parts went through several runs, each from the end of
the one before, with changes in between. Frozen weights are stored in bf16, the projection in
fp32. Training and test pictures come from disjoint streams of seeds. Measurements and what failed
are in `docs/experiments.md` of the source repository.
{_scores(scores)}"""


def baseline_card() -> str:
    """Return the card of the BLIP-2 baseline."""
    return f"""{_FRONT}
# The miniature's BLIP-2 baseline

The model in which the miniature's Q-Former was pretrained: the same vision encoder and Q-Former
through one linear layer into a weaker LLM of 1.3 million parameters that knows captions and short
answers only. It is the counterpart of BLIP-2 in the paper's tables. It knows drawn pictures, no
photographs.
"""


def _scores(scores: dict[str, Any] | None) -> str:
    if not scores:
        return ""
    rows = "\n".join(f"| {name} | {value} |" for name, value in scores.items())
    return f"\n| on unseen drawn pictures | |\n|---|---|\n{rows}\n"

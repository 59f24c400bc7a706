"""The official prompts of stage 2, one of which is drawn for each batch.

Paper: §3.2 (the instruction set of the second stage).
"""

from __future__ import annotations

import numpy as np

STAGE2_PROMPTS = (
    "<Img><ImageHere></Img> Describe this image in detail.",
    "<Img><ImageHere></Img> Take a look at this image and describe what you notice.",
    "<Img><ImageHere></Img> Please provide a detailed description of the picture.",
    "<Img><ImageHere></Img> Could you describe the contents of this image for me?",
)


def sample_prompt(step: int, *, seed: int, prompts: tuple[str, ...] = STAGE2_PROMPTS) -> str:
    """Draw the one prompt that a whole batch gets: a pure function of (seed, step)."""
    return prompts[int(np.random.default_rng([seed, step, 2]).integers(len(prompts)))]

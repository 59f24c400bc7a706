"""Does this encoder fit this LLM? Looked at before the first step, not after a night of training.

Four things go wrong when parts are put together that have never met: the chat template shows no
picture, nothing ends an answer, numbers overflow, and a picture's embeddings are hundreds of times
longer than a word's. Each is checked on the model itself and on the first pictures of the data.
"""

from __future__ import annotations

import logging
import math
from typing import Any

import torch

from minigpt4.data.mixing import Mixture
from minigpt4.errors import MiniGPT4Error, SettingsError
from minigpt4.model.health import Check, check_language
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.model.projection import mean_embedding_norm, scale_to_embeddings
from minigpt4.processing.conversation import IMAGE, Conversation, template_by_name
from minigpt4.processing.processor import TrainingLayout

SCALE_BOUNDS = (0.2, 5.0)
"""How much shorter or longer than a word a picture's embedding may be to begin with."""

_QUESTION = "Describe this image in detail."
_NUM_PICTURES = 4
logger = logging.getLogger(__name__)


def check_before_training(
    model: MiniGPT4ForConditionalGeneration,
    layout: TrainingLayout,
    mixture: Mixture,
    *,
    rescale: bool,
) -> list[Check]:
    """Check that the parts fit; log what is found.

    Args:
        rescale: bring a fresh projection to the scale of the LLM's embeddings, by the first
            pictures of the data.

    Raises:
        SettingsError: naming everything that does not fit, with what to do.
    """
    checks = [
        check_template(model),
        check_answer_end(model, layout),
        check_type(model),
        check_llm(model),
        check_scale(model, mixture, rescale=rescale),
    ]
    for check in checks:
        level = logging.INFO if check.status == "ok" else logging.WARNING
        logger.log(level, "%s: %s%s", check.name, check.detail,
                   f"; {check.remedy}" if check.remedy else "")  # fmt: skip
    problems = [check for check in checks if check.status == "problem"]
    if problems:
        raise SettingsError(
            "the parts do not fit: "
            + "; ".join(f"{check.name}: {check.detail}; {check.remedy}" for check in problems)
        )
    return checks


def check_template(model: MiniGPT4ForConditionalGeneration) -> Check:
    """Check that the template shows a picture exactly once, in one turn and in two."""
    processor = model.processor
    try:
        template = template_by_name(processor.template, processor.tokenizer)
        first = Conversation.ask(_QUESTION, object())
        prompts = [first, first.with_answer("A red dog.").with_user("What color is it?")]
        counts = [sum(s is IMAGE for s in template.render(prompt)) for prompt in prompts]
    except MiniGPT4Error as error:
        return Check("template", "problem", str(error), "set model.template=vicuna_v0_training")
    if counts != [1, 1]:
        detail = f"{processor.template} shows a picture {counts} times in one and two turns"
        return Check("template", "problem", detail, "set model.template=vicuna_v0_training")
    return Check("template", "ok", f"{processor.template} shows each picture once")


def check_answer_end(model: MiniGPT4ForConditionalGeneration, layout: TrainingLayout) -> Check:
    """Check that what training puts after an answer is what generation stops at."""
    processor = model.processor
    tokenizer: Any = processor.tokenizer
    end = layout.end_sym
    ids = processor.encode(f"A red dog.{end}")
    if end.strip() not in tokenizer.decode(ids[-8:]):
        detail = f"the tokenizer does not keep {end!r} at the end of an answer"
        return Check("stop", "problem", detail, "set layout.end_sym to a text it keeps")
    if not layout.template:
        return Check("stop", "ok", f"captions end in {end!r}")
    template = template_by_name(processor.template, tokenizer)
    eos = model.generation_config.eos_token_id
    eos_ids = eos if isinstance(eos, list) else [eos]
    stops = (*template.stop_strings, *template.stop_tokens)
    if ids[-1] in eos_ids or any(stop in end or end in stop for stop in stops if stop):
        return Check("stop", "ok", f"answers end in {end!r}, where generation stops")
    return Check(
        "stop",
        "problem",
        f"answers are trained to end in {end!r}, but generation stops at "
        f"{', '.join(map(repr, stops)) or 'the end of sequence'} only",
        "set layout.end_sym to one of these, or model.template to one of ours",
    )


def check_type(model: MiniGPT4ForConditionalGeneration) -> Check:
    """Check the number type of the frozen parts: fp16 overflows in training."""
    types = {
        name: next(p.dtype for p in part.parameters() if p.is_floating_point())
        for name, part in model.frozen_parts.items()
    }
    said = ", ".join(f"{name} {str(t).removeprefix('torch.')}" for name, t in types.items())
    if torch.float16 in types.values():
        return Check("type", "problem", f"{said}: fp16 overflows", "set model.dtype=bfloat16")
    on_gpu = any(p.device.type == "cuda" for p in model.llm.parameters())
    if on_gpu and torch.bfloat16 in types.values() and not torch.cuda.is_bf16_supported():
        return Check("type", "problem", f"{said}: this GPU has no bf16", "set model.dtype=float32")
    return Check("type", "ok", said)


def check_llm(model: MiniGPT4ForConditionalGeneration) -> Check:
    """Let the LLM read a few sentences: delta, random or corrupt weights know no language."""
    check = check_language(model.llm, model.processor.tokenizer)
    if check.status != "problem" or "not finite" in check.detail:
        return check
    # An LLM of another language than English reads our sentences badly and is still right.
    return Check(check.name, "warn", check.detail, check.remedy)


@torch.no_grad()
def check_scale(
    model: MiniGPT4ForConditionalGeneration, mixture: Mixture, *, rescale: bool
) -> Check:
    """Compare the length of the first pictures' embeddings with that of words."""
    pictures = [e.image for e in mixture.draw(0).examples[:_NUM_PICTURES] if e.image is not None]
    pixels = model.processor.pixel_values(pictures)
    if pixels is None:
        return Check("scale", "warn", "the first batch has no picture", "look at the data")
    words = mean_embedding_norm(model.get_input_embeddings())
    features = model.encode_images(pixels.to(next(model.projection.parameters()).device))
    length = _mean_length(model, features)
    if not (math.isfinite(length) and math.isfinite(words) and length > 0 and words > 0):
        detail = f"embeddings of pictures are {length:.3g} long, of words {words:.3g}"
        return Check("scale", "problem", detail, "the weights of a part are damaged; get it again")
    if rescale:
        # `scale_to_embeddings` takes features of unit variance; these say what they really are.
        scale_to_embeddings(model.projection, words * words / length)
        length = _mean_length(model, features)
    ratio = length / words
    detail = f"a picture's embedding is {ratio:.2f} times as long as a word's ({words:.3g})"
    if not SCALE_BOUNDS[0] <= ratio <= SCALE_BOUNDS[1]:
        return Check("scale", "warn", detail, "stage 1 with model.fresh_projection=true mends it")
    return Check("scale", "ok", detail)


def _mean_length(model: MiniGPT4ForConditionalGeneration, features: torch.Tensor) -> float:
    return model.project(features).float().norm(dim=-1).mean().item()

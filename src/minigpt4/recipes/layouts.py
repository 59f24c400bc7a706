"""The training sequence that belongs to a conversation template: what is trained is what is asked.

Vicuna v0 and Llama-2 have the official layouts. For any other LLM the layout is read off its own
chat template: the text around a question, and the token that ends an answer.
"""

from __future__ import annotations

from dataclasses import replace

from minigpt4.errors import SettingsError
from minigpt4.processing.conversation import (
    Conversation,
    Template,
    template_by_name,
    text_from_segments,
)
from minigpt4.processing.processor import (
    IMAGE_PROMPT,
    STAGE1_LAYOUT,
    STAGE2_LAYOUT,
    STAGE2_LLAMA2_LAYOUT,
    MiniGPT4Processor,
    TrainingLayout,
)

_QUESTION = "QUESTION"
_BY_FAMILY = {
    "vicuna_v0": STAGE2_LAYOUT,
    "llama2": STAGE2_LLAMA2_LAYOUT,
    "plain": STAGE1_LAYOUT,
}


def chat_layout(processor: MiniGPT4Processor, *, max_text_tokens: int) -> TrainingLayout:
    """Return the layout in which answers are learned for this processor's template.

    Raises:
        SettingsError: if nothing would end an answer.
    """
    for family, layout in _BY_FAMILY.items():
        if processor.template.startswith(family):
            return replace(layout, max_text_tokens=max_text_tokens)
    template = template_by_name(processor.template, processor.tokenizer)
    return TrainingLayout(
        template=_around_question(template),
        end_sym=_answer_end(template, processor),
        max_text_tokens=max_text_tokens,
    )


def _around_question(template: Template) -> str:
    prompt = text_from_segments(template.render(Conversation.ask(_QUESTION, object(), system="")))
    before, found, after = prompt.partition(IMAGE_PROMPT + _QUESTION)
    if not found:
        raise SettingsError(
            f"the chat template writes a question about a picture as {prompt!r}, where "
            f"{IMAGE_PROMPT + _QUESTION!r} was expected; set model.template to one of ours"
        )
    return f"{before}{{}}{after}"


def _answer_end(template: Template, processor: MiniGPT4Processor) -> str:
    ends = [*template.stop_tokens, *template.stop_strings]
    eos = processor.tokenizer.eos_token
    if eos and (not ends or eos in ends):
        return eos
    if not ends:
        raise SettingsError(
            "neither the chat template nor the tokenizer says what ends an answer; set "
            "model.template=vicuna_v0_training"
        )
    return ends[0]

"""The chat template of any LLM, read from its own tokenizer.

Other LLMs bring a Jinja template. It is rendered to text with a marker at each image's place, then
cut at the markers into the same segments that our own templates give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minigpt4.errors import PromptError
from minigpt4.processing.conversation import (
    IMAGE,
    IMAGE_PLACEHOLDER,
    Conversation,
    Segment,
    check_question,
    join_images,
    merge_segments,
    neutralise,
    split_system,
)

_MARKER = "\ufdd0"  # A Unicode noncharacter: reserved, so it has no place in anybody's text.


@dataclass(frozen=True)
class TokenizerTemplate:
    """The chat template of any LLM, as its own tokenizer brings it."""

    tokenizer: Any
    """A tokenizer of transformers that has a chat template."""
    image_open: str = "<Img>"
    image_close: str = "</Img>"
    name: str = "tokenizer"
    stop_strings: tuple[str, ...] = ()

    @property
    def stop_tokens(self) -> tuple[str, ...]:
        """The special tokens that the template writes after an answer."""
        probe = [{"role": "user", "content": "q"}, {"role": "assistant", "content": _MARKER}]
        after = self._apply(probe, add_generation_prompt=False).rpartition(_MARKER)[2]
        return tuple(token for token in _special_tokens(self.tokenizer) if token in after)

    def render(self, conversation: Conversation) -> list[Segment]:
        """Return the segments of the prompt whose continuation is the next answer."""
        system, dialogue = split_system(conversation)
        dialogue = join_images(dialogue)
        check_question(dialogue, needs_text=True)
        messages = [{"role": "system", "content": self._plain(system)}] if system else []
        for message in dialogue:
            images = f"{self.image_open}{_MARKER}{self.image_close} " * len(message.images)
            content = (images + self._plain(message.text)).rstrip(" ")
            messages.append({"role": message.role, "content": content})
        text = self._apply(messages, add_generation_prompt=True)
        first, *others = text.split(_MARKER)
        if len(others) != len(conversation.images):
            raise PromptError(
                f"the LLM's chat template shows {len(others)} of {len(conversation.images)} "
                "images; it drops old messages, so show each image again or use another template"
            )
        # The processor prepends the id of BOS itself.
        first = first.removeprefix(self.tokenizer.bos_token or "")
        return merge_segments([first, *(piece for text in others for piece in (IMAGE, text))])

    def _apply(self, messages: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
        from jinja2 import TemplateError

        if not getattr(self.tokenizer, "chat_template", None):
            raise PromptError(
                "the LLM's tokenizer has no chat template; use vicuna_v0, llama2 or plain"
            )
        try:
            return self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=add_generation_prompt
            )
        except TemplateError as error:
            roles = ", ".join(message["role"] for message in messages)
            raise PromptError(
                f"the LLM's chat template refuses the roles {roles}: {error}; "
                "leave out the system message or let user and assistant take turns"
            ) from error

    def _plain(self, text: str) -> str:
        reserved = (*_special_tokens(self.tokenizer), IMAGE_PLACEHOLDER)
        return neutralise(text.replace(_MARKER, ""), reserved)


def _special_tokens(tokenizer: Any) -> list[str]:
    added = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    return sorted({*tokenizer.all_special_tokens, *added})

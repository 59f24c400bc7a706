"""Turn a conversation about pictures into the segments that the processor tokenises.

A conversation is data: messages with a text and any number of images. A template knows the exact
strings around them. `template.render(conversation)` gives a list of segments, each either a piece
of text or `IMAGE`, the place of one image. Segments are tokenised one by one, as the official
code does, and an image's place is never found by searching text: what a person types, be it
`<ImageHere>` or `###`, can neither add an image nor end a turn.

Official forms (chat, current code; the first release ended in `###Assistant:` without a space):

    Vicuna v0
        {system}###Human: <Img>IMAGE</Img> {q1}###Assistant: {a1}###Human: {q2}###Assistant:_
    Llama-2
        {system}<s>[INST] <Img>IMAGE</Img> {q1} [/INST] {a1}<s>[INST] {q2} [/INST]_

and in training (no system prompt, a space before `###`):

    Vicuna v0   ###Human: <Img>IMAGE</Img> {prompt} ###Assistant:_
    Llama-2     [INST] <Img>IMAGE</Img> {prompt} [/INST]_
    stage 1     IMAGE

where `_` is a space at the very end. Paper: §3.1 (stage 1), §3.3 (stage 2).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

from minigpt4.config import config
from minigpt4.errors import PromptError, SettingsError

IMAGE_PLACEHOLDER = "<ImageHere>"
"""How an image's place is written where a prompt must be one string."""


class ImageSlot(enum.Enum):
    """The type of `IMAGE`; not a string, so no text can be mistaken for it."""

    IMAGE = IMAGE_PLACEHOLDER


IMAGE = ImageSlot.IMAGE
"""The segment that stands for one image."""

Segment = str | ImageSlot
Role = Literal["user", "assistant", "system"]

_VICUNA_SYSTEM = (
    "Give the following image: <Img>ImageContent</Img>. "
    "You will be able to see the image once I provide it to you. Please answer my questions."
)


@dataclass(frozen=True)
class Message:
    """One message; its images come before its text."""

    role: Role
    text: str = ""
    images: tuple[Any, ...] = ()
    """Pictures as the image processor takes them: paths or PIL images. Only for the user."""

    def __post_init__(self) -> None:
        if self.role not in ("user", "assistant", "system"):
            raise PromptError(f"role {self.role!r} is unknown; use user, assistant or system")
        if self.images and self.role != "user":
            raise PromptError(f"a message of the {self.role} has images; only the user shows them")


@dataclass(frozen=True)
class Conversation:
    """Messages in order, and a system prompt if it is not to be the template's own."""

    messages: tuple[Message, ...] = ()
    system: str | None = None
    """None: the template's system prompt (used when there is an image). "": none at all."""

    @classmethod
    def ask(cls, text: str, *images: Any, system: str | None = None) -> Conversation:
        """Return the conversation that consists of one question about the images."""
        return cls((Message(role="user", text=text, images=images),), system)

    def with_user(self, text: str, *images: Any) -> Conversation:
        """Return the conversation with one more message of the user."""
        message = Message(role="user", text=text, images=images)
        return replace(self, messages=(*self.messages, message))

    def with_answer(self, text: str) -> Conversation:
        """Return the conversation with the assistant's answer added."""
        return replace(self, messages=(*self.messages, Message(role="assistant", text=text)))

    @property
    def images(self) -> tuple[Any, ...]:
        """All images, in the order in which `render` places them."""
        return tuple(image for message in self.messages for image in message.images)

    def without_oldest_turn(self) -> Conversation | None:
        """Return the conversation without its first question and answer, or None at the last.

        The images of a dropped question move to the next one, so that none is ever lost.
        """
        system, dialogue = split_system(self)
        starts = [i for i, message in enumerate(dialogue) if message.role == "user"]
        if len(starts) < 2:
            return None
        kept = dialogue[starts[1] :]
        shown = tuple(image for message in dialogue[: starts[1]] for image in message.images)
        first = replace(kept[0], images=shown + kept[0].images)
        return Conversation((first, *kept[1:]), system)


@runtime_checkable
class Template(Protocol):
    """What generation asks of a template, ours or an LLM's own."""

    @property
    def name(self) -> str:
        """The name by which a model directory or a setting refers to it."""
        ...

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """Texts at which an answer ends; none of them is part of it."""
        ...

    @property
    def stop_tokens(self) -> tuple[str, ...]:
        """Tokens of the LLM, by name, at which an answer ends."""
        ...

    def render(self, conversation: Conversation) -> list[Segment]:
        """Return the prompt that the LLM is to continue with an answer.

        Raises:
            PromptError: for a conversation that does not end with a question, or cannot be written
                in this form.
        """
        ...


@config
class ConversationTemplate:
    """The strings around the messages of a conversation."""

    name: str
    """The name by which a model directory or a setting refers to it."""
    system: str = ""
    """Said first when the conversation has an image."""
    user_prefix: str = ""
    """Before each message of the user; it also ends the answer before it."""
    user_suffix: str = ""
    """After each message of the user."""
    assistant_prefix: str = ""
    """Before each answer; the prompt ends with it."""
    answer_cue: str | None = None
    """What the prompt ends with, where that is not `assistant_prefix`."""
    image_open: str = "<Img>"
    """Before each image."""
    image_close: str = "</Img>"
    """After each image; a space follows, then the text or the next image."""
    stop_strings: tuple[str, ...] = ()
    """An answer ends where one of these begins."""
    stop_tokens: tuple[str, ...] = ()
    """Tokens that end an answer, besides the LLM's own end of sequence."""
    reserved: tuple[str, ...] = ()
    """Strings that have a meaning here; typed by a person they get a space inside."""
    needs_text: bool = True
    """Whether the last message of the user must have a text."""

    def render(self, conversation: Conversation) -> list[Segment]:
        """Return the segments of the prompt whose continuation is the next answer.

        Raises:
            PromptError: when the last message is not a question of the user.
        """
        system, dialogue = split_system(conversation)
        dialogue = join_images(dialogue)
        check_question(dialogue, needs_text=self.needs_text)
        pieces: list[Segment] = []
        if system is not None:
            pieces.append(self._plain(system))
        elif conversation.images:
            pieces.append(self.system)
        for message in dialogue:
            if message.role == "assistant":
                pieces += [self.assistant_prefix, self._plain(message.text)]
            else:
                pieces += [self.user_prefix, *self._shown(message), self.user_suffix]
        pieces.append(self.assistant_prefix if self.answer_cue is None else self.answer_cue)
        return merge_segments(pieces)

    def _shown(self, message: Message) -> list[Segment]:
        """Return the images and the text of a user's message, one space after each image."""
        text = self._plain(message.text)
        pieces: list[Segment] = []
        for index in range(len(message.images)):
            last = index == len(message.images) - 1
            gap = " " if self.image_close and (text or not last) else ""
            pieces += [self.image_open, IMAGE, self.image_close + gap]
        return [*pieces, text]

    def _plain(self, text: str) -> str:
        return neutralise(text, (*self.reserved, IMAGE_PLACEHOLDER))


VICUNA_V0 = ConversationTemplate(
    name="vicuna_v0",
    system=_VICUNA_SYSTEM,
    user_prefix="###Human: ",
    assistant_prefix="###Assistant: ",
    stop_strings=("###",),
    reserved=("###", "<s>", "</s>", "<unk>"),
)
"""The official chat form for Vicuna v0, as the current official code writes it."""

VICUNA_V0_FIRST_RELEASE = replace(
    VICUNA_V0, name="vicuna_v0_first_release", answer_cue="###Assistant:"
)
"""The chat form of the first release: no space after the last colon."""

VICUNA_V0_TRAINING = replace(VICUNA_V0, name="vicuna_v0_training", system="", user_suffix=" ")
"""The form of stage 2: no system prompt, a space before `###`."""

LLAMA2 = ConversationTemplate(
    name="llama2",
    system=_VICUNA_SYSTEM,
    user_prefix="<s>[INST] ",
    assistant_prefix=" [/INST] ",
    stop_strings=("[INST]",),
    reserved=("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>", "<unk>"),
)
"""The official chat form for Llama-2-chat: BOS again before each question, none after answers."""

LLAMA2_TRAINING = replace(LLAMA2, name="llama2_training", system="", user_prefix="[INST] ")
"""The form of stage 2 with Llama-2: no system prompt and only the one BOS."""

PLAIN = ConversationTemplate(
    name="plain",
    image_open="",
    image_close="",
    stop_strings=("\n",),
    reserved=("<s>", "</s>", "<unk>"),
    needs_text=False,
)
"""The form of stage 1: the image alone, whose continuation is a caption that ends in a newline."""

TEMPLATES = (
    VICUNA_V0,
    VICUNA_V0_FIRST_RELEASE,
    VICUNA_V0_TRAINING,
    LLAMA2,
    LLAMA2_TRAINING,
    PLAIN,
)


def template_by_name(name: str, tokenizer: Any = None) -> Template:
    """Return the template of that name; `tokenizer` means the given tokenizer's own.

    Raises:
        SettingsError: for an unknown name, or for `tokenizer` without one.
    """
    for template in TEMPLATES:
        if template.name == name:
            return template
    if name == "tokenizer":
        if tokenizer is None:
            raise SettingsError("template 'tokenizer' needs the LLM's tokenizer; got none")
        from minigpt4.processing.tokenizer_template import TokenizerTemplate

        return TokenizerTemplate(tokenizer)
    known = ", ".join([*(template.name for template in TEMPLATES), "tokenizer"])
    raise SettingsError(f"unknown conversation template {name!r}; known: {known}")


def segments_from_text(text: str) -> list[Segment]:
    """Split a trusted prompt at each `<ImageHere>`; never use it on what a person typed."""
    first, *others = text.split(IMAGE_PLACEHOLDER)
    return merge_segments([first, *(piece for text in others for piece in (IMAGE, text))])


def text_from_segments(segments: Sequence[Segment]) -> str:
    """Write segments as one string, with `<ImageHere>` for each image."""
    return "".join(piece if isinstance(piece, str) else IMAGE_PLACEHOLDER for piece in segments)


def neutralise(text: str, reserved: Sequence[str]) -> str:
    """Return the text with a space inside each reserved string, so that it means nothing."""
    for token in sorted(reserved, key=len, reverse=True):
        # "####" needs two passes; a pass never makes a new match, since no token has a space.
        while len(token) > 1 and token in text:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def split_system(conversation: Conversation) -> tuple[str | None, tuple[Message, ...]]:
    """Return the system prompt, wherever it was given, and the messages without it."""
    system, messages = conversation.system, conversation.messages
    if messages and messages[0].role == "system":
        if system is not None:
            raise PromptError("the conversation has two system prompts; give one")
        system, messages = messages[0].text, messages[1:]
    if any(message.role == "system" for message in messages):
        raise PromptError("a system message stands after other messages; put it first")
    return system, messages


def join_images(dialogue: tuple[Message, ...]) -> list[Message]:
    """Join each message that only shows images with the question after it, as officially."""
    joined: list[Message] = []
    for message in dialogue:
        before = joined[-1] if joined else None
        if before and message.role == before.role == "user" and not before.text.strip():
            joined[-1] = replace(message, images=before.images + message.images)
        else:
            joined.append(message)
    return joined


def check_question(dialogue: Sequence[Message], *, needs_text: bool) -> None:
    """Make sure that a conversation ends with something to answer.

    `needs_text=False` takes a message that only shows an image for a question.

    Raises:
        PromptError: if it is empty, ends with an answer, or asks nothing.
    """
    if not dialogue:
        raise PromptError("the conversation is empty; ask something")
    question = dialogue[-1]
    if question.role != "user":
        raise PromptError(f"the last message is of the {question.role}; end with a question")
    if question.text.strip():
        return
    if needs_text or not question.images:
        raise PromptError(
            "the prompt is empty; ask something, for example 'Describe this image in detail.'"
        )


def merge_segments(pieces: Sequence[Segment]) -> list[Segment]:
    """Join neighbouring texts, for a text between two images is one segment; drop empty ones."""
    merged: list[Segment] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif piece != "":
            merged.append(piece)
    return merged

"""What a client of the chat API may send: OpenAI's form, as far as this model can follow it.

Nothing is ignored silently. A field that is not known or not supported is an error that names it,
unless its value asks for nothing (null, an empty list) or for what happens anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticKnownError

MAX_MESSAGES = 1024
MAX_PARTS = 256
"""The most parts of one message."""
MAX_CHOICES = 16
MAX_STOPS = 4
MAX_BEAMS = 16

_HARMLESS: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0, 0.0),
    "presence_penalty": (0, 0.0),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "store": (False,),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "service_tier": ("auto", "default"),
}
"""Fields of OpenAI's that are not supported, with the values that ask for nothing."""


class _Strict(BaseModel):
    """A part of a request: types are exact, unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: Any) -> Any:
        """Drop unknown fields that ask for nothing; clients send back answers with such."""
        if not isinstance(given, Mapping):
            return given
        known = {key: value for key, value in given.items() if key in cls.model_fields}
        asked = (each for each in given.items() if each[0] not in cls.model_fields)
        # One refused field says enough: an error for each of a million would take gigabytes.
        unknown = next((each for each in asked if not asks_for_nothing(*each)), None)
        return known if unknown is None else {**known, unknown[0]: unknown[1]}


def asks_for_nothing(key: str, value: Any) -> bool:
    """Say whether an unknown field may be left out without a change."""
    if value is None or value == []:
        return True
    # 0 == False in Python, so types are compared too.
    return any(type(value) is type(each) and value == each for each in _HARMLESS.get(str(key), ()))


def _no_longer_than(limit: int) -> Callable[[Any], Any]:
    """Refuse a longer list before its elements are looked at, good or bad."""

    def check(given: Any) -> Any:
        if isinstance(given, list) and len(given) > limit:
            sizes = {"field_type": "List", "max_length": limit, "actual_length": len(given)}
            raise PydanticKnownError("too_long", sizes)
        return given

    return check


class TextPart(_Strict):
    """A text."""

    type: Literal["text"]
    text: str


class ImageURL(_Strict):
    """Where a picture is."""

    url: str = Field(
        min_length=1,
        description="A data: URL, or an http(s) address of a host that the server allows.",
    )
    detail: Literal["auto", "low", "high"] | None = Field(
        None, description="Changes nothing: the model sees every picture at one size."
    )


class ImagePart(_Strict):
    """A picture."""

    type: Literal["image_url"]
    image_url: ImageURL


Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]

# `fail_fast`: the first bad element is the error; pydantic would make one for each.
_FewParts = (
    Field(max_length=MAX_PARTS, fail_fast=True),
    BeforeValidator(_no_longer_than(MAX_PARTS)),
)
TextParts = Annotated[list[TextPart], *_FewParts]
Parts = Annotated[list[Part], *_FewParts]


class SystemMessage(_Strict):
    """What the model is told before the conversation; only as the first message."""

    role: Literal["system", "developer"]
    content: str | TextParts


class UserMessage(_Strict):
    """A question, with any number of pictures. The model sees a turn's pictures before its text."""

    role: Literal["user"]
    content: str | Parts


class AssistantMessage(_Strict):
    """An earlier answer."""

    role: Literal["assistant"]
    content: str | TextParts


def _role(message: Any) -> str | None:
    role = message.get("role") if isinstance(message, Mapping) else getattr(message, "role", None)
    return {"developer": "system"}.get(role, role) if isinstance(role, str) else None


ChatMessage = Annotated[
    Annotated[SystemMessage, Tag("system")]
    | Annotated[UserMessage, Tag("user")]
    | Annotated[AssistantMessage, Tag("assistant")],
    Discriminator(_role),
]


class StreamOptions(_Strict):
    """How a stream is sent."""

    include_usage: bool | None = Field(None, description="Send a last chunk that counts tokens.")


class ChatRequest(_Strict):
    """A chat completion, as in OpenAI's API; what is not listed here is not supported."""

    model: str = Field(description="The name that GET /v1/models lists.")
    messages: Annotated[list[ChatMessage], BeforeValidator(_no_longer_than(MAX_MESSAGES))] = Field(
        min_length=1, max_length=MAX_MESSAGES, fail_fast=True
    )
    n: int | None = Field(1, ge=1, le=MAX_CHOICES, description="Answers to the same question.")
    max_tokens: int | None = Field(None, ge=1, description="Same as max_completion_tokens.")
    max_completion_tokens: int | None = Field(None, ge=1, description="The longest answer.")
    temperature: float | None = Field(1.0, ge=0, le=2, description="0 takes the likeliest token.")
    top_p: float | None = Field(1.0, ge=0, le=1)
    repetition_penalty: float | None = Field(
        1.0, ge=0.01, le=10, description="Not of OpenAI: above 1, tokens are said again less often."
    )
    num_beams: int | None = Field(
        1, ge=1, le=MAX_BEAMS, description="Not of OpenAI: above 1, a beam search."
    )
    stop: (
        Annotated[str, Field(min_length=1)]
        | Annotated[
            list[Annotated[str, Field(min_length=1)]],
            Field(max_length=MAX_STOPS, fail_fast=True),
            BeforeValidator(_no_longer_than(MAX_STOPS)),
        ]
        | None
    ) = Field(None, description="An answer ends where one of these would begin.")
    seed: int | None = Field(
        None, ge=-(2**63), lt=2**63, description="Same seed, same answer, whoever else asks."
    )
    stream: bool | None = Field(False, description="Send the answer as server-sent events.")
    stream_options: StreamOptions | None = None
    logprobs: bool | None = False
    top_logprobs: int | None = Field(None, ge=0, le=20, description="Needs logprobs.")
    user: str | None = Field(None, description="Any name of yours; it changes nothing.")


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """An error in OpenAI's form."""

    error: ErrorDetail

"""Rows of messages in their many dialects, as one picture and its turns.

LLaVA writes `conversations` of {from, value}; TRL, LLaMA-Factory and ms-swift write `messages` of
{role, content}, `prompt` with `completion`, or `query` with `response`. The picture is in `image`
or `images`, or a part of a message's content.

A mark such as `<image>` is taken out of the prompts: the processor shows the picture in front of
the first one, as MiniGPT-4 was trained.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from minigpt4.data.example import Example, Turn
from minigpt4.data.pictures import decode_picture
from minigpt4.errors import DataError

USER = frozenset({"user", "human"})
ASSISTANT = frozenset({"assistant", "gpt", "bot", "model"})
_MARK = re.compile(r"\s*(?:<Img>\s*)?<(?:image|ImageHere|ImageContent)>(?:\s*</Img>)?\s*")
_Message = tuple[str, str, list[Any]]  # role, text, pictures


def example_of_row(row: dict[str, Any], place: str, *, images: Path) -> Example:
    """Read a row of any dialect.

    Args:
        images: folder that relative picture paths start from.

    Raises:
        DataError: if the row has no picture or several, no answer, or an unknown shape.
    """
    messages = list(_messages(row, place))
    pictures = [picture for message in messages for picture in message[2]]
    for name in ("image", "images"):
        value = row.get(name)
        pictures += value if isinstance(value, list) else [] if value is None else [value]
    if len(pictures) != 1:
        reason = "several pictures" if pictures else "no picture"
        raise DataError(f"{reason}: {place}: got {len(pictures)}, wanted 1")
    return Example(
        image=_picture(pictures[0], images, place),
        turns=_turns(messages, place),
        key=str(row.get("id") or place),
    )


def plain_prompt(text: str) -> str:
    """Return a prompt without its mark of where the picture stands."""
    return _MARK.sub("\n", text).strip()


def _messages(row: dict[str, Any], place: str) -> Iterator[_Message]:
    """Yield (role, text, pictures) of each message of a row."""
    system = row.get("system")
    if isinstance(system, str) and system.strip():
        yield "system", system, []
    if "messages" in row or "conversations" in row:
        listed = row["messages"] if "messages" in row else row["conversations"]
    elif "prompt" in row and "completion" in row:
        listed = [
            *_side(row["prompt"], "user", place),
            *_side(row["completion"], "assistant", place),
        ]
    elif "query" in row and "response" in row:
        listed = [
            {"role": role, "content": text}
            for pair in [*_history(row, place), [row["query"], row["response"]]]
            for role, text in zip(("user", "assistant"), pair, strict=True)
        ]
    else:
        known = "messages, conversations, prompt + completion, query + response"
        raise DataError(f"no messages: {place}: keys {sorted(row)}, wanted {known}")
    if not isinstance(listed, list):
        raise DataError(f"no messages: {place}: got {type(listed).__name__}, wanted a list")
    for message in listed:
        yield _message(message, place)


def _history(row: dict[str, Any], place: str) -> list[list[Any]]:
    """Return the earlier rounds of ms-swift's form, each a question and its answer."""
    rounds = row.get("history") or []
    if not isinstance(rounds, list):
        raise DataError(f"no history: {place}: got {type(rounds).__name__}, wanted a list")
    for pair in rounds:
        if not isinstance(pair, list) or len(pair) != 2:
            raise DataError(f"no history: {place}: {pair!r}; wanted [question, answer]")
    return rounds


def _side(value: Any, role: str, place: str) -> list[Any]:
    """Return the messages of TRL's `prompt` or `completion`: a text or a list of messages."""
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    if not isinstance(value, list | None):
        raise DataError(f"no messages: {place}: {role}'s are a {type(value).__name__}")
    return value or []


def _message(message: Any, place: str) -> _Message:
    if not isinstance(message, dict):
        raise DataError(f"no message: {place}: got {type(message).__name__}, wanted an object")
    role = message.get("role", message.get("from"))
    content = message.get("content", message.get("value"))
    if role not in USER | ASSISTANT | {"system"}:
        raise DataError(f"unknown role: {place}: {role!r}; wanted user, assistant or system")
    if isinstance(content, str):
        return role, content, []
    if not isinstance(content, list):
        raise DataError(f"no content: {place}: {type(content).__name__} in a message of {role}")
    texts, pictures = [], []
    for part in content:
        part = {"type": "text", "text": part} if isinstance(part, str) else part
        if not isinstance(part, dict):
            raise DataError(f"no content: {place}: a part is a {type(part).__name__}")
        if part.get("type") == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif part.get("type") in ("image", "image_url"):
            named = [part.get(name) for name in ("image", "path", "url", "image_url")]
            if isinstance(part.get("base64"), str):
                named.append("data:," + part["base64"])
            # A bare {"type": "image"} only marks the place; the picture is in the row's `images`.
            pictures += [picture for picture in named if picture is not None][:1]
        else:
            raise DataError(f"no content: {place}: a part of type {part.get('type')!r}")
    return role, "\n".join(texts), pictures


def _turns(messages: list[_Message], place: str) -> tuple[Turn, ...]:
    """Pair prompts with answers; what is asked last and not answered teaches nothing."""
    turns: list[Turn] = []
    asked: list[str] = []
    for role, text, _ in messages:
        if role not in ASSISTANT:
            asked.append(plain_prompt(text))
        elif not text.strip():
            raise DataError(f"empty answer: {place}")
        else:
            turns.append(Turn(prompt="\n".join(filter(None, asked)), answer=text.strip()))
            asked = []
    if not turns:
        raise DataError(f"no answer: {place}: no message of the assistant")
    return tuple(turns)


def _picture(reference: Any, images: Path, place: str) -> Image.Image | Path:
    """Return the path, or the decoded picture, that a reference means."""
    if isinstance(reference, dict):  # {"url": ...} of OpenAI, {"bytes", "path"} of `datasets`
        found = (reference.get(name) for name in ("url", "path", "image", "bytes"))
        reference = next((value for value in found if value), None)
    if not isinstance(reference, str) or not reference.strip():
        raise DataError(f"no picture: {place}: a {type(reference).__name__}, wanted a path")
    if reference.startswith(("http://", "https://")):
        raise DataError(f"remote picture: {place}: {reference[:80]}; download the pictures first")
    if reference.startswith("data:"):
        try:
            content = base64.b64decode(reference.partition(",")[2], validate=True)
        except binascii.Error as error:
            raise DataError(f"undecodable picture: {place}: {error}") from error
        return decode_picture(content, where=place)
    return images / reference.removeprefix("file://")

"""What looks wrong about a caption or a picture that can be used all the same.

Cheap signs, for a report and not for filtering: each has false alarms, and a person looks at the
first cases.
"""

from __future__ import annotations

import re

from minigpt4.data.example import Example

MIN_SIDE_PX = 32
MAX_SIDES_RATIO = 5.0
_MIN_WORDS_FOR_LANGUAGE = 6

_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,80}>|&(?:[a-z]{2,8}|#\d+);|\[/?[a-z]+\]|\{\{|\}\}")
_ADDRESS = re.compile(r"https?://|www\.\w|\S+@\S+\.\w{2,}")
_FILE_NAME = re.compile(
    r"\b(?:IMG|DSC[NF]?|DCIM|PICT|P\d{3})[_-]?\d{3,}|\.(?:jpe?g|png|gif)\b", re.I
)
_BOILERPLATE = re.compile(
    r"click (?:here|to|on)|all rights reserved|royalty[- ]free|stock (?:photo|image|vector)|"
    r"image may contain|no description|getty images|shutterstock|free shipping|read more|"
    r"add to cart|photo credit",
    re.I,
)
# What UTF-8 looks like after being read as Latin-1, and the sign of what could not be read at all.
_MOJIBAKE = re.compile("\ufffd|Ã[\u0080-\u00bf]|â\u20ac|Â[\u00a0-\u00bf]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ENGLISH_WORDS = (
    "a an the of in on at with and or to for from by is are was were his her its their this that "
    "as it be has have near over under two three"
)
_FOREIGN_WORDS = (
    "der die das und mit ein eine im auf für von zu le la les un une et avec dans pour sur des du "
    "el los las una con por para del en di il lo gli che e della nel um uma com não os het een "
    "van met op voor och på är med"
)
_ENGLISH, _FOREIGN = frozenset(_ENGLISH_WORDS.split()), frozenset(_FOREIGN_WORDS.split())


def suspicions(example: Example, *, width: int, height: int) -> list[str]:
    """Return what looks wrong, each as a few words; mostly nothing."""
    found = []
    if min(width, height) < MIN_SIDE_PX:
        found.append(f"tiny picture (a side below {MIN_SIDE_PX} px)")
    if max(width, height) > MAX_SIDES_RATIO * min(width, height):
        found.append(f"long strip (sides above {MAX_SIDES_RATIO:g} to 1)")
    text = "\n".join(turn.answer for turn in example.turns)
    return found + text_suspicions(text)


def text_suspicions(text: str) -> list[str]:
    """Return what looks wrong about a caption or an answer."""
    signs = {
        "markup": _MARKUP,
        "address": _ADDRESS,
        "file name": _FILE_NAME,
        "boilerplate": _BOILERPLATE,
        "broken letters": _MOJIBAKE,
        "control signs": _CONTROL,
    }
    found = [name for name, sign in signs.items() if sign.search(text)]
    letters = [letter for letter in text if letter.isalpha()]
    if not letters:
        found.append("no letters")
    elif sum(letter > "\u024f" for letter in letters) > 0.3 * len(letters):
        found.append("not in Latin script")
    elif not_english(text):
        found.append("not English")
    return found


def not_english(text: str) -> bool:
    """Whether a text of some length has other languages' small words and hardly any English."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    if len(words) < _MIN_WORDS_FOR_LANGUAGE:
        return False
    english = sum(word in _ENGLISH for word in words)
    foreign = sum(word in _FOREIGN for word in words)
    return foreign >= 2 and foreign > 2 * english

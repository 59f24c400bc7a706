"""Judge the wording of a paragraph: does it end, does it repeat itself, is it in whole sentences?

Paper: Table 3 (failed generations) and §3.2 (the faults that the curation repairs).
"""

from __future__ import annotations

import re

from minigpt4.world.knowledge import FILMS
from minigpt4.world.vocabulary import COLORS, KINDS

_TITLE = re.compile("|".join(re.escape(film.title) for film in FILMS))
_NOUNS = rf"(?:{'|'.join(COLORS)}) (?:{'|'.join(KINDS)})"
_VERBS = frozenset(
    """is are was were has have shows show see sees can stands stand sits looks look cover covers
    seems lies hangs grows holds contains includes""".split()  # noqa: SIM905
)
_OPEN_ENDS = frozenset(
    """a an the and or with of in on at under to is are has from by left next small
    large""".split()  # noqa: SIM905
)


def incompleteness(text: str) -> str:
    """Say what is broken about a paragraph, or return an empty string.

    Broken is: no end, a sentence twice, a word or phrase doubled, a sentence without a verb or a
    capital letter, one that stops in the middle, characters that belong to no sentence.
    """
    text = text.strip()
    if not text:
        return "it is empty"
    if text[-1] not in ".!?":
        return "it does not end with a sentence"
    if stray := re.search(r"[^A-Za-z0-9 .,;:!?'\"()\n-]|\.\.", text):
        return f"it has stray characters: {stray.group()!r}"
    if repeated := repetition(text):
        return repeated
    if noise := re.search(r"\b[b-df-hj-np-tv-xz]{2,}\b", text):
        return f"{noise.group()!r} is no word"
    introduced = re.findall(rf"\b[Aa]n? (?:\w+ )?{_NOUNS}\b", text)
    things = [tuple(phrase.split()[-2:]) for phrase in introduced]
    if twice := [thing for thing in things if things.count(thing) > 1]:
        return f"it introduces the {' '.join(twice[0])} twice"
    for sentence in sentences_of(text):
        words = words_of(sentence)
        if run_on := re.search(r"[a-z,] [A-Z][a-z]+", _TITLE.sub("it", sentence)):
            return f"a sentence that runs into another: {run_on.group()!r}"
        if not words or not sentence[0].isupper():
            return f"a fragment: {sentence!r}"
        if _VERBS.isdisjoint(words):
            return f"a sentence without a verb: {sentence!r}"
        if words[-1] in _OPEN_ENDS and not re.search(
            r"\b(under|on|left) it\b|the left\W*$", sentence
        ):
            return f"a sentence that stops: {sentence!r}"
    return ""


def repetition(text: str) -> str:
    """Say what a text repeats: a sentence, a word twice in a row, or a long phrase."""
    sentences = [" ".join(words_of(sentence)) for sentence in sentences_of(text)]
    for index, sentence in enumerate(sentences):
        if len(sentence.split()) > 1 and sentence in sentences[:index]:
            return f"a sentence twice: {sentence!r}"
    if doubled := re.search(r"\b([a-z']+) \1\b", text.lower()):
        return f"a word twice: {doubled.group()!r}"
    for sentence in sentences:
        words = sentence.split()
        phrases = [tuple(words[start : start + 5]) for start in range(len(words) - 4)]
        if len(phrases) != len(set(phrases)):
            return f"a phrase twice in {sentence!r}"
    return ""


def words_of(text: str) -> list[str]:
    """Return the lowercase words of a text."""
    return re.findall(r"[a-z']+|\d+", text.lower())


def sentences_of(text: str) -> list[str]:
    """Split a text into sentences, at line breaks too."""
    return [part for part in re.split(r"(?<=[.!?])\s+|\n", text.strip()) if part]


def beside_itself(text: str) -> str:
    """Find a thing that is named as its own companion: `the white plane and the white plane`."""
    found = re.search(r"\b((?:the|an?) (?:[a-z]+ ){1,2}[a-z]+) and \1\b", text.lower())
    return found.group() if found else ""

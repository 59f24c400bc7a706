"""Broken paragraphs, as a model writes them after the first stage, to be paired with whole ones.

Paper: §3.2, where a stronger LLM repairs such paragraphs.
"""

from __future__ import annotations

import random
from collections.abc import Callable

_STRAY = ("@@", "%% ~", "&&", "..", "==", "~~ ~~", "*", "<<>>")
_FOREIGN = ("la la", "und das", "el la", "xx", "hd hd", "img 12", "click here")
_Damage = Callable[[list[str], random.Random], list[str]]


def broken(text: str, rng: random.Random) -> str:
    """Return a paragraph with one to three faults; never the paragraph itself."""
    damages: tuple[_Damage, ...] = (
        _repeated_sentence,
        _repeated_sentence,
        _fragment,
        _stray_characters,
        _doubled_word,
        _foreign_words,
    )
    while True:
        sentences = _split(text)
        for damage in rng.sample(damages, rng.choice((1, 2, 2, 3))):
            sentences = damage(sentences, rng)
        result = " ".join(sentences)
        if rng.random() < 0.35:
            # Only repeats what was said before it stops: nothing true is lost to the reader.
            result = f"{result} {_cut(rng.choice(_split(text)), rng)}"
        if result != text:
            return result


def _split(text: str) -> list[str]:
    """Split a paragraph behind each full stop; the signs stay with their sentence."""
    parts = text.replace("! ", "!\n").replace("? ", "?\n").replace(". ", ".\n").split("\n")
    return [part for part in parts if part]


def _repeated_sentence(sentences: list[str], rng: random.Random) -> list[str]:
    index = rng.randrange(len(sentences))
    copies = [sentences[index]] * rng.choice((1, 1, 2, 3))
    later = rng.choice((index + 1, len(sentences)))
    return [*sentences[:later], *copies, *sentences[later:]]


def _fragment(sentences: list[str], rng: random.Random) -> list[str]:
    index = rng.randrange(len(sentences))
    return [*sentences[: index + 1], _cut(sentences[index], rng), *sentences[index + 1 :]]


def _cut(sentence: str, rng: random.Random) -> str:
    """Keep only the first words of a sentence."""
    words = sentence.split()
    return " ".join(words[: max(1, rng.randint(len(words) // 3, max(1, len(words) - 2)))])


def _stray_characters(sentences: list[str], rng: random.Random) -> list[str]:
    return _insert(sentences, rng.choice(_STRAY), rng)


def _foreign_words(sentences: list[str], rng: random.Random) -> list[str]:
    return _insert(sentences, rng.choice(_FOREIGN), rng)


def _insert(sentences: list[str], piece: str, rng: random.Random) -> list[str]:
    index = rng.randrange(len(sentences))
    words = sentences[index].split()
    words.insert(rng.randint(0, len(words)), piece)
    return [*sentences[:index], " ".join(words), *sentences[index + 1 :]]


def _doubled_word(sentences: list[str], rng: random.Random) -> list[str]:
    index = rng.randrange(len(sentences))
    words = sentences[index].split()
    place = rng.randrange(len(words))
    words[place:place] = [words[place].strip(".,!?")] * rng.choice((1, 1, 2))
    return [*sentences[:index], " ".join(words), *sentences[index + 1 :]]

"""Split English text into words the way NLTK's `word_tokenize` does, offline.

CHAIR was defined with that tokenizer. Sentences are told apart by a mark and a blank, which stands
in for the trained splitter that NLTK downloads.
"""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_OPENING = "«“‘„"
_CLOSING = "»”’"

_STEPS = tuple(
    (re.compile(pattern), spaced)
    for pattern, spaced in (
        # Quotes that open: each becomes a word of its own, a straight one is written ``.
        (rf"([{_OPENING}]|`+)", r" \1 "),
        (r'^"', "``"),
        (r"(``)", r" \1 "),
        (r"([ (\[{<])(?:\"|'')", r"\1 `` "),
        (r"(?<!\w)'(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)", "' "),
        # Marks. The period is a word only at the end: "U.S." and "3.5" stay whole.
        (rf"([^.])\.([\])}}>\"' {_CLOSING}]*)\s*$", r"\1 . \2 "),
        (r"([:,])(\D)", r" \1 \2"),  # the next mark is taken along: of ",," the second stays
        (r"([:,])$", r" \1 "),
        (r"(\.{2,}|[;@#$%&]|[\u2012-\u2015])", r" \1 "),
        (r"([^.])\.([\])}>\"']*)\s*$", r"\1 .\2 "),
        (r"([?!])", r" \1 "),
        (r"([^'])' ", r"\1 ' "),
        (r"([*]|[][(){}<>]|--)", r" \1 "),
        # Around the whole text, so that a clitic at its end has a blank behind it.
        (r"\A|\Z", " "),
        # Quotes that close, then clitics.
        (rf"([{_CLOSING}])", r" \1 "),
        (r"''|\"", " '' "),
        (r"\s+", " "),
        (r"([^' ])('s|'m|'d|') ", r"\1 \2 "),
        (r"([^' ])('ll|'re|'ve|n't) ", r"\1 \2 "),
        (r"\b(can)(not)\b", r" \1 \2 "),
        (r"\b(d)('ye)\b", r" \1 \2 "),
        (r"\b(gim|lem)(me)\b", r" \1 \2 "),
        (r"\b(gon)(na)\b", r" \1 \2 "),
        (r"\b(got)(ta)\b", r" \1 \2 "),
        (r"\b(more)('n)\b", r" \1 \2 "),
        (r"\b(wan)(na)(?=\s)", r" \1 \2 "),
        (r" ('t)(is|was)\b", r" \1 \2 "),
    )
)


def english_words(text: str) -> list[str]:
    """Return the words and marks of a lower-case text."""
    words: list[str] = []
    for sentence in _SENTENCE_END.split(text):
        for pattern, spaced in _STEPS:
            sentence = pattern.sub(spaced, sentence)
        words += sentence.split()
    return words

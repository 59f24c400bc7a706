"""Read a short answer out of a whole sentence.

Models that were never trained on short answers say "The dog is red." where a benchmark wants
"red", and exact match counts that as wrong. This reads the sentence instead. It is our own count,
never shown under the benchmark's name.
"""

from __future__ import annotations

import re

from minigpt4.evaluation.metrics.pope import parse
from minigpt4.evaluation.metrics.vqa_normal import normal

_OFFERED = re.compile(r"(\w+)(?: of)? or (?:the |an? )?(\w+)")


def says(text: str, answer: str, *, question: str) -> bool:
    """Say whether the first sentence of a text gives the answer.

    Yes and no are read as for POPE. Anything else must be among the words, and where the question
    offers two answers ("red or blue?"), the other one must not.
    """
    if answer in ("yes", "no"):
        return parse(text, question=question) == answer
    sentence = _one_word(normal(re.split(r"(?<=[.!?])\s|\n", text.strip())[0]))
    wanted = _one_word(normal(answer))
    if not _holds(sentence, wanted):
        return False
    offered = _OFFERED.search(question.lower())
    others = [_one_word(normal(each)) for each in offered.groups()] if offered else []
    return not any(_holds(sentence, other) for other in others if other != wanted)


def _one_word(text: str) -> str:
    """Write the places that have two names as one of them: "in the middle" is "in the center"."""
    return re.sub(r"\b(?:middle|centre)\b", "center", text)


def _holds(sentence: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", sentence) is not None


LETTERS = "ABCDEFGH"
"""Choices are asked for and read by these."""
_BEHIND = r"(?:[]),:;!*_`'\"”]|\.(?!\w)|\s+[-–—]\s|\s*$)"
"""What may stand behind a letter that is no word: a mark (Markdown's too) or the line's end."""
_ANSWER_IS = r"\b(?i:answer|option|choice)(?i:\s+is)?[\s*_`'\"“(\[:-]*"


def read_letter(text: str, choices: tuple[str, ...]) -> int | None:
    """Return which of lettered choices an answer means; None if that cannot be said.

    Read are "B", "b", "**B**", "(B) ...", "The answer is B", or the text of one choice and no
    other.
    """
    letters = LETTERS[: len(choices)]
    either = letters + letters.lower()
    listed = "|".join(map(re.escape, choices))
    # "A bus" and "the answer is a bus" hold no letter: the article stands right before a word.
    found = re.match(rf"[\W_]*([{either}]){_BEHIND}", text, re.MULTILINE) or re.search(
        rf"{_ANSWER_IS}(?:([{either}]){_BEHIND}|([{letters}])\b(?!\s+(?i:{listed})\b))",
        text,
        re.MULTILINE,
    )
    if found:
        return letters.index(found[found.lastindex or 1].upper())
    said = [choice for choice in choices if _holds(normal(text), normal(choice))]
    # Of "toy car" and "car" the longer one is meant.
    meant = [each for each in said if not any(each != one and each in one for one in said)]
    return choices.index(meant[0]) if len(meant) == 1 else None

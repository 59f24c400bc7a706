"""Find failed generations: answers that no one would call an answer to the request.

Six kinds, those that the paper names of the model before stage 2 ("repetition, fragments,
irrelevant content") and their kin: empty, repeated, fragmentary, unfinished, off topic, off
language. The detector reads only the text, so it works for any picture; it knows English, no
grammar. What it finds is a clear fault; what it misses are untruths, which it cannot see.

Paper: Table 3.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal

from minigpt4.curation.english import foreign_share
from minigpt4.evaluation.english import (
    foreign_phrase,
    function_share,
    has_verb,
    sentences_in,
    vowelless,
    words_in,
)
from minigpt4.evaluation.wording import beside_itself

Form = Literal["description", "poem"]
Failure = Literal["empty", "repeated", "fragmentary", "unfinished", "off_topic", "off_language"]
FAILURES: tuple[Failure, ...] = (
    "empty", "repeated", "fragmentary", "unfinished", "off_topic", "off_language",
)  # fmt: skip

MIN_WORDS = 3
"""Less is empty."""
MIN_DETAILED_WORDS = 10
"""Less is no detailed description."""
MIN_POEM_LINES = 4
MAX_POEM_LINE_WORDS = 16
MIN_FUNCTION_SHARE = 0.15
MAX_FOREIGN_SHARE = 0.05
LOOP_WORDS = 4
"""A phrase of so many words that comes too often is a loop."""
LOOP_TIMES = 4

_MAY_BE_DOUBLED = frozenset(
    """had that very so far many bye ha ho tick night la no long is""".split()  # noqa: SIM905
)
_OPEN_ENDS = frozenset(
    """a an the and or but with is are was were has very its their his my your our between because
    which of at from""".split()  # noqa: SIM905
)
_STRAY = re.compile(
    r"\ufffd|</?s>|<unk>|<0x|([@%&~=^|\\<>])\s?\1|(?<=\w)\s[@~^|\\<>{}*=%&]+\s(?=\w)"
    r"|(?<!\.)\.\.(?!\.)|(?:[^\w\s.,!?'\"()-]\s*){4,}"
)
_RUN_ON = re.compile(
    r"[a-z,] (?:(?:The|A|An|This|These|In|On|At|To) [a-z]|(?:There|It|They|He|She|We) [a-z])"
)
_INTRODUCED = re.compile(
    r"\b(?:there (?:is|stands)|there's|(?:we|you|i) (?:can )?see|stands|lies|hangs) "
    r"(an? (?:[a-z]+ ){1,3}?[a-z]+)"
    r"(?= (?:on|in|at|with|and|is|are|to|by|from|near|next|under|behind|beside|that)\b|[.,;!?])"
)
_REFUSAL = re.compile(
    r"\bi(?:'m| am) sorry\b|\bi apologi[sz]e\b|\bas an ai\b|\blanguage model\b"
    r"|\bi(?:'m| am)? ?(?:can ?not|can't|unable to|not able to) (?:see|view|provide|write|describe)"
    r"|\bplease (?:provide|upload|share) (?:an?|the|your) (?:image|picture|photo)",
)
_LEFTOVER = re.compile(r"###|\b(?:Human|Assistant|USER|ASSISTANT):|</?Img>|ImageHere|\[/?INST\]")
_WEB = re.compile(
    r"https?:|www\.|\b\w+\.(?:com|net|org)\b|\bclick here\b|\bimages? source\b|©|#\w+ #\w+"
    r"|\bstock (?:photo|image)|\bphoto(?:graph)? by\b|\ball rights reserved\b|\bbuy now\b"
    r"|\b(?:follow|visit) us\b|\bimg \d+",
    re.IGNORECASE,
)


def find_failures(text: str, *, form: Form, finished: bool = True) -> dict[Failure, str]:
    """Return the kinds of failure that an answer shows, each with what shows it.

    Args:
        form: what was asked for.
        finished: whether the answer ended by itself.
    """
    text = text.strip()
    words = words_in(text)
    if len(words) < MIN_WORDS and foreign_share(text) <= MAX_FOREIGN_SHARE:
        return {"empty": f"it has {len(words)} words"}
    found: dict[Failure, str] = {
        "repeated": repeated(text, form=form),
        "fragmentary": fragmentary(text) if form == "description" else "",
        "unfinished": unfinished(text, form=form, finished=finished),
        "off_topic": off_topic(text, form=form),
        "off_language": off_language(text),
    }
    return {kind: why for kind, why in found.items() if why}


def repeated(text: str, *, form: Form) -> str:
    """Say what comes again: a sentence, a word twice in a row, a phrase in a loop; "" if nothing.

    A poem may repeat a line, but not at once, and words for effect.
    """
    lines = [line for line in text.splitlines() if words_in(line)] if form == "poem" else []
    sentences = [" ".join(words_in(part)) for part in (lines or sentences_in(text))]
    for place, sentence in enumerate(sentences):
        before = sentences[:place]
        again = before.count(sentence) > 1 or sentence in before[-1:]
        if len(sentence.split()) > 2 and (again if form == "poem" else sentence in before):
            return f"a sentence again: {sentence!r}"
    words = words_in(text)
    for place in range(1, len(words)):
        if words[place] != words[place - 1] or not re.search(
            rf"\b{re.escape(words[place])} {re.escape(words[place])}\b", text.lower()
        ):
            continue
        thrice = words[place - 2 : place] == [words[place]] * 2
        if thrice or (form != "poem" and words[place] not in _MAY_BE_DOUBLED):
            return f"a word twice: {words[place]!r}"
    if same := beside_itself(text):
        return f"a thing beside itself: {same!r}"
    if form != "poem" and (twice := _introduced_twice(text)):
        return twice
    return _loop(words) or next(filter(None, map(_phrase_twice, sentences)), "")


def fragmentary(text: str) -> str:
    """Say which sentence is broken: without a verb, without a beginning, or run into the next."""
    if run_on := _RUN_ON.search(re.sub(r"\"[^\"]*\"", "it", text)):
        return f"a sentence that runs into another: {run_on.group()!r}"
    for sentence in sentences_in(text):
        words = words_in(sentence)
        if not words or re.match(r"\s*(?:[-*•]|\d+[.)])", sentence) or sentence.endswith(":"):
            continue  # an item of a list, or its heading
        if sentence[0].islower():
            return f"a sentence without a beginning: {sentence!r}"
        exclaimed = sentence.endswith("!") and len(words) <= 4
        if not exclaimed and not has_verb(sentence):
            return f"a sentence without a verb: {sentence!r}"
        if words[-1] in _OPEN_ENDS and sentence[-1] in ".!?":
            return f"a sentence that stops: {sentence!r}"
    return ""


def unfinished(text: str, *, form: Form, finished: bool) -> str:
    """Say why an answer has no end; "" if it has one. A poem needs no full stop."""
    if not finished:
        return "it was cut off"
    last = words_in(text)[-1]
    if form == "poem":
        return f"it ends in {text[-12:]!r}" if text[-1] in ",;:-" or last in _OPEN_ENDS else ""
    ends = re.search(r"[.!?…][\"'”’)\]]*$", text)
    return "" if ends else f"it does not end with a sentence: {text[-20:]!r}"


def off_topic(text: str, *, form: Form) -> str:
    """Say what the text is instead of what was asked for; "" if it is that."""
    for pattern, what in (
        (_REFUSAL, "a refusal"), (_LEFTOVER, "conversation marks"), (_WEB, "scraps of web pages"),
    ):  # fmt: skip
        if found := pattern.search(text.lower() if pattern is _REFUSAL else text):
            return f"{what}: {found.group()!r}"
    lines = [words_in(line) for line in text.splitlines() if words_in(line)]
    longest = sorted(map(len, lines))[len(lines) // 2]
    if form == "poem":
        if len(lines) < MIN_POEM_LINES:
            return f"no poem: {len(lines)} lines"
        return f"no poem: lines of {longest} words" if longest > MAX_POEM_LINE_WORDS else ""
    if re.search(r"<(?:html|body|div|h1)\b", text):
        return "a web page"
    open_lines = sum(line.rstrip()[-1:] not in ".!?:" for line in text.splitlines() if line.strip())
    if len(lines) >= MIN_POEM_LINES and longest <= 10 and open_lines * 2 > len(lines):
        return "lines as of a poem or a list"
    num_words = sum(map(len, lines))
    return f"no details: {num_words} words" if num_words < MIN_DETAILED_WORDS else ""


def off_language(text: str) -> str:
    """Say what is no English: another language, stray characters, no words; "" if nothing is."""
    if foreign_share(text) > MAX_FOREIGN_SHARE:
        return f"{foreign_share(text):.0%} of the letters are not Latin"
    if stray := _STRAY.search(text):
        return f"stray characters: {stray.group().strip()!r}"
    words = words_in(text)
    share = function_share(words)
    if len(words) >= 8 and share < MIN_FUNCTION_SHARE:
        return f"only {share:.0%} of the words are English function words"
    if phrase := foreign_phrase(text):
        return f"words of another language: {phrase!r}"
    if word := vowelless(text):
        return f"{word!r} is no word"
    return ""


def _loop(words: list[str]) -> str:
    """Find a phrase that comes so often that the text turns round."""
    phrases = Counter(
        tuple(words[place : place + LOOP_WORDS]) for place in range(len(words) - LOOP_WORDS + 1)
    )
    if not phrases:
        return ""
    phrase, times = phrases.most_common(1)[0]
    # In a long text a phrase may well come often; in a loop it is a large part of the text.
    if times >= LOOP_TIMES and times * LOOP_WORDS * 4 > len(words):
        return f"a phrase {times} times: {' '.join(phrase)!r}"
    return ""


def _introduced_twice(text: str) -> str:
    """Find a thing that is introduced anew although it has been."""
    things = _INTRODUCED.findall(text.lower())
    twice = next((thing for thing in things if things.count(thing) > 1), None)
    return f"it introduces {twice!r} twice" if twice else ""


def _phrase_twice(sentence: str) -> str:
    words = sentence.split()
    phrases = [tuple(words[place : place + 6]) for place in range(len(words) - 5)]
    twice = next((phrase for phrase in phrases if phrases.count(phrase) > 1), None)
    return f"a phrase twice: {' '.join(twice)!r}" if twice else ""

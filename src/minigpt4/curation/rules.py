"""Rules: what no person need look at. Each is a function of a candidate that returns a ruling.

A rule rejects, or puts the text from before the repair back ("edit"), or has nothing to say.
All rules of the set look at every draft, in their order; the first rejection is the draft's reason.

Paper: §3.2 ("I'm sorry I made a mistake...", "I apologize for that ..."); the authors' script for
"already correct", "incomplete" and the 50 characters. The others catch what a person would reject
at once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from minigpt4.config import config, dump_config
from minigpt4.curation.draft import RULE, Draft, Verdict, utc_now
from minigpt4.curation.english import foreign_sentence
from minigpt4.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A text that rules look at."""

    text: str
    """As it would be exported."""
    joined: str
    """Before the repair."""
    repaired: bool
    """Whether a repairing LLM was asked."""


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What a rule says."""

    decision: Literal["reject", "edit"]
    reason: str
    text: str | None = None


@config
class RuleSettings:
    """Which rules look at a draft, and their limits."""

    rules: tuple[str, ...] = (
        "no_reply", "already_correct", "incomplete_reply", "apology", "about_the_instruction",
        "too_short", "unrelated_reply", "not_english", "meaningless_characters", "fragment",
        "repeated_sentence", "repeated_words",
    )  # fmt: skip
    """Names of rules, in the order they look."""
    min_chars: Annotated[int, Field(ge=0)] = 50
    """Shorter texts are rejected; the authors' limit."""
    max_repeated_words: Annotated[int, Field(ge=2)] = 8
    """A run of so many words may not come twice."""
    min_shared_words: Annotated[float, Field(ge=0, le=1)] = 0.4
    """Share of a repair's longer words that stand in the text before it; else it is another's."""


Rule = Callable[[Candidate, RuleSettings], Ruling | None]

_APOLOGY = re.compile(
    r"\b(i(?:'?m| am) (?:very |so |really )?sorry|sorry,? (?:i|for|about|but)|i apologi[sz]e"
    r"|my apologies|please accept my apolog|i made a mistake|my mistake)\b"
)
_ABOUT = re.compile(
    r"\bas an? (?:ai|artificial)\b|\blanguage model\b"
    r"|\b(?:given|input|original|provided|following|above|corrected|revised|edited|rewritten) "
    r"(?:paragraph|text|sentence|passage|version)\b"
    r"|\b(?:here is|here's|here are|below is) the\b[^.]*:|\b(?:the|this|your) paragraph\b"
    r"|\bwithout explanation\b|\b(?:grammatical|spelling|grammar) (?:errors?|mistakes?)\b"
    r"|\bplease (?:provide|give|share|send)\b|\bi (?:cannot|can't|can not|could not|couldn't) "
    r"|\bno (?:changes|corrections|errors) (?:are|were|is)\b|\bfix the error\b|###|</?img>"
)
# What ordinary English text has. Letters of any script are looked at by `not_english`.
_ODD = re.compile(r"[^\w\s.,;:!?'\"()\-–—‘’“”…%$€£&/°+#@*]|_{2,}|�")
_STRAY = re.compile(
    r"[@#*&%$+/]{2,}|(?:^|\s)[@#*%$+/]+(?=\s|$)|\.\s*\.(?!\.)(?<!\.\.\.)|[,;:!?]\s*[,;:]|!{3,}|\?{3,}"
    r"|https?://|www\.|<[a-z/][^>]*>"
)
# Letters that are no word have no vowel; in capitals they are one (DVD, BBQ, St., NBA).
_LETTERS = re.compile(r"\b[bcdfghjklmnpqrstvwxz]{2,}\d*\b")
_NO_VOWEL = frozenset("tv tvs dr mr ms mrs st ft km cm mm kg lb lbs mph pm vs th nd rd".split())  # noqa: SIM905
_OPEN_ENDS = frozenset(
    "a an the and or with of to at from by their its his her very is are was were".split()  # noqa: SIM905
)
_RUN_ON = re.compile(
    r"[a-z,] (?=(?:There (?:is|are)|We (?:see|can)|It (?:is|has|shows)|(?:On|To) the (?:left|right)"
    r"|In the (?:center|middle|background|foreground)|Th(?:is|e) (?:image|picture))\b)"
)
_LIST_MARK = re.compile(r"(?m)^\s*(?:[-•*]|\d+[.)])\s+")


def no_reply(candidate: Candidate, settings: RuleSettings) -> Ruling | None:
    """The repairing LLM gave nothing, or the describing model did."""
    if candidate.text.strip():
        return None
    who = "the repair" if candidate.repaired and candidate.joined else "the description"
    return _reject(f"{who} is empty")


def already_correct(candidate: Candidate, settings: RuleSettings) -> Ruling | None:
    """As the authors: "already correct" keeps the text as it was, but with "repetition" it goes."""
    said = candidate.text.lower()
    if not candidate.repaired or "already correct" not in said:
        return None
    if "repetition" in said:
        return _reject('the reply says "already correct" and "repetition"')
    return Ruling(
        decision="edit",
        reason='the reply says "already correct": the text before it is kept',
        text=candidate.joined,
    )


def incomplete_reply(candidate: Candidate, settings: RuleSettings) -> Ruling | None:
    """As the authors: a reply that speaks of "incomplete" goes."""
    if candidate.repaired and "incomplete" in candidate.text.lower():
        return _reject('the reply says "incomplete"')
    return None


def apology(candidate: Candidate, settings: RuleSettings) -> Ruling | None:
    """The paper's "I'm sorry I made a mistake..." and "I apologize for that ..."."""
    found = _APOLOGY.search(candidate.text.lower().replace("’", "'"))
    return _reject(f"an apology: {found.group()!r}") if found else None


def about_the_instruction(candidate: Candidate, settings: RuleSettings) -> Ruling | None:
    """Talk about the task ("Here is the corrected paragraph:") instead of the picture."""
    found = _ABOUT.search(candidate.text.lower().replace("’", "'"))
    return _reject(f"it is about the instruction: {found.group()!r}") if found else None


def too_short(candidate: Candidate, settings: RuleSettings) -> Ruling | None:
    """As the authors: fewer than 50 characters describe nothing in detail."""
    num = len(candidate.text.strip())
    return _reject(f"it is too short: {num} characters") if num < settings.min_chars else None


def unrelated_reply(candidate: Candidate, settings: RuleSettings) -> Ruling | None:
    """A repair made of other words than the description is somebody else's text."""
    if not candidate.repaired:
        return None
    words = {word for word in words_of(candidate.text) if len(word) > 3}
    known = {word[:4] for word in words_of(candidate.joined)}
    if len(words) < 5:
        return None
    share = sum(word[:4] in known for word in words) / len(words)
    if share >= settings.min_shared_words:
        return None
    return _reject(f"the repair is another text: {share:.0%} of its words were there before")


def meaningless_characters(candidate: Candidate, settings: RuleSettings) -> Ruling | None:
    """Stray signs, addresses, tags, letters that are no word."""
    text = candidate.text
    found = _ODD.search(text) or _STRAY.search(text.lower().replace("...", "…"))
    strays = [found.group().strip()] if found else []
    strays += [each for each in _LETTERS.findall(text) if each not in _NO_VOWEL]
    return _reject(f"meaningless characters: {strays[0]!r}") if strays else None


def not_english(candidate: Candidate, settings: RuleSettings) -> Ruling | None:
    """A sentence in another language or script."""
    for sentence in sentences_of(candidate.text):
        if foreign_sentence(sentence):
            return _reject(f"not English: {_short(sentence)!r}")
    return None


def fragment(candidate: Candidate, settings: RuleSettings) -> Ruling | None:
    """A sentence without a beginning or an end."""
    text = candidate.text.strip()
    if not text:
        return None
    if not re.search(r"[.!?…][\"'”’)]*$", text):
        return _reject(f"it stops in the middle: {_short(text[-40:])!r}")
    if run_on := _RUN_ON.search(text):
        start = max(0, run_on.start() - 20)
        return _reject(f"a sentence runs into another: {_short(text[start : start + 45])!r}")
    for sentence in sentences_of(_LIST_MARK.sub("", text)):
        words = words_of(sentence)
        if not words:
            return _reject(f"a sentence without words: {_short(sentence)!r}")
        if sentence.lstrip("\"'“‘(")[:1].islower():
            return _reject(f"a sentence without a beginning: {_short(sentence)!r}")
        if words[-1] in _OPEN_ENDS:
            return _reject(f"a sentence without an end: {_short(sentence[-40:])!r}")
    return None


def repeated_sentence(candidate: Candidate, settings: RuleSettings) -> Ruling | None:
    """The same sentence twice."""
    seen: set[tuple[str, ...]] = set()
    for sentence in sentences_of(candidate.text):
        words = tuple(words_of(sentence))
        if words in seen and len(words) > 2:
            return _reject(f"a sentence twice: {_short(sentence)!r}")
        seen.add(words)
    return None


def repeated_words(candidate: Candidate, settings: RuleSettings) -> Ruling | None:
    """Words that stutter ("the the", "a cat and a cat and"), or a long run of words twice."""
    text = candidate.text.lower()
    if stutter := re.search(r"\b((?:[\w']+ ){2,6})\1", f"{' '.join(words_of(text))} "):
        return _reject(f"repeated words: {_short(stutter.group().strip())!r}")
    # "had had" and "that that" are English.
    if doubled := re.search(r"\b(?!had\b|that\b)([a-z']+) \1\b", text):
        return _reject(f"repeated words: {doubled.group()!r}")
    words, size = words_of(text), settings.max_repeated_words
    runs = Counter(tuple(words[start : start + size]) for start in range(len(words) - size + 1))
    run, count = max(runs.items(), key=lambda item: item[1], default=((), 0))
    return _reject(f"repeated words: {' '.join(run)!r}") if count > 1 else None


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        no_reply, already_correct, incomplete_reply, apology, about_the_instruction, too_short,
        unrelated_reply, meaningless_characters, not_english, fragment, repeated_sentence,
        repeated_words,
    )
}  # fmt: skip
"""All rules by name, as settings name them."""


def check_rules(settings: RuleSettings) -> None:
    """Raise a SettingsError for a rule that does not exist."""
    if unknown := [name for name in settings.rules if name not in RULES]:
        raise SettingsError(f"unknown rule {unknown[0]!r}; known: {', '.join(RULES)}")


def rules_hash(settings: RuleSettings) -> str:
    """Return a hash of the rules and limits, by which a draft knows what looked at it."""
    told = json.dumps(dump_config(settings), sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def rule(draft: Draft, settings: RuleSettings) -> list[Verdict]:
    """Let the rules look at a draft as the repair left it; return what they say."""
    candidate = Candidate(
        text=draft.unedited, joined=draft.joined, repaired=draft.repaired is not None
    )
    verdicts = []
    for name in settings.rules:
        ruling = RULES[name](candidate, settings)
        if ruling is None:
            continue
        if ruling.text is not None:
            # What was kept instead of the reply is no reply.
            candidate = replace(candidate, text=ruling.text, repaired=False)
        verdicts.append(
            Verdict(
                decision=ruling.decision,
                reason=ruling.reason,
                judge=f"{RULE}{name}",
                at=utc_now(),
                text=ruling.text,
            )
        )
    return verdicts


def words_of(text: str) -> list[str]:
    """Return the lowercase words of a text."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def sentences_of(text: str) -> Sequence[str]:
    """Split a text behind full stops that end a sentence, and at line breaks."""
    parts = re.split(
        r"(?<=[.!?…])(?<!\bMr\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\bMrs\.)(?<!\be\.g\.)"
        r"(?<!\bi\.e\.)[\"'”’)]*\s+|\n+",
        text.strip(),
    )
    return [part for part in parts if part.strip()]


def _reject(reason: str) -> Ruling:
    return Ruling(decision="reject", reason=reason)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."

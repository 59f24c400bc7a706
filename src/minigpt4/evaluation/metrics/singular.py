"""The singular of an English word: in plain English, or as CHAIR's reference script has it.

`plain_singular` knows that a bus is a bus. `reference_singular` repeats the word rules of the
Pattern library, with which CHAIR was published: bus is "bu", ties are "ty", four is "fmy". It is
there to compare numbers with published ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from minigpt4.evaluation.metrics.word_tables import load_table, words_in

_OVER_OE = re.compile(r"(?:sh|can|ob|fl|tipt|mistlet|\b[tdhfwr])oes$")
_OVER_CHE = re.compile(r"(?:\b|head|tooth|heart|back|must|moust|c)aches$|(?:qui|ni|cre|psy)ches$")
_OVER_FE = re.compile(r"(?:kni|wi|\bli|after-?li)ves$")
_OVER_F = re.compile(r"(?:ca|ha|she|se|wo|e)lves$")
_OVER_US = re.compile(r"(?<![ao])(?<!\bm)(?<!\bf)(?<!\bexc)(?<!\b)uses$")
"""Buses and cactuses, but not houses, causes, muses, fuses, excuses, uses."""


def plain_singular(word: str) -> str:
    """Return the singular of a lower-case English noun; other words mostly come back unchanged."""
    known = _english()
    if word in known.irregular:
        return known.irregular[word]
    if word.endswith("women"):
        return f"{word[:-5]}woman"
    if word.endswith("men") and not word.endswith(("omen", "imen", "amen")):
        return f"{word[:-3]}man"
    if len(word) < 3 or not word.endswith("s") or word in known.unchanged or "'" in word:
        return word
    if word.endswith("ss") or (word.endswith("us") and word not in known.over_u):
        return word
    if word.endswith("is") and word not in known.over_i:
        return word
    return _without_es(word, known) if word.endswith("es") else word[:-1]


def reference_singular(word: str) -> str:
    """Return what the Pattern library calls the singular of a lower-case word."""
    table = _reference()
    first, hyphen, rest = word.partition("-")
    if hyphen and rest.split("-")[0] in table.prepositions:
        return f"{reference_singular(first)}-{rest}"
    if word.endswith("'"):
        return f"{reference_singular(word[:-1])}'s"
    # A word is also left alone if it is the *end* of one that does not inflect: "s", "ink".
    if any(known.endswith(word) for known in table.unchanged):
        return word
    if word.endswith(table.left):
        return word  # cookies, collies: meant to lose their s, but they come back as they are
    for plural, singular in table.irregular.items():
        if word.endswith(plural):
            return word[: -len(plural)] + singular
    for ending, singular in _REFERENCE_ENDINGS:
        if ending.search(word):
            return ending.sub(singular, word)
    return word


_REFERENCE_ENDINGS = tuple(
    (re.compile(ending), singular)
    for ending, singular in (
        (r"(?<=.)ae$", "a"),
        (r"(?<=.)itis$", "itis"),
        (r"(?<=.)eaux$", "eau"),
        (r"(?<=quiz)zes$", ""),
        (r"(?<=matr)ices$", "ix"),
        (r"(?<=ap)ices$|(?<=vert)ices$|(?<=ind)ices$", "ex"),
        (r"^oxen", "ox"),
        (r"(?<=alias)es$|(?<=status)es$", ""),
        (r"(?<=[octop|vir])i$", "us"),
        (r"(?<=cris)es$|(?<=ax)es$|(?<=test)es$", "is"),
        (r"(?<=shoe)s$", ""),
        (r"(?<=o)es$", ""),
        (r"(?<=bus)es$", ""),
        (r"(?<=[m|l])ice$", "ouse"),
        (r"(?<=x)es$|(?<=ch)es$|(?<=ss)es$|(?<=sh)es$", ""),
        (r"(?<=m)ovies$", "ovie"),
        (r"(?<=.)ombies$", "ombie"),
        (r"(?<=s)eries$", "eries"),
        (r"(?<=[^aeiouy])ies$|(?<=qu)ies$", "y"),
        (r"(?<=[aeo]l)ves$|(?<=[^d]ea)ves$|(?<=ar)ves$", "f"),
        (r"(?<=er)ves$", "ve"),
        (r"(?<=[nlw]i)ves$", "fe"),
        (r"(?<=[lr])ves$", "f"),
        (r"(?<=[aeo])ves$", "ve"),
        (r"(?<=sive)s$|(?<=tive)s$|(?<=hive)s$", ""),
        (r"(?<=[^f])ves$", "fe"),
        (r"(?<=^analy)ses$", "sis"),
        (r"(?<=analy)ses$|(?<=ba)ses$|(?<=diagno)ses$|(?<=parenthe)ses$|(?<=progno)ses$", "sis"),
        (r"(?<=synop)ses$|(?<=the)ses$", "sis"),
        (r"(?<=.)opses$", "opsis"),
        (r"(?<=.)yses$", "ysis"),
        (r"(?<=[hdronbp])oses$|(?<=cl)oses$", "ose"),
        (r"(?<=.)oses$", "osis"),
        (r"(?<=[ti])a$", "um"),
        (r"(?<=n)ews$", "ews"),
        (r"s$", ""),
    )
)
"""The first ending that fits is replaced; (?<=...) is what must stand before it."""


@dataclass(frozen=True, kw_only=True)
class _English:
    """Words that the rules of `plain_singular` would get wrong."""

    irregular: dict[str, str]
    unchanged: frozenset[str]
    over_i: frozenset[str]
    """Plurals of words in -i; other words in -is are none. So with the next three."""
    over_u: frozenset[str]
    over_ie: frozenset[str]
    over_s: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class _Reference:
    """The words that the Pattern library lists."""

    irregular: dict[str, str]
    """Endings, in the order in which they are tried."""
    unchanged: tuple[str, ...]
    left: tuple[str, ...]
    prepositions: frozenset[str]


@cache
def _english() -> _English:
    table = load_table("singular_words.json")["english"]
    return _English(
        irregular=table["irregular"],
        unchanged=frozenset(words_in(table["unchanged"])),
        over_i=frozenset(words_in(table["plurals_over_i"])),
        over_u=frozenset(words_in(table["plurals_over_u"])),
        over_ie=frozenset(words_in(table["plurals_over_ie"])),
        over_s=frozenset(words_in(table["plurals_over_s"])),
    )


@cache
def _reference() -> _Reference:
    table = load_table("singular_words.json")["reference"]
    return _Reference(
        irregular=table["irregular"],
        unchanged=tuple(words_in(table["unchanged"])),
        left=tuple(f"{word}s" for word in words_in(table["left_over_ie"])),
        prepositions=frozenset(words_in(table["prepositions"])),
    )


def _without_es(word: str, known: _English) -> str:
    """Return the singular of a word in -es, which may have lost an e, an f or a y."""
    if word.endswith("ies"):
        return word[:-1] if len(word) == 4 or word in known.over_ie else f"{word[:-3]}y"
    if word.endswith("oes"):
        return word[:-1] if _OVER_OE.search(word) else word[:-2]
    if word.endswith("ves"):
        if _OVER_FE.search(word):
            return f"{word[:-3]}fe"
        return f"{word[:-3]}f" if _OVER_F.search(word) else word[:-1]
    if word.endswith("ches"):
        return word[:-1] if _OVER_CHE.search(word) else word[:-2]
    if word.endswith(("shes", "xes", "sses", "zzes")) or word in known.over_s:
        return word[:-2]
    return word[:-2] if _OVER_US.search(word) else word[:-1]

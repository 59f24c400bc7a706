"""Split a caption into words as the COCO caption evaluation does, without its Java tokenizer.

The evaluation runs Stanford's Penn Treebank tokenizer, lower-cases, and drops most punctuation. Its
rules are repeated here as far as captions need them: at each place the rule that reaches furthest
gives the next word. Against the original on 2,200 lines of documentation and 1,500 random strings
of hard words, 99 % and 96 % of the lines came out equal; what differs is code, addresses in
brackets, and words that run into each other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from minigpt4.evaluation.metrics.word_tables import load_table, words_in

_DROPPED = frozenset(("''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"))
"""Brackets were meant to be dropped too, but they come lower-cased and are not recognised."""
_NAMES = {
    "(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-",
    "£": "#", "€": "$", "¢": "cents", "…": "...", "–": "--", "—": "--", "―": "--",
    "“": "``", "”": "''", "‘": "`", "’": "'", "«": "``", "»": "''", "‹": "`", "›": "'",
    '"': "''", "½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3",
    "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "''", "&apos;": "'", "&nbsp;": "'",
}  # fmt: skip
_LETTER = r"(?:[^\W\d_²³¹¼-¾⁰-₉⅐-ⅿ][\u0300-\u036f]*)"
"""A letter with its accents; fractions and raised digits are none."""
_WORD = rf"{_LETTER}(?:{_LETTER}|\d)*(?:[.!?]{_LETTER}(?:{_LETTER}|\d)*)*"
_THING = rf"(?:{_LETTER}|\d)+"
_NUMBER = r"(?:\d*(?:[.:,]\d+)+|\d+)"
_APOSTROPHE = "['’]"
_ACRONYM = r"[A-Za-z](?:\.[A-Za-z])+"
_SLASHED = r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}"
_NOT_IN_URL = r'\s"<>|(){}'
_PLAIN = re.compile(r"([A-Za-z]+)([.,;:!?)]?)(?=\s|$)")
"""Nearly all words of a caption: these are not looked up in the rules."""
_SPACES = re.compile(r"[\s\u200b\U00010000-\U0010ffff\ufe0f]+")


def penn_words(text: str) -> list[str]:
    """Return the lower-case words of a caption, most punctuation dropped."""
    text = text.replace("\n", " ").replace("\u00ad", "")
    rules, words, place = _rules(), [], 0
    while place < len(text):
        space = _SPACES.match(text, place)
        if space:
            place = space.end()
            continue
        plain = _PLAIN.match(text, place)
        if plain and not (plain[1].lower() in rules.split or rules.keeps_period(*plain.groups())):
            words.append(plain[1].lower())
            place = plain.end(1)
            continue
        found, end = _longest(text, place, rules)
        words += found
        place = end
    return [word for word in words if word not in _DROPPED]


@dataclass(frozen=True, kw_only=True)
class _Rules:
    """The rules, compiled; what stands in a group named `ahead` only has to follow."""

    patterns: tuple[re.Pattern[str], ...]
    split: dict[str, str]
    with_period: frozenset[str]

    def keeps_period(self, word: str, mark: str) -> bool:
        """Say whether the period behind a word may belong to it."""
        return mark == "." and (len(word) == 1 or word.lower() in self.with_period)


def _longest(text: str, place: int, rules: _Rules) -> tuple[list[str], int]:
    """Return the words that begin at a place, and where they end."""
    best, reach = None, place
    for pattern in rules.patterns:
        found = pattern.match(text, place)
        if found and found.end() > reach:
            best, reach = found, found.end()
    if best is None:
        return [_NAMES.get(text[place], text[place].lower())], place + 1
    ahead = best.groupdict().get("ahead")
    end = reach - len(ahead) if ahead else reach
    word = text[place:end]
    # A clitic comes straightened, a name such as O’Neil does not.
    lower = re.sub(r"^(n?)’", r"\1'", word.lower())
    if lower in rules.split:
        return rules.split[lower].split(), end
    if word in _NAMES:
        return [_NAMES[word]], end
    if set(word) in ({"-"}, {"."}):
        return ["--"], end  # a run of any length, which is dropped
    if "<" not in word:
        for bracket in "()[]{}":
            lower = lower.replace(bracket, _NAMES[bracket])
    # A blank inside a word (1 1/2) is kept as one that does not break.
    return [re.sub(r"\s", "\u00a0", lower)], end


@cache
def _rules() -> _Rules:
    table = load_table("penn_words.json")
    lists = {name: words_in(v) for name, v in table.items() if isinstance(v, list)}
    small = "|".join(map(re.escape, lists["abbreviations"]))
    capital = "|".join(
        form for word in lists["capital_abbreviations"] for form in (word.title(), word.upper())
    )
    numbered = "|".join(lists["before_numbers"])
    starts = "|".join(word.title() for word in lists["sentence_starts"])
    quoted = sorted(lists["with_apostrophe"], key=len, reverse=True)
    quoted = "|".join(map(re.escape, quoted)).replace("'", _APOSTROPHE)
    fused = "|".join(map(re.escape, table["split"])).replace("'", _APOSTROPHE)
    patterns = (
        # Things with an inner form of their own: tags, addresses, marks of a network.
        r"<[!?][A-Za-z-][^>\n]*>|</?[A-Za-z][A-Za-z0-9:._-]*(?:\s[^<>\n]*)?/?>",
        rf"https?://[^{_NOT_IN_URL}]+\.[^{_NOT_IN_URL}]*[^{_NOT_IN_URL}.!?,-]",
        rf"(?:[^{_NOT_IN_URL}.!?,/@]+\.)+(?:com|net|org|edu)(?:/[^{_NOT_IN_URL}]+"
        rf"[^{_NOT_IN_URL}.!?,-])?",
        rf"[A-Za-z0-9][^{_NOT_IN_URL}]*@(?:[^{_NOT_IN_URL}.]+\.)*[^{_NOT_IN_URL}.]+",
        rf"[@#]{_LETTER}(?:{_LETTER}|\d|_)+",
        r"[<>]?[:;=][-o*']?[()DPdpO\\{@|\[\]](?![A-Za-z0-9])|[-^x=~<>']_[-^x=~<>']",
        r"&(?:amp|lt|gt|quot|apos|nbsp|#\d+);",
        # Words, alone and joined.
        rf"(?i:{fused})(?!{_THING})|(?i:{quoted})(?!{_THING})",
        rf"{_APOSTROPHE}(?i:n){_APOSTROPHE}",
        rf"(?i:y){_APOSTROPHE}(?={_LETTER})",
        rf"{_WORD}(?:[-_]{_THING})*",
        rf"{_THING}(?:[-_]{_THING})*",
        rf"{_NUMBER}(?:[-_]{_THING})+",
        rf"(?:{_THING}-)+{_ACRONYM}\.",
        rf"(?:{_ACRONYM}\.?|(?i:{small})\.)(?:-{_THING})+",
        rf"{_SLASHED}(?:\\?/{_SLASHED}){{1,2}}",
        rf"[dDoOlLnN]{_APOSTROPHE}{_LETTER}{{2,}}",
        r"[A-Z]+(?:[+&][A-Z]+)+|[CF]#|[A-Z]\+\+|[Cc]\+\+|[A-Z]{1,2}\$",
        # A word before n't, and the clitics themselves.
        rf"(?i:{_LETTER}*?[a-z])(?P<ahead>(?i:n)['’`](?i:t)(?!{_LETTER}))",
        rf"(?i:n)['’`](?i:t)(?!{_LETTER})",
        rf"{_APOSTROPHE}(?i:[smd]|re|ve|ll)(?!{_LETTER}|\d)",
        # Words that keep their period.
        rf"{_ACRONYM}\.|(?i:ph)\.(?i:d)\.",
        rf"(?i:{small})\.|(?:{capital})\.",
        rf"(?i:{numbered})\.(?P<ahead>\s*\d)",
        rf"[A-Za-z]\.(?!\s+(?:{starts})\b)(?!\.\.(?![.\w]))",
        # Numbers.
        rf"[-+]?{_NUMBER}",
        r"(?:\d{1,4}[- \u00a0])?\d{1,4}\\?/\d{1,4}",
        r"(?:\(\d{2,3}\)[ \u00a0]?|(?:\+\+?)?(?:\d{2,4}[- \u00a0])?\d{2,4}[- \u00a0])"
        r"\d{3,4}[- \u00a0]?\d{3,5}",
        rf"{_APOSTROPHE}(?:\d0(?i:s)|\d\d(?=\s|$))",
        # Runs of marks.
        r"[?!]+|\.{3,}|-{2,3}|_+|\*+|@+|##+|<<|>>|``|''",
    )
    names = ("abbreviations", "capital_abbreviations", "before_numbers")
    return _Rules(
        patterns=tuple(map(re.compile, patterns)),
        split=table["split"],
        with_period=frozenset(word for name in names for word in lists[name]),
    )

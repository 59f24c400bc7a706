"""What a few lists of words can tell about any English text: is it English, has a sentence a verb?

What is said of any language, and of other ones, is in `curation/english.py`.

No tagger and no download: closed classes of words are listed whole, open ones are known by their
commonest members and endings. The lists lean towards letting a text pass.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from minigpt4.curation.english import FOREIGN_WORDS, FUNCTION_WORDS

AUXILIARIES = frozenset(
    """is are was were be been am 'm 're 's has have had do does did can could will
    would shall should may might must isn't aren't wasn't weren't hasn't haven't
    hadn't doesn't don't didn't can't cannot couldn't won't wouldn't shouldn't
    there's it's that's he's she's they're we're you're i'm what's here's let's i've
    they've we've you've i'll it'll""".split()  # noqa: SIM905
)
_VERBS = frozenset(
    """add adorn appear ask attract base bask be become begin belong blow bring
    build burn buy call capture carry cast catch cause change check chop climb close
    come connect consist contain cook cover create cross cut dance decorate depict
    describe display drink drive drop eat enjoy evoke extend face fall feature feel
    fill find finish float flow fly follow gather get give glow go grow hang happen
    have heat help hold include indicate invite jump keep know lead lean leave let
    lie light like line live look love make mean meet mix move need offer open order
    overlook park place play pose pour prepare provide pull push put reach read
    reflect relax remain remind represent rest ride rise run say see seem sell serve
    set shine show sing sit sleep smile sound spread stand start stay stir stop
    stretch suggest surround swim take taste tell think touch travel try turn use
    visit wait walk want warm wash watch wear work write""".split()  # noqa: SIM905
)
_IRREGULAR = frozenset(
    """ate became began blew brought built bought came caught chose crept cut drank
    drew drove fell felt flew fought found gave goes got grew held hid hit hung kept
    knew laid lay led left lay lit lost made meant met paid put ran rang read rode
    rose said sang sank sat saw sent set shone shook sold spoke spread stood stole
    swam swept swung taught thought threw told took tore understood went woke won
    wore wrote lying tying dying cutting sitting running swimming putting getting
    setting hidden seen shown made taken given known written worn drawn grown built""".split()  # noqa: SIM905
)
_NO_VERBS = frozenset(
    """building morning evening ceiling clothing wedding string spring something
    nothing anything everything sibling railing painting pudding herring earring
    during darling hundred sacred naked speed indeed bleed wicked crooked""".split()  # noqa: SIM905
)
_BEFORE_NOUNS = frozenset(
    """a an the this that these those my your his her its our their some many few
    several two three four five six seven eight nine ten no of in on at with and or""".split()  # noqa: SIM905
)
_PLURAL_SUBJECTS = frozenset(
    ("people", "men", "women", "children", "who", "they", "we", "you", "i")
)
_AFTER_VERBS = frozenset(
    """a an the this that his her its their in on at to through over under above
    across along around into onto with from by behind near beside towards toward out
    up down away back and like""".split()  # noqa: SIM905
)
_ABBREVIATIONS = frozenset(
    """mr mrs ms dr st vs tv km cm mm ft lb lbs kg ml hd dvd cd pc html css js nyc
    ny usa uk pm am th nd rd hmm shh psst pfft brr tbsp tsp""".split()  # noqa: SIM905
)


def words_in(text: str) -> list[str]:
    """Return the lowercase words of a text in any script, with their apostrophes."""
    return re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+", text.lower().replace("’", "'"))


def sentences_in(text: str) -> list[str]:
    """Split a text behind sentence ends and at line breaks; titles and a.m. end no sentence."""
    parts: list[str] = []
    for line in text.splitlines():
        pieces = [piece for piece in re.split(r"(?<=[.!?])[\"'”)]?\s+", line.strip()) if piece]
        for piece in pieces:
            if parts and pieces and piece is not pieces[0] and _ABBREVIATED.search(parts[-1]):
                parts[-1] += f" {piece}"
            else:
                parts.append(piece)
    return parts


_ABBREVIATED = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|St|vs|etc|approx|No|e\.g|i\.e|a\.m|p\.m|U\.S|[A-Z])\.$"
)


def has_verb(sentence: str) -> bool:
    """Say whether a sentence has a word that is likely a verb."""
    words = words_in(sentence)
    return any(_is_verb(words, place) for place in range(len(words)))


def function_share(words: Sequence[str]) -> float:
    """Return the share of English function words; about 0.4 in English, below 0.15 elsewhere."""
    return sum(word in FUNCTION_WORDS or "'" in word for word in words) / max(1, len(words))


def foreign_phrase(text: str) -> str:
    """Return two neighbouring words of another language; "" if there are none.

    Names are let pass: "Place de la Concorde", "Los Angeles".
    """
    words = re.findall(r"[^\W\d_]+", text)
    for place in range(len(words) - 1):
        pair = words[place : place + 2]
        around = words[max(0, place - 1) : place + 3]
        if all(word in FOREIGN_WORDS for word in pair) and not any(
            word[0].isupper() for word in around
        ):
            return " ".join(pair)
    return ""


def vowelless(text: str) -> str:
    """Return a lowercase word that no vowel is in and that is no usual abbreviation; "" if none."""
    for word in re.findall(r"\b[b-df-hj-np-tv-xz]{2,}\b", text):
        if word not in _ABBREVIATIONS:
            return word
    return ""


def _is_verb(words: Sequence[str], place: int) -> bool:
    word = words[place]
    if word in AUXILIARIES or word in _IRREGULAR or "n't" in word:
        return True
    if word in _NO_VERBS:
        return False
    if len(word) > 4 and word.endswith(("ed", "ing")):
        return True
    stems = {word, word[:-1], word[:-2], f"{word[:-3]}y" if word.endswith("ies") else word}
    named = bool(stems & _VERBS) if word.endswith("s") else word in _VERBS
    before = words[place - 1] if place else ""
    after = words[place + 1] if place + 1 < len(words) else ""
    if before in _BEFORE_NOUNS:
        return False  # "the shows", "two walks"
    if named:
        return True
    # A rare verb: "the river meanders through", "mountains tower behind", "they gawk at".
    plural = before.endswith("s") != word.endswith("s") or before in _PLURAL_SUBJECTS
    return bool(before) and plural and not word.endswith(("ss", "us")) and after in _AFTER_VERBS

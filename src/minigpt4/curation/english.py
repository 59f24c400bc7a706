"""Is it English? Told by its script and by the small words that every sentence needs.

No model and no word list of a language is needed: the commonest function words of English make up
more than a third of any English text, and those of its neighbours give other languages away.
"""

from __future__ import annotations

import re
import unicodedata

FUNCTION_WORDS = frozenset(
    """a about above across all along also am an and another any are around as at be been behind
    being below between both but by can could did do does down each few for from had has have he
    her here him his how i if in into is it its just many may me might more most must my near
    next no nor not of off on one onto or other our out over shall she should so some than that
    the their them then there these they this those three through to two under up upon us very
    was we were what when where which while who why will with would you your""".split()  # noqa: SIM905
)
"""Nearly half of all words of any English text."""
FOREIGN_WORDS = frozenset(
    """auf avec che con dans das della dem den der des di ein eine einen el en es est et gli il im
    ist la las le les lo los mit nicht para por que qui sur un una und une von y zu""".split()  # noqa: SIM905
)
"""Function words of neighbours that are seen in no English sentence but inside names."""

_OF_DESCRIPTIONS = frozenset(
    """after back because before beside close edge end four front full having inside left like look
    looks lots made middle only outside right several side small such top towards visible well
    within without""".split()  # noqa: SIM905
)
"""Further words that descriptions of pictures are full of."""
_ALSO_FOREIGN = frozenset(
    """aber al au auch aus aux av bei ce ces cette com como cuando da de del delle det die dos du
    een einem einer ella elle em esta este esto foto für hat hay het ich ils je leur mais mas
    met muy más na nas nel nella niet nos nous não o och oder op os par pas pela pelo per pero
    più pour på se ser sich sie sind som son sono sont su sulla sus till uma uno unos unter van
    voor vor vous wird zijn zum zur är""".split()  # noqa: SIM905
)
"""Rarer ones, of which some are rare English words too: only many of them tell."""
_MIN_WORDS = 4
_MIN_ENGLISH_SHARE = 0.1


def foreign_share(text: str) -> float:
    """Return the share of letters that are not Latin."""
    letters = [letter for letter in text if letter.isalpha()]
    if not letters:
        return 0.0
    return sum("LATIN" not in unicodedata.name(each, "") for each in letters) / len(letters)


def foreign_sentence(sentence: str) -> bool:
    """Say whether a sentence is surely not English.

    It is if a fifth of its letters are of another script, if foreign function words outnumber the
    English ones, or, from eight words on, if it has next to no English ones.
    """
    if foreign_share(sentence) > 1 / 5:
        return True
    words = re.findall(r"[^\W\d_]+", sentence.lower())
    if len(words) < _MIN_WORDS:
        return False
    english = sum(word in FUNCTION_WORDS or word in _OF_DESCRIPTIONS for word in words)
    foreign = sum(word in FOREIGN_WORDS or word in _ALSO_FOREIGN for word in words)
    if foreign >= 2 and foreign > english:
        return True
    return len(words) >= 2 * _MIN_WORDS and english < _MIN_ENGLISH_SHARE * len(words)

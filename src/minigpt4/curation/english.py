"""Is a sentence English? Told by its script and by the small words that every sentence needs.

No model and no word list of a language is needed: the commonest function words of English make up
more than a third of any English text, and those of its neighbours give other languages away.
"""

from __future__ import annotations

import re
import unicodedata

_ENGLISH = frozenset(
    """a about above after all along also an and another any are around as at back be because been
    before behind being below beside between both but by can close could do does down each edge end
    few for four from front full has have having he her here his i if in inside into is it its just
    left like look looks lots made many may middle more most near next no not of off on one only or
    other out outside over right several she side small so some such than that the their them there
    these they this those three through to top towards two under up very visible was we well were
    what when where which while who will with within without you""".split()  # noqa: SIM905
)
_FOREIGN = (
    frozenset(
        """aber auch auf aus bei das dem den der des die ein eine einem einen einer für hat ich im
    ist mit nicht oder sich sie sind und unter von vor wird zu zum zur
    au aux avec ce cette ces dans des du elle est et il ils je la le les leur mais nous par pas pour
    qui que sont sur un une vous
    al como con cuando de del el ella en es esta este esto hay las los muy más para pero por que se
    ser son su sus una unos y
    che di della delle gli il nel nella per più sono sulla uno
    com da das do dos em foto mas na nas não no nos o os para pela pelo uma
    een het met niet op van voor zijn
    och en det som på är av till""".split()  # noqa: SIM905
    )
    - _ENGLISH
)
_MIN_WORDS = 4
_MIN_ENGLISH_SHARE = 0.1


def foreign_sentence(sentence: str) -> bool:
    """Say whether a sentence is surely not English.

    It is if a fifth of its letters are of another script, if foreign function words outnumber the
    English ones, or, from eight words on, if it has next to no English ones.
    """
    letters = [char for char in sentence if char.isalpha()]
    if not letters:
        return False
    other = sum("LATIN" not in unicodedata.name(char, "") for char in letters)
    if other > len(letters) / 5:
        return True
    words = re.findall(r"[^\W\d_]+", sentence.lower())
    if len(words) < _MIN_WORDS:
        return False
    english = sum(word in _ENGLISH for word in words)
    foreign = sum(word in _FOREIGN for word in words)
    if foreign >= 2 and foreign > english:
        return True
    return len(words) >= 2 * _MIN_WORDS and english < _MIN_ENGLISH_SHARE * len(words)

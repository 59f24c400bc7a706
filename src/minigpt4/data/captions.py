"""Cleaning of web captions as in stage 1 of the official code (LAVIS' `blip_caption`).

Stage 2 keeps its captions as they are: the official data set ignores the cleaning its own
configuration names.
"""

from __future__ import annotations

import re

MAX_CAPTION_WORDS = 50

_REMOVED_SIGNS = re.compile(r"""[.!"()*#:;~]""")
_SPACES = re.compile(r"\s{2,}")


def clean_caption(caption: str, *, max_words: int = MAX_CAPTION_WORDS) -> str:
    """Lower-case a caption, blank its punctuation and keep its first `max_words` words.

    Commas, question marks, apostrophes, hyphens and digits stay.
    """
    text = _SPACES.sub(" ", _REMOVED_SIGNS.sub(" ", caption.lower()))
    words = text.rstrip("\n").strip(" ").split(" ")
    return " ".join(words[:max_words])

"""What a person must know before believing a shipped model."""

from __future__ import annotations

import sys

MINIATURE_NOTICE = (
    "note: the miniature knows only the drawn world of `minigpt4 world draw`; "
    "of photographs it speaks fluently and wrongly"
)


def miniature_notice(model: str) -> str | None:
    """Return what the miniature is and isn't, if `model` names one that is shipped."""
    from minigpt4.model.loading import PACKAGED, find_directory

    shipped = {directory.resolve() for directory in PACKAGED.values() if directory.is_dir()}
    return MINIATURE_NOTICE if find_directory(model) in shipped else None


def print_miniature_notice(model: str) -> None:
    """Say it on stderr."""
    notice = miniature_notice(model)
    if notice is not None:
        print(notice, file=sys.stderr, flush=True)

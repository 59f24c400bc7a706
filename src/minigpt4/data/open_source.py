"""Open any data set by one name: the format is recognised, or said in front of the path.

open_source("cc_sbu_align")
open_source("laion/{00000..10488}.tar")
open_source("coco_captions:annotations/captions_train2017.json,images=train2017")
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from minigpt4.data.aokvqa import open_aokvqa
from minigpt4.data.cc_sbu_align import CcSbuAlign
from minigpt4.data.coco_captions import open_coco_captions
from minigpt4.data.example import OpenedSource
from minigpt4.data.folder_captions import open_folder_captions
from minigpt4.data.gqa import open_gqa
from minigpt4.data.llava import open_llava
from minigpt4.data.localized_narratives import open_localized_narratives
from minigpt4.data.messages import open_messages
from minigpt4.data.recognise import recognise
from minigpt4.data.record_source import RecordSource
from minigpt4.data.shard_index import Report
from minigpt4.data.shards import TarShards
from minigpt4.data.vqav2 import open_vqav2
from minigpt4.errors import SettingsError

_QUESTIONS = ("images", "prompt")
FORMATS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "tar_shards": (TarShards, ()),
    "cc_sbu_align": (CcSbuAlign, ()),
    "folder_captions": (open_folder_captions, ("images",)),
    "coco_captions": (open_coco_captions, ("images",)),
    "llava": (open_llava, ("images",)),
    "messages": (open_messages, ("images",)),
    "localized_narratives": (open_localized_narratives, ("images",)),
    "vqav2": (open_vqav2, (*_QUESTIONS, "annotations")),
    "okvqa": (open_vqav2, (*_QUESTIONS, "annotations")),  # the same form
    "aokvqa": (open_aokvqa, (*_QUESTIONS, "answer")),
    "gqa": (open_gqa, _QUESTIONS),
}
"""The reader of each format, and the options it takes after the path."""

_OPTION = re.compile(r",(?=(?:images|prompt|annotations|answer)=)")


def open_source(
    spec: str | Path,
    *,
    format: str | None = None,
    clean: Callable[[str], str] | None = None,
    report: Report | None = None,
) -> OpenedSource:
    """Open the data set that `spec` names: a path, or `FORMAT:PATH[,images=DIR,...]`.

    Args:
        format: the format, if it isn't said in `spec` and can't be recognised.
        clean: applied to captions, that is to answers without a prompt.
        report: called with (done, all) shards while tar shards are indexed for the first time.

    Raises:
        DataError: for data that can't be used, or whose format is not known.
        SettingsError: for an unknown format or option.
    """
    text = str(spec)
    named, found, rest = text.partition(":")
    if found and named in FORMATS:
        format, text = named, rest
    elif found and re.fullmatch(r"[a-z][a-z0-9_]+", named) and not Path(text).exists():
        raise SettingsError(f"unknown format {named!r} in {spec}; known: {', '.join(FORMATS)}")
    text, *pairs = _OPTION.split(text)
    options = dict(pair.split("=", 1) for pair in pairs)
    path: str | Path = text
    if format is None:
        format, path = recognise(text)
    if format not in FORMATS:
        raise SettingsError(f"unknown format {format!r}; known: {', '.join(FORMATS)}")
    opener, known = FORMATS[format]
    if unknown := sorted(set(options) - set(known)):
        takes = f"it takes {', '.join(known)}" if known else "it takes none"
        raise SettingsError(f"{format} has no option {', '.join(unknown)}; {takes}")
    if opener is TarShards:
        return TarShards(path, clean=clean, report=report)
    source = opener(path, **options)
    if clean is not None and isinstance(source, RecordSource):
        source.clean = clean
    return cast(OpenedSource, source)

"""Export: accepted drafts as a data set that stage 2 opens by its path, with a data card.

    OUT/...                         the data, as `data.convert` writes each form
    OUT/README.md                   the data card: counts, reasons, models, prompts, licence note
    OUT/provenance/drafts.jsonl     a line an example: which draft it is, and who judged it

Paper: §3.2 (about 3,500 pairs).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from minigpt4.config import config
from minigpt4.curation.card import data_card
from minigpt4.curation.draft import Draft
from minigpt4.curation.funnel import funnel
from minigpt4.curation.store import DraftStore
from minigpt4.data.convert import convert
from minigpt4.data.example import Example, Turn
from minigpt4.data.prompts import STAGE2_PROMPTS
from minigpt4.data.troubles import Troubles
from minigpt4.errors import CurationError, SettingsError
from minigpt4.world.export import new_folder

FORMS = ("cc_sbu_align", "llava", "messages", "tar_shards")
"""What can be written; see docs/data.md."""

_WITH_PROMPT = ("llava", "messages")
_PLACEHOLDER = "<Img><ImageHere></Img> "


@config
class ExportSettings:
    """What is exported."""

    to: Literal["cc_sbu_align", "llava", "messages", "tar_shards"] = "cc_sbu_align"
    """The form."""
    drafts: Literal["accepted", "passed", "described"] = "accepted"
    """Which: those accepted by a person or the truth; all that nobody rejects; all there are."""
    text: Literal["final", "repaired", "raw"] = "final"
    """Which text of them; "raw": both answers as the model gave them, for comparison."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """The most examples; the first by number."""
    prompts: tuple[str, ...] = tuple(each.removeprefix(_PLACEHOLDER) for each in STAGE2_PROMPTS)
    """For forms with a prompt: the one an example gets depends on its key."""


class DraftSource:
    """Drafts as examples: an `OpenedSource`."""

    def __init__(self, store: DraftStore, drafts: list[Draft], settings: ExportSettings) -> None:
        self.troubles = Troubles()
        self.drafts = drafts
        self._store, self._settings = store, settings

    def __len__(self) -> int:
        return len(self.drafts)

    def __getitem__(self, index: int) -> Example:
        draft = self.drafts[index]
        prompt = ""
        if self._settings.to in _WITH_PROMPT:
            place = int.from_bytes(hashlib.sha256(draft.key.encode()).digest()[:4], "big")
            prompt = self._settings.prompts[place % len(self._settings.prompts)]
        turn = Turn(prompt=prompt, answer=text_of(draft, self._settings))
        return Example(image=self._store.picture_path(draft), turns=(turn,), key=draft.key)

    def place(self, index: int) -> str:
        return f"draft {self.drafts[index].number} ({self.drafts[index].key})"


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What became of an export."""

    num_written: int
    left_out: Troubles
    """Drafts whose picture has vanished, or whose text is empty."""


def export(
    store: DraftStore,
    out: str | Path,
    settings: ExportSettings,
    *,
    report: Callable[[int, int], None] | None = None,
) -> Exported:
    """Write drafts into a new or empty folder, whole or not at all.

    Raises:
        CurationError: if no draft is as wanted.
        SettingsError: if the folder is not empty.
    """
    if settings.to in _WITH_PROMPT and not settings.prompts:
        raise SettingsError(f"{settings.to} has a prompt in each example; prompts is empty")
    drafts = chosen_drafts(store, settings)
    if not drafts:
        counts = funnel(store.drafts())
        raise CurationError(
            f"no draft of {store.folder} is {settings.drafts} ({counts.num_accepted} accepted, "
            f"{counts.num_open} undecided, {counts.num_rejected} rejected); review them with "
            "`minigpt4 curate review`, or export with --drafts passed"
        )
    source = _without_bad(store, drafts, settings)
    with new_folder(out) as draft_folder:
        inside = draft_folder / "data"
        # What can't be read was left out before, so numbers in the data are places in the list.
        converted = convert(source, settings.to, inside, report=report)
        _write_provenance(source.drafts, settings, inside / "provenance")
        num_written = converted.num_written
        card = data_card(store, source.drafts, settings=settings, num_written=num_written)
        (inside / "README.md").write_text(card, encoding="utf-8")
        for entry in list(inside.iterdir()):
            entry.rename(draft_folder / entry.name)
        inside.rmdir()
    return Exported(num_written=converted.num_written, left_out=converted.left_out)


def chosen_drafts(store: DraftStore, settings: ExportSettings) -> list[Draft]:
    """Return the drafts that settings name, by number."""
    wanted = {
        "accepted": lambda draft: draft.stage == "ruled" and draft.outcome == "accept",
        "passed": lambda draft: draft.stage == "ruled" and draft.outcome != "reject",
        "described": lambda draft: draft.raw is not None and not draft.fault,
    }[settings.drafts]
    return [draft for draft in store.drafts() if wanted(draft)][: settings.limit]


def text_of(draft: Draft, settings: ExportSettings) -> str:
    """Return the text of a draft that settings name."""
    if settings.text == "final":
        return draft.text
    return draft.joined if settings.text == "raw" else draft.unedited


def _without_bad(store: DraftStore, drafts: list[Draft], settings: ExportSettings) -> DraftSource:
    source = DraftSource(store, [], settings)
    for draft in drafts:
        place = f"draft {draft.number} ({draft.key})"
        path = store.picture_path(draft)
        if not path.is_file():
            source.troubles.add("the picture has vanished", place)
        elif hashlib.sha256(path.read_bytes()).hexdigest() != draft.picture_sha256:
            source.troubles.add("the picture is another one now", place)
        elif not text_of(draft, settings).strip():
            source.troubles.add("the text is empty", place)
        else:
            source.drafts.append(draft)
    if not source.drafts:
        raise CurationError(
            f"none of {len(drafts)} drafts can be exported: {dict(source.troubles.counts)}"
        )
    return source


def _write_provenance(drafts: list[Draft], settings: ExportSettings, folder: Path) -> None:
    folder.mkdir()
    lines = []
    for place, draft in enumerate(drafts):
        row = {
            "example": place,
            "number": draft.number,
            "key": draft.key,
            "origin": draft.origin,
            "picture_sha256": draft.picture_sha256,
            "text": text_of(draft, settings),
            "raw": draft.raw,
            "continuation": draft.continuation,
            "repaired": draft.repaired,
            "outcome": draft.outcome,
            "verdicts": [asdict(verdict) for verdict in draft.verdicts],
            "seed": draft.seed,
        }
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    (folder / "drafts.jsonl").write_text("".join(lines), encoding="utf-8")

"""Put a curation together from its settings, and run it: folder, processes, model, repair, judges.

What belongs to layers above (the drawn world's judge, the loaded model) is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from minigpt4.config import build_config, config, dump_config
from minigpt4.curation.chat_service import ChatService, ChatServiceSettings
from minigpt4.curation.funnel import Funnel, funnel
from minigpt4.curation.pictures import GonePile, Pile, open_pile
from minigpt4.curation.pipeline import CurationSettings, Judge, Report, Steps, Worker, run
from minigpt4.curation.ranks import Ranks, ranks_of_launch
from minigpt4.curation.repair import ModelRepairer, Repairer, ServiceRepairer
from minigpt4.curation.store import DATABASE, DraftStore, only_run
from minigpt4.errors import DataError, SettingsError

REPLIES = "replies.sqlite"
"""The cache of the repair service, beside the drafts."""


@config
class SessionSettings:
    """A curation and who takes part in it."""

    curation: CurationSettings
    service: ChatServiceSettings | None = None
    """The repairing LLM's address; None: the describing model's own LLM, in process."""
    without_repair: bool = False
    """Leave the texts as the model wrote them."""
    judge: Literal["", "truth"] = ""
    """"truth": the drawn world's truth accepts and rejects in the place of a person."""
    min_recall: Annotated[float, Field(ge=0, le=1)] = 0.5
    """What share of a drawn picture's things a text must name to be accepted by the truth."""
    truth_details: bool = True
    """Whether the truth also looks at sizes, sides, what stands on what, and counts."""
    truth_edits: bool = False
    """Let the truth remove false sentences, as the paper's person did, before it rejects."""


def stored_settings(out: str | Path) -> SessionSettings | None:
    """Return what the curation in a folder was last run with; None if there is none."""
    if not (Path(out) / DATABASE).is_file():
        return None
    with DraftStore(out) as store:
        values = store.noted("session")
    return None if values is None else build_config(SessionSettings, values, where=str(out))


def run_session(
    settings: SessionSettings,
    out: str | Path,
    *,
    load: Callable[[str], Any],
    judges: Sequence[Judge] = (),
    api_key: str | None = None,
    report: Report = lambda step, done, total: None,
) -> Funnel | None:
    """Run a curation to its end; return its funnel, or None in processes that only help.

    Args:
        load: gives the model of a name; called when the model is first needed.
        judges: look at each draft after the rules.

    Raises:
        CurationError, ChatServiceError, SettingsError, DataError: as `pipeline.run`, and when
            another run works in the folder.
    """
    _check(settings)
    worker = Worker(settings.curation, lambda: load(settings.curation.model))
    with ranks_of_launch(worker.works) as ranks:
        if not ranks.is_first:
            ranks.serve()
            return None
        with ExitStack() as stack:
            pile = _open_pile(settings.curation.images, out)
            stack.enter_context(only_run(out))
            store = stack.enter_context(DraftStore(out, create=True))
            repairer, service = _repairer(settings, out, ranks, api_key)
            if service is not None:
                stack.callback(_close, service, store)
            run(
                settings.curation,
                store,
                Steps(
                    pile=pile,
                    ranks=ranks,
                    repairer=repairer,
                    judges=judges,
                    judged_with=_judged_with(settings) if judges else "",
                    report=report,
                ),
                begin=lambda: _remember(settings, store),
            )
            ranks.dismiss()
            return funnel(store.drafts())


def _check(settings: SessionSettings) -> None:
    if not settings.curation.images:
        raise SettingsError("no pictures; give --images: a folder, a data set or world:...")
    if not settings.curation.model:
        raise SettingsError("no model; give --model: a stage-1 model directory or name")


def _open_pile(images: str, out: str | Path) -> Pile:
    """Open the pictures; a folder that was begun can go on without, as far as it needs none."""
    try:
        return open_pile(images)
    except DataError as error:
        if not (Path(out) / DATABASE).is_file():
            raise
        return GonePile(str(error))


def _repairer(
    settings: SessionSettings, out: str | Path, ranks: Ranks, api_key: str | None
) -> tuple[Repairer | None, ChatService | None]:
    curation = settings.curation
    if settings.without_repair:
        return None, None
    if settings.service is not None:
        service = ChatService(settings.service, api_key=api_key, cache_path=Path(out) / REPLIES)
        return ServiceRepairer(service, curation.repair), service
    own = ModelRepairer(
        lambda texts: ranks.map("repair", texts),
        name=f"the LLM of {curation.model}, in process",
        batch_size=curation.repair.batch_size * ranks.num_ranks,
    )
    return own, None


def _judged_with(settings: SessionSettings) -> str:
    told = (settings.min_recall, settings.truth_details, settings.truth_edits)
    return f"{settings.judge} {told}"


def _remember(settings: SessionSettings, store: DraftStore) -> None:
    store.note("session", dump_config(settings))
    store.note("settings", dump_config(settings.curation))


def _close(service: ChatService, store: DraftStore) -> None:
    """Note what was spent, also after an error."""
    store.note("spent", asdict(service.spent))
    service.close()

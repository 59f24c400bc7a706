"""The curation as one run: describe, repair and rules, in waves, until there is enough.

    plan      choose the pictures and fix their order, once
    wave      some hundred pictures: describe them, repair the texts, let rules and judges look
    enough?   end after the wave with which `target` drafts have passed

Each step is recorded in whole batches, and every batch is a function of the settings alone. So a
run that was killed goes on where it was, asks no picture twice, and ends with the same drafts.

Paper: §3.2.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field

from minigpt4.config import config
from minigpt4.curation.describe import (
    DescribeSettings,
    Description,
    describe,
    picture_seed,
    prompt_hash,
)
from minigpt4.curation.draft import Draft, Verdict, utc_now
from minigpt4.curation.keeping import keep_picture
from minigpt4.curation.pictures import MISSING, Picture, Pile, choose, printable
from minigpt4.curation.ranks import Ranks
from minigpt4.curation.repair import NO_REPAIR, Repairer, RepairSettings, repair_texts
from minigpt4.curation.rules import RuleSettings, check_rules, rule, rules_hash
from minigpt4.curation.store import DraftStore
from minigpt4.data.troubles import reason_of
from minigpt4.errors import CurationError, DataError
from minigpt4.model.fingerprint import fingerprint

logger = logging.getLogger(__name__)

Report = Callable[[str, int, int], object]
"""Called with (step, done, all), for a progress bar."""

Judge = Callable[[Draft], Verdict | None]
"""Looks at a draft after the rules, e.g. the drawn world's truth."""

_MANY = 8
"""If so many pictures in a row can't be read, it is not the pictures that are at fault."""


@config
class CurationSettings:
    """What a curation is."""

    images: str
    """The pictures: a folder, a data set, or `world:SPLIT,seed=N,count=N`."""
    model: str
    """The stage-1 model: a directory or the name of a shipped model."""
    seed: int = 0
    """Decides which pictures are taken, and in what order."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """The most pictures to take; None: all."""
    target: Annotated[int, Field(ge=1)] | None = None
    """End once so many drafts have passed; None: take all pictures."""
    wave: Annotated[int, Field(ge=1)] = 256
    """Pictures that go through all steps together."""
    describe: DescribeSettings = DescribeSettings()
    repair: RepairSettings = RepairSettings()
    rules: RuleSettings = RuleSettings()


class Worker:
    """What every process does: it holds the model, loaded when it is first needed."""

    def __init__(self, settings: CurationSettings, load: Callable[[], Any]) -> None:
        self._settings, self._load = settings, load

    @cached_property
    def model(self) -> Any:
        return self._load()

    @property
    def works(self) -> dict[str, Callable[[Sequence[Any]], Sequence[Any]]]:
        """The works that `Ranks` shares out."""
        return {"describe": self._describe, "repair": self._repair, "identify": self._identify}

    def _describe(self, items: Sequence[tuple[bytes, int | None]]) -> list[Description]:
        if not items:
            return []
        contents, seeds = zip(*items, strict=True)
        return describe(self.model, contents, self._settings.describe, seeds=seeds)

    def _repair(self, texts: Sequence[str]) -> list[str]:
        return repair_texts(self.model, texts, self._settings.repair) if texts else []

    def _identify(self, items: Sequence[Any]) -> list[str]:
        return [fingerprint(self.model) for _ in items]


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What the first process needs besides the settings and the store."""

    pile: Pile
    ranks: Ranks
    repairer: Repairer | None
    """None: nothing is repaired."""
    judges: Sequence[Judge] = ()
    judged_with: str = ""
    """Names the judges and their settings; if it changes, all drafts are looked at again."""
    report: Report = lambda step, done, total: None


def run(
    settings: CurationSettings,
    store: DraftStore,
    steps: Steps,
    *,
    begin: Callable[[], object] = lambda: None,
) -> None:
    """Take the curation to its end, from wherever it is.

    Args:
        begin: called once it is certain that the folder belongs to these settings.

    Raises:
        CurationError: when the folder belongs to another curation, or the pictures are gone.
        ChatServiceError: when the repair service can't be used.
    """
    check_rules(settings.rules)
    _plan(settings, store, steps)
    begin()
    _look_again(settings, store, steps)
    numbers, waiting = store.numbers(), dict[int, str]()
    for start in range(0, len(numbers), settings.wave):
        wave = numbers[start : start + settings.wave]
        _describe_wave(settings, store, steps, wave)
        waiting |= _repair_wave(store, steps, wave)
        _rule_wave(settings, store, steps, wave)
        if settings.target is None:
            continue
        done = numbers[: start + len(wave)]
        if count_passed(store, done) >= settings.target:
            break
    _tell_waiting(store, waiting)
    store.back_up()


def count_passed(store: DraftStore, numbers: Sequence[int]) -> int:
    """Return how many drafts are ruled and not rejected."""
    return sum(
        draft.stage == "ruled" and draft.outcome != "reject" for draft in store.drafts(numbers)
    )


def _plan(settings: CurationSettings, store: DraftStore, steps: Steps) -> None:
    """Fix the pictures and their order, or see that they are the same; a larger limit adds."""
    same = {
        "images": settings.images,
        "seed": settings.seed,
        "prompts": prompt_hash(settings.describe),
        "model": settings.model,
        "repair": NO_REPAIR if steps.repairer is None else steps.repairer.name,
    }
    before = store.noted("curation")
    if before is not None and before != same:
        name = next(name for name in same if before.get(name) != same[name])
        raise CurationError(
            f"{store.folder} was begun with {name} {before.get(name)!r}, not {same[name]!r}; give "
            "the same, or another --out"
        )
    num_before = store.noted("num_pictures")
    # Pictures that came or went would give all others new places; the plan stays as it was.
    grows = num_before in (None, len(steps.pile))
    keys = choose(steps.pile, limit=settings.limit, seed=settings.seed) if grows else []
    if not grows:
        logger.warning(
            "%s has %d pictures now, %s when %s was begun; none is added",
            settings.images, len(steps.pile), num_before, store.folder,
        )  # fmt: skip
    with store.transaction():
        if num_before is None:
            store.note("num_pictures", len(steps.pile))
            store.note("curation", same)
        num_planned = len(store)
        store.add(
            Draft(number=number, key=key, picture="")
            for number, key in enumerate(keys)
            if number >= num_planned
        )


def _describe_wave(
    settings: CurationSettings, store: DraftStore, steps: Steps, wave: Sequence[int]
) -> None:
    todo = [draft for draft in store.drafts(wave) if _may_be_described(draft, steps.pile)]
    if not todo:
        return
    model_print = ""
    size = settings.describe.batch_size * steps.ranks.num_ranks
    steps.report("describe", wave[0] + len(wave) - len(todo), len(store))
    for start in range(0, len(todo), size):
        batch = todo[start : start + size]
        read = [_read(steps.pile, draft) for draft in batch]
        pictures = [found for found in read if isinstance(found, Picture)]
        num_new = sum(not draft.fault for draft in batch)
        if not pictures and num_new >= _MANY:
            raise CurationError(
                f"none of {len(batch)} pictures can be read ({read[0]}); is {settings.images} "
                "still there? Nothing was recorded of them"
            )
        good = [
            (draft, found)
            for draft, found in zip(batch, read, strict=True)
            if isinstance(found, Picture)
        ]
        # The model is loaded for this; pictures that are still missing need none.
        model_print = model_print or (_identify(store, steps) if good else "")
        seeds = [picture_seed(settings.describe, draft.number) for draft, _ in good]
        said = steps.ranks.map(
            "describe",
            [(found.content, seed) for (_, found), seed in zip(good, seeds, strict=True)],
        )
        with store.transaction():
            for draft, found in zip(batch, read, strict=True):
                if isinstance(found, str) and found != draft.fault:
                    store.update(draft.number, fault=found)
            for (draft, found), seed, each in zip(good, seeds, said, strict=True):
                columns = {"fault": "", **keep_picture(store, draft.number, found)}
                store.update(
                    draft.number,
                    **columns,
                    raw=each.raw,
                    continuation=each.continuation,
                    num_raw_tokens=each.num_raw_tokens,
                    num_continuation_tokens=each.num_continuation_tokens,
                    model_fingerprint=model_print,
                    prompt_hash=prompt_hash(settings.describe),
                    seed=seed,
                    described_at=utc_now(),
                )
        steps.report("describe", batch[-1].number + 1, len(store))


def _may_be_described(draft: Draft, pile: Pile) -> bool:
    """Say whether to read a picture: none is described, and it may be there now."""
    # A pile that is gone as a whole brings none back.
    came_back = draft.fault.startswith(f"{MISSING}: ") and len(pile) > 0
    return draft.stage == "planned" or came_back


def _identify(store: DraftStore, steps: Steps) -> str:
    """Return the model's fingerprint; all drafts of a folder must have the same."""
    model_print = steps.ranks.map("identify", range(steps.ranks.num_ranks))[0]
    before = store.noted("model_fingerprint")
    if before is None:
        store.note("model_fingerprint", model_print)
    elif before != model_print:
        raise CurationError(
            f"{store.folder} was begun with a model of other weights (fingerprint {before}, now "
            f"{model_print}); give that model, or another --out"
        )
    return model_print


def _read(pile: Pile, draft: Draft) -> Picture | str:
    """Return the picture, or why there is none."""
    try:
        return pile.read(draft.key)
    except DataError as error:
        reason, rest = reason_of(error)
        return printable(f"{reason}: {rest}" if rest else reason)


def _repair_wave(store: DraftStore, steps: Steps, wave: Sequence[int]) -> dict[int, str]:
    """Repair what is described; return why some drafts still wait for it, by number."""
    todo = [draft for draft in store.drafts(wave) if draft.stage == "described"]
    if not todo:
        return {}
    repairer = steps.repairer
    # An empty answer has nothing to be mended; the rules reject it.
    left = [] if repairer is None else [draft for draft in todo if draft.joined]
    name = NO_REPAIR if repairer is None else repairer.name
    with store.transaction():
        for draft in todo:
            if repairer is None or not draft.joined:
                store.update(draft.number, repair_model=name, repaired_at=utc_now())
    if repairer is None or not left:
        return {}
    num_done = wave[0] + len(wave) - len(left)

    def note(repairs: Sequence[tuple[int, str]]) -> None:
        nonlocal num_done
        with store.transaction():
            for index, text in repairs:
                store.update(
                    left[index].number,
                    repaired=text,
                    repair_model=name,
                    repaired_at=utc_now(),
                )
        num_done += len(repairs)
        steps.report("repair", num_done, len(store))

    waiting = repairer.repair([draft.joined for draft in left], note)
    return {left[index].number: reason for index, reason in waiting.items()}


def _tell_waiting(store: DraftStore, waiting: dict[int, str]) -> None:
    """Say and keep which texts have no repair yet; they stay as they are for the next run."""
    before = store.noted("not_repaired", {})
    told = {number: before[number] for number in before if _waits(store, int(number))}
    told |= {str(number): reason for number, reason in waiting.items()}
    if told != before:
        store.note("not_repaired", told)
    for reason, count in Counter(waiting.values()).most_common():
        logger.warning("%d texts not repaired: %s; run the same command again", count, reason)


def _waits(store: DraftStore, number: int) -> bool:
    return store.load(number).stage == "described"


def _ruled_with(settings: CurationSettings, steps: Steps) -> str:
    return f"{rules_hash(settings.rules)} {steps.judged_with}".strip()


def _look_again(settings: CurationSettings, store: DraftStore, steps: Steps) -> None:
    """Look again at all drafts that other rules or judges have looked at, wherever a run ends."""
    rows = store.query(
        "SELECT number FROM drafts WHERE fault = '' AND repair_model <> '' AND ruled_with <> ? "
        "ORDER BY number",
        (_ruled_with(settings, steps),),
    )
    numbers = [row[0] for row in rows]
    for start in range(0, len(numbers), settings.wave):
        _rule_wave(settings, store, steps, numbers[start : start + settings.wave])


def _rule_wave(
    settings: CurationSettings, store: DraftStore, steps: Steps, wave: Sequence[int]
) -> None:
    known = _ruled_with(settings, steps)
    # People judge meanwhile; a draft is ruled, or it is as before, at every moment they look.
    with store.transaction():
        todo = [draft for draft in store.drafts(wave) if _is_to_be_ruled(draft, known)]
        for draft in todo:
            store.withdraw_kind(draft.number, "rule:")
            store.withdraw_kind(draft.number, "truth")
            store.record(draft.number, *rule(draft, settings.rules))
            store.update(draft.number, ruled_with=known)
            if steps.judges:
                ruled = store.load(draft.number)
                said = [judge(ruled) for judge in steps.judges]
                store.record(draft.number, *filter(None, said))
    if todo:
        steps.report("rules", wave[-1] + 1, len(store))


def _is_to_be_ruled(draft: Draft, known: str) -> bool:
    """Say whether rules and judges look at a draft: what people have judged is left to them."""
    again = draft.stage == "ruled" and draft.ruled_with != known and not draft.judged_by_people
    return draft.stage == "repaired" or again

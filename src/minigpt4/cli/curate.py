"""`minigpt4 curate`: from a pile of pictures and a stage-1 model to the data of stage 2.

    run        describe, repair, rules; goes on where it was stopped
    status     the funnel
    check      flags for the person: near-duplicate pictures, words for things that are not there
    export     what was accepted, as a data set with a data card
    review     a page where people accept, edit and reject; judge, report, label-studio

Paper: §3.2.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minigpt4.cli.curate_review import add_commands
from minigpt4.cli.progress import progress
from minigpt4.cli.service_key import OPENAI_HOST, OPENAI_KEY, service_key
from minigpt4.errors import SettingsError

if TYPE_CHECKING:
    from minigpt4.curation.funnel import Funnel
    from minigpt4.curation.session import SessionSettings

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Make the data of stage 2: describe, repair, filter, review, export.",
)

DirArgument = Annotated[Path, typer.Argument(help="Folder of a curation (--out of `run`).")]


@app.command()
def run(
    out: Annotated[Path, typer.Option("--out", help="Folder of the curation; goes on there.")],
    images: Annotated[
        str | None,
        typer.Option(help="Folder, data set, or world:train,seed=30,count=5000."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Stage-1 model: directory or name.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="Begin with these settings: paper, miniature.")
    ] = None,
    repair_url: Annotated[
        str | None,
        typer.Option(help="OpenAI-compatible address, e.g. http://127.0.0.1:8000/v1. Without: the "
                     "model's own LLM repairs, in process."),
    ] = None,
    repair_model: Annotated[str | None, typer.Option(help="Name of the model there.")] = None,
    repair_key_env: Annotated[
        str | None,
        typer.Option(help=f"Variable with the key.  [default: {OPENAI_KEY} for {OPENAI_HOST}]"),
    ] = None,
    no_repair: Annotated[bool, typer.Option("--no-repair", help="Repair nothing.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Most pictures to take.")] = None,
    target: Annotated[
        int | None, typer.Option(min=1, help="End once so many drafts have passed.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Decides which pictures are taken.")
    ] = None,
    truth: Annotated[
        bool, typer.Option("--truth", help="Drawn pictures: their truth accepts and rejects.")
    ] = False,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE",
                     help="Change a setting, e.g. curation.rules.min_chars=80."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
) -> None:  # fmt: skip
    """Describe, repair and filter; killed or stopped, the same command goes on.

    `torchrun --nproc-per-node N -m minigpt4 curate run ...` describes with N devices.
    """
    from minigpt4.curation.session import run_session

    named = {
        "curation.images": images, "curation.model": model, "curation.limit": limit,
        "curation.target": target, "curation.seed": seed, "service.url": repair_url,
        "service.model": repair_model, "without_repair": no_repair or None,
        "judge": "truth" if truth else None,
    }  # fmt: skip
    settings = _settings(out, preset, named, overrides or [])
    is_first = os.environ.get("RANK", "0") == "0"
    if is_first:
        from minigpt4.cli.notice import print_miniature_notice

        print_miniature_notice(settings.curation.model)
    with _steps(show=is_first) as report:
        result = run_session(
            settings, out, load=_loader(device), judges=_judges(settings),
            api_key=settings.service and service_key(settings.service.url, repair_key_env),
            report=report,
        )  # fmt: skip
    if result is not None:
        print_funnel(result, out)


@app.command()
def status(
    folder: DirArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Print the funnel: what is left after each step, and why the rest is not."""
    import json
    from collections import Counter
    from dataclasses import asdict

    from minigpt4.curation.funnel import funnel
    from minigpt4.curation.store import DraftStore

    with DraftStore(folder) as store:
        counts, spent = funnel(store.drafts()), store.noted("spent")
        refused = Counter(store.noted("not_repaired", {}).values())
    if as_json:
        print(json.dumps(asdict(counts) | {"spent": spent, "not_repaired": dict(refused)}))
        return
    print_funnel(counts, folder)
    if spent:
        print(
            f"repair: {spent['num_replies']} replies, {spent['num_prompt_tokens']:,} + "
            f"{spent['num_completion_tokens']:,} tokens, cost {spent['money']:.4f}"
        )
    for reason, count in refused.most_common():
        print(f"not repaired: {count}, {reason}; the same `curate run` asks again")


@app.command()
def check(
    folder: DirArgument,
    near_duplicates: Annotated[
        bool, typer.Option("--near-duplicates", help="Pictures that look like an earlier one.")
    ] = False,
    objects: Annotated[
        str | None,
        typer.Option(
            help="Words for things that are not in the picture, found by `truth` (drawn pictures) "
            "or an image-text model of transformers, e.g. openai/clip-vit-base-patch32."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="Where such a model runs: cpu, cuda, ...")] = "cpu",
) -> None:
    """Flag drafts for the person who reviews; nothing is rejected. A second check replaces."""
    from minigpt4.curation.store import DraftStore

    if not near_duplicates and objects is None:
        raise SettingsError("nothing to check; give --near-duplicates, --objects or both")
    with DraftStore(folder) as store:
        if near_duplicates:
            from minigpt4.curation.near_duplicates import flag_near_duplicates

            with progress("looking at pictures") as report:
                num = flag_near_duplicates(store, report=report)
            print(f"{num} pictures look like an earlier one")
        if objects == "truth":
            from minigpt4.curation.near_duplicates import replace_flags
            from minigpt4.evaluation.curation_truth import unfound_by_truth

            found = [(draft.number, unfound_by_truth(draft)) for draft in store.drafts()]
            flags = [(number, flag.reason) for number, flag in found if flag is not None]
            replace_flags(store, "checker:truth", flags)
            print(f"{len(flags)} texts name something that the drawn picture does not show")
        elif objects is not None:
            from minigpt4.curation.image_text import ImageTextModel, flag_unfound_words

            model = ImageTextModel(objects, device=device)
            with progress("comparing words") as report:
                num = flag_unfound_words(store, model, name=objects, report=report)
            print(f"{num} texts name something that {objects} does not find in the picture")


@app.command()
def export(
    folder: DirArgument,
    out: Annotated[Path, typer.Option("--out", help="Folder to write, new or empty.")],
    to: Annotated[
        str, typer.Option(help="cc_sbu_align, llava, messages or tar_shards.")
    ] = "cc_sbu_align",
    drafts: Annotated[
        str, typer.Option(help="accepted; passed: all not rejected; described: all.")
    ] = "accepted",
    text: Annotated[
        str, typer.Option(help="final; repaired: before edits; raw: before the repair.")
    ] = "final",
    limit: Annotated[int | None, typer.Option(min=1, help="Most examples to write.")] = None,
) -> None:
    """Write a data set and its data card."""
    from minigpt4.config import build_config
    from minigpt4.curation.export import ExportSettings
    from minigpt4.curation.export import export as export_drafts
    from minigpt4.curation.store import DraftStore

    wanted = {"to": to, "drafts": drafts, "text": text, "limit": limit}
    settings = build_config(ExportSettings, wanted, where="export")
    with DraftStore(folder) as store, progress("exporting") as report:
        done = export_drafts(store, out, settings, report=report)
    for reason, count in done.left_out.counts.items():
        where = ", ".join(done.left_out.places[reason])
        print(f"minigpt4: {count} left out: {reason}: {where}", file=sys.stderr)
    print(f"{done.num_written} examples are in {out} as {to}; README.md there is the data card")


add_commands(app)


def print_funnel(counts: Funnel, folder: Path) -> None:
    """Print what is left after each step and why drafts were rejected."""
    width = max(counts.num_pictures, 1)
    for name, num in counts.steps:
        print(f"{name:18} {num:7,}  {'█' * round(40 * num / width)}")
    details = {
        "continued": counts.num_continued, "changed by the repair": counts.num_changed,
        "flagged": counts.num_flagged, "judged by people": counts.num_judged_by_people,
        "judged by truth": counts.num_judged_by_truth, "rejected": counts.num_rejected,
        "not decided yet": counts.num_open,
    }  # fmt: skip
    print(", ".join(f"{name} {num:,}" for name, num in details.items() if num))
    for title, reasons in (("rejected", counts.reasons), ("unusable", counts.faults)):
        for reason, num in reasons.items():
            print(f"  {title}: {num:6,}  {reason}")
    if counts.words_before and counts.words_after:
        print(
            f"words: {counts.words_before.mean:.1f} as described, {counts.words_after.mean:.1f} in "
            "what is left"
        )
    if counts.num_accepted:
        print(f"next: minigpt4 curate export {folder} --out DATA")
    elif counts.num_open:
        print(f"next: minigpt4 curate review {folder}")


def _settings(
    out: Path, preset: str | None, named: dict[str, Any], overrides: list[str]
) -> SessionSettings:
    """Begin with the preset, or with what the folder was begun with; then change what is said."""
    import json

    from minigpt4.config import apply_overrides
    from minigpt4.curation.pipeline import CurationSettings
    from minigpt4.curation.session import SessionSettings, stored_settings
    from minigpt4.recipes.curation import preset as preset_settings

    if preset is not None:
        settings = preset_settings(preset)
    else:
        empty = SessionSettings(curation=CurationSettings(images="", model=""))
        settings = stored_settings(out) or empty
    if (named["service.url"] is None) != (named["service.model"] is None):
        raise SettingsError("--repair-url and --repair-model belong together; give both")
    said = [f"{name}={json.dumps(value)}" for name, value in named.items() if value is not None]
    return apply_overrides(settings, [*said, *overrides])


def _judges(settings: SessionSettings) -> list[Any]:
    if settings.judge != "truth":
        return []
    from functools import partial

    from minigpt4.evaluation.curation_truth import truth_verdict

    told = {"details": settings.truth_details, "may_edit": settings.truth_edits}
    return [partial(truth_verdict, min_recall=settings.min_recall, **told)]


def _loader(device: str) -> Callable[[str], Any]:
    def load_model(name: str) -> Any:
        from minigpt4 import load
        from minigpt4.generation.ranks import own_device

        return load(name, device=own_device(device))

    return load_model


@contextmanager
def _steps(*, show: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each step on a terminal, else a line now and then."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    live = show and console.is_terminal
    said: dict[str, int] = {}
    with Progress(console=console, transient=True, disable=not live) as bar:
        tasks: dict[str, Any] = {}

        def report(step: str, done: int, total: int) -> None:
            if not show:
                return
            if live:
                if step not in tasks:
                    tasks[step] = bar.add_task(step)
                bar.update(tasks[step], completed=done, total=total)
            elif (tenth := 10 * done // max(total, 1)) > said.get(step, 0):
                said[step] = tenth
                print(f"minigpt4: {step}: {done} of {total}", file=sys.stderr, flush=True)

        yield report

"""`minigpt4 evaluate TASK`: have a model answer a benchmark's questions, and count.

Answers are kept below --out and never generated twice; a run that was stopped goes on where it
was. Under torchrun the questions are shared out.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minigpt4.cli.notice import print_miniature_notice
from minigpt4.cli.progress import progress
from minigpt4.cli.service_key import OPENAI_HOST, OPENAI_KEY, service_key
from minigpt4.errors import SettingsError

if TYPE_CHECKING:
    from minigpt4.evaluation.judges import Judge
    from minigpt4.evaluation.runner import Evaluation


DRAWN_FILE_PICTURES = 100
"""Pictures of --write-drawn, unless --limit says otherwise."""


class JudgeOption(StrEnum):
    """Who judges."""

    truth = "truth"
    detector = "detector"
    llm = "llm"
    person = "person"


def evaluate(
    task: Annotated[str, typer.Argument(help="The benchmark; `list` names them all.")] = "list",
    model: Annotated[
        str, typer.Option(help="A model directory, or the name of a shipped model.")
    ] = "miniature",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Questions of each group at most, e.g. 10.")
    ] = None,
    judge: Annotated[
        list[JudgeOption] | None,
        typer.Option(help="Who judges; several may. Default: the task's first."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The benchmark's official files; default: drawn ones.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Its pictures, where they are not beside the data.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Groups to ask, e.g. meme.")] = None,
    prompt: Annotated[
        str | None,
        typer.Option(help='Asked instead, `{}` is the question; "" asks nothing.'),
    ] = None,
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="Longest answer, in tokens.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The stream of drawn pictures.")] = 0,
    answers: Annotated[
        Path | None, typer.Option(help="Score the answers of this file; no model is asked.")
    ] = None,
    judge_url: Annotated[
        str | None, typer.Option(help="Address of the LLM that judges, up to /v1.")
    ] = None,
    judge_model: Annotated[str | None, typer.Option(help="Its name there.")] = None,
    judge_key_variable: Annotated[
        str | None,
        typer.Option(help=f"Variable with its key.  [default: {OPENAI_KEY} for {OPENAI_HOST}]"),
    ] = None,
    persons: Annotated[
        int, typer.Option(min=1, help="Persons that judge each answer, with --judge person.")
    ] = 1,
    batch_size: Annotated[int, typer.Option(min=1, help="Questions answered at a time.")] = 16,
    out: Annotated[Path, typer.Option(help="Folder for answers and scores; resumes.")] = Path(
        "runs/evaluation"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    write_drawn: Annotated[
        Path | None,
        typer.Option(help="Write the drawn counterparts as official files into this new folder."),
    ] = None,
) -> None:
    """Score a model on a benchmark, by its official files or their drawn counterparts. Greedy."""
    if write_drawn is not None:
        _write_drawn(write_drawn, seed=seed, count=limit or DRAWN_FILE_PICTURES)
        return
    if task == "list":
        _print_tasks()
        return
    from minigpt4 import load
    from minigpt4.evaluation.answer_files import score_file
    from minigpt4.evaluation.runner import evaluate_in_full
    from minigpt4.generation.ranks import own_device

    settings = {
        "data": data, "images": images, "limit": limit, "only": only, "prompt": prompt,
        "max_new_tokens": max_new_tokens, "seed": seed,
    }  # fmt: skip
    with ExitStack() as stack:
        judges = [
            _open_judge(
                each, task, out=out, url=judge_url, model=judge_model, key=judge_key_variable,
                persons=persons, stack=stack,
            )
            for each in judge or ()
        ]  # fmt: skip
        if answers is not None:
            result = score_file(task, answers, judge=judges, out=out, **settings)
        else:
            if os.environ.get("RANK", "0") == "0":
                print_miniature_notice(model)
            with progress(task) as report:
                result = evaluate_in_full(
                    task, load(model, device=own_device(device)), out=out, judge=judges,
                    batch_size=batch_size, report=report, **settings,
                )  # fmt: skip
        if not result.answers:
            return  # A further process of torchrun: the first one counts.
        if as_json:
            print(json.dumps(result.as_json(), ensure_ascii=False))
        else:
            _print_tables(result)
        _say_what_waits(judges)


def _write_drawn(folder: Path, *, seed: int, count: int) -> None:
    from minigpt4.evaluation.drawn_files import write_drawn

    with progress("drawing") as report:
        write_drawn(folder, seed=seed, count=count, report=report)
    print(f"{count} pictures and the benchmark files about them are in {folder}")


def _print_tasks() -> None:
    from rich.console import Console
    from rich.table import Table

    from minigpt4.evaluation.task import find_task, task_names

    table = Table("task", "paper", "judges", "about")
    for name in task_names():
        task = find_task(name)
        table.add_row(name, task.paper or "-", ", ".join(task.judges) or "a metric", task.about)
    Console().print(table)


def _open_judge(
    judge: JudgeOption,
    task: str,
    *,
    out: Path,
    url: str | None,
    model: str | None,
    key: str | None,
    persons: int,
    stack: ExitStack,
) -> str | Judge:
    """Return a judge that needs more than its name, or its name."""
    if judge is JudgeOption.person:
        from minigpt4.evaluation.judge_person import PersonJudge

        return PersonJudge(task, out / task / "person", persons=persons)
    if judge is not JudgeOption.llm:
        return judge.value
    from minigpt4.curation.chat_service import ChatService, ChatServiceSettings
    from minigpt4.evaluation.judge_llm import LLMJudge

    if url is None or model is None:
        raise SettingsError(
            "--judge llm needs --judge-url (e.g. http://127.0.0.1:8000/v1) and --judge-model"
        )
    service = ChatService(
        ChatServiceSettings(url=url, model=model),
        api_key=service_key(url, key),
        cache_path=out / "judge_replies.sqlite",
    )
    return LLMJudge(task, stack.enter_context(service))


def _print_tables(result: Evaluation) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for judge, scores in result.by_judge.items():
        if not scores:
            continue  # nobody has judged an answer yet
        title = f"{result.task}, {result.model['name']}, judged by {judge}"
        table = Table(
            title=title if judge != "metric" else f"{result.task}, {result.model['name']}"
        )
        for column in ("score", "value", "95 % interval", "of"):
            table.add_column(column, justify="left" if column == "score" else "right")
        unread = any(score.unparsable for score in scores.values())
        if unread:
            table.add_column("unparsable", justify="right")
        for name, score in scores.items():
            low, high = score.interval
            cells = [name, f"{score.value:.4g}", f"{low:.4g} to {high:.4g}", str(score.count)]
            table.add_row(*cells, *([f"{score.unparsable:.1%}"] if unread else []))
        console.print(table)
    for pair in result.agreement:
        kappa = "undefined" if pair.kappa is None else f"{pair.kappa:.2f}"
        console.print(
            f"{pair.first} and {pair.second} agree on {pair.share.value:.1%} of "
            f"{pair.share.count} answers; Cohen's kappa {kappa}"
        )
    console.print(f"scores: {result.file}", soft_wrap=True)


def _say_what_waits(judges: Sequence[str | Judge]) -> None:
    from minigpt4.evaluation.judge_person import PersonJudge

    for judge in judges:
        if isinstance(judge, PersonJudge) and judge.num_waiting:
            print(
                f"minigpt4: {judge.num_waiting} answers wait for a person. Open the page with\n"
                f"  minigpt4 curate judge {judge.file}\nand run this command again.",
                file=sys.stderr,
            )

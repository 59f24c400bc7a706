"""`minigpt4 import`: build one of our model directories from files in the official formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_official(
    vision: Annotated[
        Path,
        typer.Option(help="eva_vit_g.pth, or a local Hugging Face blip2-* directory."),
    ],
    llm: Annotated[Path, typer.Option(help="Directory of the LLM (Vicuna v0, Llama-2-chat).")],
    projection: Annotated[Path, typer.Option(help="E.g. pretrained_minigpt4_7b.pth.")],
    out: Annotated[Path, typer.Option(help="Model directory to write.")],
    qformer: Annotated[
        Path | None,
        typer.Option(
            help="blip2_pretrained_flant5xxl.pth, or a local blip2-* directory "
            "(default: that of --vision, if it is one)."
        ),
    ] = None,
    no_qformer: Annotated[
        bool,
        typer.Option("--no-qformer", help="The variant without Q-Former (Llama-2 release)."),
    ] = False,
    sizes: Annotated[
        Path | None, typer.Option(help="JSON file of sizes; default: the published ones.")
    ] = None,
    copy_llm: Annotated[
        bool, typer.Option("--copy-llm", help="Copy the LLM instead of naming its path.")
    ] = False,
) -> None:
    """Build a model directory from the official weights. Pickles are never executed."""
    if qformer is None and not no_qformer and vision.is_dir():
        qformer = vision
    if qformer is None and not no_qformer:
        raise typer.BadParameter(
            "is needed, unless --no-qformer is given (the Llama-2 release)", param_hint="--qformer"
        )
    if qformer is not None and no_qformer:
        raise typer.BadParameter("contradicts --no-qformer; give one", param_hint="--qformer")

    from minigpt4.model import official

    official.import_official(
        vision=vision,
        qformer=qformer,
        llm=llm,
        projection=projection,
        out=out,
        sizes=sizes,
        copy_llm=copy_llm,
    )
    card = out / "README.md"
    if card.is_file():
        print(card.read_text(encoding="utf-8"))
    print(f"The model is in {out}. Check it with: minigpt4 doctor {out}")

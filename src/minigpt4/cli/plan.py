"""`minigpt4 plan RECIPE`: what a training needs, before anything is loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minigpt4.cli.options import BaseOption, OverridesOption

if TYPE_CHECKING:
    from minigpt4.recipes.plan import Plan


def plan(
    recipe: Annotated[
        str, typer.Argument(help="A recipe of both stages, or its name without _stage1 or _stage2.")
    ],
    gpu_gb: Annotated[
        float, typer.Option("--gpu-gb", min=0.1, help="Memory of one GPU, in GB.")
    ] = 24.0,
    gpus: Annotated[int, typer.Option("--gpus", min=1, help="GPUs that share the work.")] = 1,
    overrides: OverridesOption = None,
    base: BaseOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a stage.")] = False,
) -> None:
    """Print parameters, memory by part, the micro-batch that fits, samples and hours.

    Weights need not be there: sizes are read from their configuration, or are the published ones.
    """
    from minigpt4.recipes.plan import plan_recipe

    plans = plan_recipe(recipe, base=base, overrides=tuple(overrides or ()), num_gpus=gpus)
    for each in plans:
        if as_json:
            print(json.dumps(_values(each, gpu_gb, gpus)))
        else:
            print("\n".join(_lines(each, gpu_gb, gpus)), end="\n\n")


def _values(plan: Plan, gpu_gb: float, gpus: int) -> dict[str, Any]:
    from minigpt4.recipes.plan import GPUS

    return {
        "recipe": plan.recipe,
        "parts": {
            part.name: {
                "parameters": part.num_parameters,
                "trained": part.num_trained,
                "bytes": part.num_bytes,
            }
            for part in plan.parts
        },
        "weight_bytes": plan.weight_bytes,
        "training_bytes": plan.training_bytes,
        "bytes_per_sample": plan.longest.peak_bytes,
        "gpu_gb": gpu_gb,
        "micro_batch": plan.micro_batch(gpu_gb * 1e9),
        "samples": plan.num_pictures,
        "flops": plan.total_flops,
        "gpus": gpus,
        "hours": {name: round(plan.hours(peak, num_gpus=gpus), 3) for name, peak in GPUS.items()},
    }


def _lines(plan: Plan, gpu_gb: float, gpus: int) -> list[str]:
    from minigpt4.recipes.plan import GPU_OVERHEAD_BYTES, GPUS, REACHED_SHARE

    lines = [plan.recipe, "", f"  {'part':<16}{'parameters':>16}{'trained':>14}{'memory':>12}"]
    for part in plan.parts:
        lines.append(
            f"  {part.name:<16}{part.num_parameters:>16,}{part.num_trained:>14,}"
            f"{_bytes(part.num_bytes):>12}"
        )
    total = sum(part.num_parameters for part in plan.parts)
    trained = sum(part.num_trained for part in plan.parts)
    lines += [
        f"  {'together':<16}{total:>16,}{trained:>14,}{_bytes(plan.weight_bytes):>12}",
        f"  gradients and AdamW's moments {_bytes(plan.training_bytes)}; CUDA's own, about "
        f"{_bytes(GPU_OVERHEAD_BYTES)}",
        f"  each sample of a micro-batch ({plan.image_tokens} image tokens, "
        f"{plan.longest.num_tokens} in all) {_bytes(plan.longest.peak_bytes)}",
        "",
        f"  {plan.num_steps:,} steps of {plan.batch_size} = {plan.num_pictures:,} samples, "
        f"{plan.total_flops:.2e} FLOPs ({plan.typical.flops:.2e} a sample, "
        f"{plan.typical.vision_flops / plan.typical.flops:.0%} of them the frozen encoder's)",
        _fit_line(plan, gpu_gb),
        f"  hours on {gpus} GPU{'s' if gpus > 1 else ''} at {REACHED_SHARE:.0%} of the bf16 peak: "
        + ", ".join(f"{name} {_hours(plan.hours(peak, num_gpus=gpus))}"
                    for name, peak in GPUS.items()),
    ]  # fmt: skip
    return lines


def _fit_line(plan: Plan, gpu_gb: float) -> str:
    fits = plan.micro_batch(gpu_gb * 1e9)
    if fits:
        needed = _bytes(plan.needed_bytes(fits))
        return f"  on {gpu_gb:g} GB a micro-batch of {fits} fits ({needed}); set memory.micro_batch"
    needed = _bytes(plan.needed_bytes(1))
    return (
        f"  on {gpu_gb:g} GB not even one sample fits ({needed} needed); try "
        "--set memory.llm_storage=nf4, --set memory.gradient_checkpointing=true, or "
        "--set distribution.shard_llm=true with --gpus N"
    )


def _bytes(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count / 1e3:.1f} kB"


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.1f} min"

"""The models that a table's rows can be run on: the same edits, in minutes or at the paper's size.

A base is a pair of experiments, stage 1 and stage 2. `--base miniature` takes the shipped frozen
parts and drawn pictures; the others are the paper's.

Paper: Tables 4 and 6, Figures 4, 13 and 14.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from minigpt4.data.prompts import STAGE2_PROMPTS
from minigpt4.data.world import STAGE1_RATIO, STAGE1_WRITERS
from minigpt4.errors import SettingsError
from minigpt4.model.parts import ModelSettings
from minigpt4.recipes.alignment import AlignmentExperiment
from minigpt4.recipes.experiment import DEFAULT_BASE, run_name
from minigpt4.recipes.miniature import StageExperiment, miniature_stage1, miniature_stage2
from minigpt4.recipes.sources import SourceSettings
from minigpt4.recipes.vicuna import (
    vicuna_7b_stage1,
    vicuna_7b_stage2,
    vicuna_13b_stage1,
    vicuna_13b_stage2,
)

__all__ = ["DEFAULT_BASE", "Base", "find_base", "row_stage1", "row_stage2"]

Edit = Callable[[AlignmentExperiment], AlignmentExperiment]


@dataclass(frozen=True, kw_only=True)
class Base:
    """What a row edits."""

    stage1: Callable[[], AlignmentExperiment]
    stage2: Callable[[], AlignmentExperiment]
    narratives: SourceSettings
    """What stands for Localized Narratives."""
    questions: dict[str, SourceSettings]
    """What stands for VQAv2, OK-VQA and A-OKVQA."""
    blip2: ModelSettings
    """The BLIP-2 to compare with."""


def find_base(name: str) -> Base:
    """Return a base by its name.

    Raises:
        SettingsError: for an unknown one.
    """
    bases = {
        "miniature": _miniature,
        "vicuna_7b": lambda: _paper(vicuna_7b_stage1, vicuna_7b_stage2),
        "vicuna_13b": lambda: _paper(vicuna_13b_stage1, vicuna_13b_stage2),
    }
    if name not in bases:
        raise SettingsError(f"no base {name!r}; the bases are {', '.join(bases)}")
    return bases[name]()


def row_stage1(base: str, edit: Edit) -> AlignmentExperiment:
    """Return stage 1 of a row."""
    return edit(find_base(base).stage1())


def row_stage2(base: str, edit: Edit, *, recipe: str) -> AlignmentExperiment:
    """Return stage 2 of a row, which starts from that row's stage 1."""
    experiment = edit(find_base(base).stage2())
    start = f"runs/{run_name(recipe.replace('stage2', 'stage1'), base)}/model"
    return replace(experiment, model=replace(experiment.model, start=start))


def drawn_stage1() -> AlignmentExperiment:
    """Return the miniature's stage 1 in the form of the larger recipes."""
    drawn = miniature_stage1()
    return _drawn(
        drawn,
        ModelSettings(start="miniature", fresh_projection=True),
        data={
            name: (STAGE1_WRITERS[name], float(ratio)) for name, ratio in STAGE1_RATIO.items()
        },
    )  # fmt: skip


def drawn_stage2() -> AlignmentExperiment:
    """Return the miniature's stage 2 in the form of the larger recipes."""
    experiment = _drawn(
        miniature_stage2(),
        ModelSettings(start="miniature_stage1"),
        data={"descriptions": ("description", 1.0)},
    )
    return replace(experiment, prompts=STAGE2_PROMPTS)


def _miniature() -> Base:
    drawn = miniature_stage2()
    return Base(
        stage1=drawn_stage1,
        stage2=drawn_stage2,
        narratives=_source("narrative", drawn),
        questions={"questions": _source("questions", drawn)},
        blip2=ModelSettings(start="miniature_blip2"),
    )


def _paper(
    stage1: Callable[[], AlignmentExperiment], stage2: Callable[[], AlignmentExperiment]
) -> Base:
    return Base(
        stage1=stage1,
        stage2=stage2,
        narratives=SourceSettings(
            path="localized_narratives:data/coco_train_localized_narratives.jsonl,"
            "images=data/coco/train2017"
        ),
        questions={
            "vqav2": SourceSettings(
                path="vqav2:data/v2_OpenEnded_mscoco_train2014_questions.json,"
                "annotations=data/v2_mscoco_train2014_annotations.json,"
                "images=data/coco/train2014",
                ratio=2.0,
            ),
            "okvqa": SourceSettings(
                path="okvqa:data/OpenEnded_mscoco_train2014_questions.json,"
                "annotations=data/mscoco_train2014_annotations.json,images=data/coco/train2014"
            ),
            "aokvqa": SourceSettings(
                path="aokvqa:data/aokvqa_v1p0_train.json,images=data/coco/train2017"
            ),
        },
        blip2=ModelSettings(
            vision_encoder="Salesforce/blip2-opt-6.7b",
            qformer="Salesforce/blip2-opt-6.7b",
            projection="Salesforce/blip2-opt-6.7b",
            llm="facebook/opt-6.7b",
            template="vicuna_v0_training",
        ),
    )


def _drawn(
    drawn: StageExperiment, model: ModelSettings, *, data: dict[str, tuple[str, float]]
) -> AlignmentExperiment:
    held_out = next(iter(data.values()))[0]
    validation = _source(held_out, drawn, split="validation", count=drawn.num_validation_pictures)
    return AlignmentExperiment(
        stage=1 if drawn.stage == 1 else 2, model=model,
        data={name: _source(writer, drawn, ratio=ratio) for name, (writer, ratio) in data.items()},
        validation={"held_out": validation},
        num_steps=drawn.num_steps, batch_size=drawn.batch_size, seed=drawn.seed,
        checkpoint_every_steps=drawn.checkpoint_every_steps,
        peak_lr=drawn.peak_lr, final_lr=drawn.final_lr, warmup_steps=drawn.warmup_steps,
        schedule="cosine", crop=False, num_workers=0,
    )  # fmt: skip


def _source(
    writer: str,
    drawn: StageExperiment,
    *,
    split: str = "train",
    count: int | None = None,
    ratio: float = 1.0,
) -> SourceSettings:
    count = drawn.num_pictures if count is None else count
    path = f"world:{writer}?split={split}&seed={drawn.pictures_seed}&count={count}"
    return SourceSettings(path=path, ratio=ratio)

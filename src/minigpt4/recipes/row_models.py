"""The models that the rows of the paper's tables compare, and the trainings that make each.

    BLIP-2                     as it is: nothing is trained
    BLIP-2 FT                  BLIP-2 -> stage 2
    MiniGPT-4 before stage 2   stage 1
    MiniGPT-4                  stage 1 -> stage 2
    (a), (b), (c) of Table 4   their own stage 1 -> their own stage 2
    LoRA and VQA data          stage 1 -> stage 2 with both
    LocNa                      stage 1 -> stage 2 on narratives

Models that share a training share its run. Every row is an edit of a base, so all of them exist on
every base.

Paper: Tables 1-6, Figures 2-14.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from minigpt4.recipes.alignment import AlignmentExperiment
from minigpt4.recipes.bases import find_base
from minigpt4.recipes.blip2_ft import blip2_ft
from minigpt4.recipes.locna import locna
from minigpt4.recipes.table4 import (
    no_qformer_stage1,
    no_qformer_stage2,
    qformer_trained_stage1,
    qformer_trained_stage2,
    three_layers_stage1,
    three_layers_stage2,
)
from minigpt4.recipes.table6 import lora


@dataclass(frozen=True, kw_only=True)
class Training:
    """One stage of one model."""

    name: str
    """Names its run folder."""
    build: Callable[[str], AlignmentExperiment]
    """Returns the experiment on a base."""
    after: Training | None = None
    """The training whose model this one starts from."""

    @property
    def chain(self) -> tuple[Training, ...]:
        """All trainings up to this one, in order."""
        return (*(self.after.chain if self.after else ()), self)


@dataclass(frozen=True, kw_only=True)
class RowModel:
    """A model that rows score and figures show."""

    name: str
    title: str
    about: str
    """What it is, in one line for the report."""
    short: str = ""
    """In figures, where there are no letters of Table 4; "": as `title`."""
    training: Training | None
    """The last of its trainings; None: the base's BLIP-2 as it is."""


_STAGE1 = Training(name="stage1", build=lambda base: find_base(base).stage1())
_STAGE2 = Training(name="stage2", build=lambda base: find_base(base).stage2(), after=_STAGE1)
_NO_QFORMER = Training(name="no_qformer_stage1", build=no_qformer_stage1)
_THREE_LAYERS = Training(name="three_layers_stage1", build=three_layers_stage1)
_QFORMER_TRAINED = Training(name="qformer_trained_stage1", build=qformer_trained_stage1)

BLIP2 = RowModel(
    name="blip2", title="BLIP-2", training=None,
    about="the same eyes and Q-Former with a weaker LLM and its own projection",
)  # fmt: skip
MINIATURE_BLIP2_PROMPT = "Write a short caption for this image."
"""What the miniature's BLIP-2 is asked in Tables 2 and 5; "": nothing, the picture stands alone."""
BLIP2_NOTE = (
    "The paper's BLIP-2 writes 6.5 words about a picture that stands alone. The miniature's, whose "
    "Q-Former was pretrained on captions that name everything too, writes such a whole caption "
    f'then; so it is asked "{MINIATURE_BLIP2_PROMPT}" here, for an answer as short as the paper\'s.'
)
"""For the tables that compare lengths or what is covered."""
BLIP2_FT = RowModel(
    name="blip2_ft", title="BLIP-2 FT", training=Training(name="blip2_ft", build=blip2_ft),
    about="BLIP-2, its projection finetuned on the descriptions of stage 2",
)  # fmt: skip
BEFORE_STAGE2 = RowModel(
    name="before_stage2", title="MiniGPT-4 before stage 2", training=_STAGE1,
    about="the projection has seen short captions only",
)  # fmt: skip
MINIGPT4 = RowModel(
    name="minigpt4", title="MiniGPT-4", training=_STAGE2,
    about="both stages, one linear layer",
)  # fmt: skip
NO_QFORMER = RowModel(
    name="no_qformer", title="(a) without Q-Former", short="MiniGPT-4 without Q-Former",
    training=Training(name="no_qformer_stage2", build=no_qformer_stage2, after=_NO_QFORMER),
    about="patch features go straight to the projection",
)  # fmt: skip
THREE_LAYERS = RowModel(
    name="three_layers", title="(b) three linear layers",
    training=Training(name="three_layers_stage2", build=three_layers_stage2, after=_THREE_LAYERS),
    about="three layers in the place of one",
)  # fmt: skip
QFORMER_TRAINED = RowModel(
    name="qformer_trained", title="(c) Q-Former finetuned",
    training=Training(
        name="qformer_trained_stage2", build=qformer_trained_stage2, after=_QFORMER_TRAINED
    ),
    about="the Q-Former learns with the projection",
)  # fmt: skip
LORA = RowModel(
    name="lora", title="MiniGPT-4 with LoRA and VQA data",
    training=Training(name="lora", build=lora, after=_STAGE1),
    about="low-rank updates of the LLM; questions mixed into stage 2",
)  # fmt: skip
LOCNA = RowModel(
    name="locna", title="MiniGPT-4 LocNa",
    training=Training(name="locna", build=locna, after=_STAGE1),
    about="stage 2 on narratives in the place of the descriptions",
)  # fmt: skip

ROW_MODELS = (
    BLIP2, BLIP2_FT, BEFORE_STAGE2, MINIGPT4, NO_QFORMER, THREE_LAYERS, QFORMER_TRAINED, LORA,
    LOCNA,
)  # fmt: skip


def trainings_of(models: Iterable[RowModel]) -> list[Training]:
    """Return the trainings that models need, each once, in an order that works."""
    needed = {
        training.name: training
        for model in models
        if model.training is not None
        for training in model.training.chain
    }
    return list(needed.values())

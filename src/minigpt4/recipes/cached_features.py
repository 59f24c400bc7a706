"""Which model and which data a recipe's feature cache is made of.

    minigpt4 cache build miniature_stage1 --out features
    minigpt4 train miniature_stage1 --set features=features

The second command loads no vision encoder; a larger recipe checks the parts with it and takes it
out before the first step. One cache serves every recipe with the same encoder: the
pictures of further recipes are added by building into the same folder.
"""

from __future__ import annotations

from typing import Any

from minigpt4.data.example import Source
from minigpt4.errors import SettingsError
from minigpt4.model.loading import load
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.recipes import alignment, miniature_stages
from minigpt4.recipes.alignment import AlignmentExperiment
from minigpt4.recipes.miniature import StageExperiment
from minigpt4.training.devices import local_device


def cache_inputs(
    experiment: Any, *, device: str
) -> tuple[MiniGPT4ForConditionalGeneration, list[Source]]:
    """Return the model whose encoder is run, and the sources of training and validation.

    Raises:
        SettingsError: for a recipe without pictures, or one that cuts them at random.
    """
    if isinstance(experiment, StageExperiment):
        where = str(local_device(device))
        model = load(miniature_stages.starting_point(experiment), device=where)
        mixtures = miniature_stages.build_mixtures(experiment)
    elif isinstance(experiment, AlignmentExperiment):
        if experiment.crop:
            raise SettingsError(
                "crop is true: a random crop is another picture each time, and no cache can hold "
                "them all; set crop=false here and in the training"
            )
        if not experiment.data:
            raise SettingsError("no data; name it with --set data=PATH")
        model = alignment.build_model_of(experiment, device=device)
        mixtures = alignment.build_mixtures(experiment)
    else:
        raise SettingsError(
            f"a {type(experiment).__name__} trains no projection on pictures, so there is nothing "
            "to cache; choose a stage 1 or stage 2 recipe"
        )
    return model, [source for mixture in mixtures if mixture for source in mixture.sources]

"""Put the parts of the miniature together and write the directories that are shipped.

`join_frozen` makes the model that stage 1 starts from, out of the runs of `miniature_llm` and
`miniature_vision`; `release` writes the finished models of both stages and the BLIP-2 baseline with
their cards. Frozen weights are rounded to bf16 once, before stage 1, so that what is shipped is
what was trained with.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from minigpt4.model.build import build_model
from minigpt4.model.loading import load, save
from minigpt4.recipes.miniature_card import baseline_card, miniature_card

TEMPLATE = "vicuna_v0_training"


def join_frozen(*, llm: str | Path, vision: str | Path, out: str | Path) -> Path:
    """Join the LLM to the vision side's encoder and Q-Former, with an untrained projection.

    Args:
        llm: `runs/miniature_llm/model`.
        vision: `runs/miniature_vision/model`, the BLIP-2 baseline.
        out: the model directory to write, frozen parts included, in bf16.
    """
    eyes = load(vision)
    model = build_model(
        vision_encoder=eyes.vision_encoder,
        qformer=eyes.qformer,
        query_tokens=eyes.query_tokens,
        llm=AutoModelForCausalLM.from_pretrained(llm),
        tokenizer=AutoTokenizer.from_pretrained(llm),
        template=TEMPLATE,
    )
    return save(model, out, frozen_dtype=torch.bfloat16)


def release(
    *,
    stage1: str | Path,
    stage2: str | Path,
    baseline: str | Path,
    assets: str | Path,
    scores: dict[str, Any] | None = None,
) -> None:
    """Write `miniature`, `miniature_stage1` and `miniature_blip2` below `assets`.

    The frozen parts are copied into `miniature`, where `miniature_stage1` names them; the baseline
    stands by itself.
    """
    assets = Path(assets)
    model = load(stage2)
    save(
        model, assets / "miniature", frozen_dtype=torch.bfloat16,
        experiment=_experiment(stage2), card=miniature_card(2, scores),
    )  # fmt: skip
    shipped = load(assets / "miniature")
    first = load(stage1)
    with torch.no_grad():
        shipped.projection.load_state_dict(first.projection.state_dict())
    save(
        shipped, assets / "miniature_stage1", frozen="reference",
        experiment=_experiment(stage1), card=miniature_card(1, scores),
    )  # fmt: skip
    save(
        load(baseline), assets / "miniature_blip2", frozen_dtype=torch.bfloat16,
        experiment=_experiment(baseline), card=baseline_card(),
    )  # fmt: skip


def _experiment(directory: str | Path) -> dict[str, Any]:
    path = Path(directory) / "experiment.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

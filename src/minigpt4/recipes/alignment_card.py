"""The model card of a model trained by an alignment recipe: parts, origin, limits."""

from __future__ import annotations

from typing import Any

from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration

_FRONT = """---
library_name: transformers
pipeline_tag: image-text-to-text
tags: [minigpt4]
---
"""


def alignment_card(model: MiniGPT4ForConditionalGeneration, record: dict[str, Any]) -> str:
    """Return the card of a freshly trained model."""
    config = model.config
    recipe = record.get("recipe", "an alignment recipe")
    trained = ["projection"]
    if config.train_qformer:
        trained.append("Q-Former")
    if config.lora is not None:
        trained.append("LoRA updates of the LLM")
    places = {name: _place(source) for name, (source, _) in model.frozen_sources.items()}
    rows = "\n".join(
        f"| {name} | {type(part).__name__} | {places.get(name, 'copied into this directory')} |"
        for name, part in model.frozen_parts.items()
    )
    return f"""{_FRONT}
# A MiniGPT-4 trained with `{recipe}`

Trained here: {", ".join(trained)} ({_count(model):,} parameters, in `model.safetensors`). All else
is frozen:

| part | class | where it comes from |
|---|---|---|
{rows}

Use it with `minigpt4 chat PICTURE --model DIRECTORY`. How it was trained is in `experiment.json`.
It has not been tested for safety; it may describe things that are not there. The licences of the
frozen parts and of the data apply.
"""


def _place(source: Any) -> str:
    revision = f" at {source.revision[:12]}" if source.revision else ""
    return f"`{source.path}`{revision}" if source.kind in ("hub", "packaged") else "a directory"


def _count(model: MiniGPT4ForConditionalGeneration) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)

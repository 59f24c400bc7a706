"""Export as BLIP-2, so that anyone's transformers loads it without this package.

MiniGPT-4 with a Q-Former and one linear layer has the structure of `Blip2ForConditionalGeneration`
with a decoder-only LLM. Two things differ there: its placeholder must be a row of the embedding
table (the unknown token's is taken), and its vision encoder has one epsilon for all its norms, so
image embeddings of official weights differ by up to 2.5e-4.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

from transformers import Blip2Config, Blip2ForConditionalGeneration

from minigpt4.errors import SettingsError
from minigpt4.model.frozen import quiet_transformers
from minigpt4.model.lora import merged_tensors
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration

_NAMES = {
    "vision_encoder.": "vision_model.",
    "qformer.": "qformer.",
    "query_tokens": "query_tokens",
    "projection.": "language_projection.",
    "llm.": "language_model.",
}


def export_blip2(model: MiniGPT4ForConditionalGeneration, path: str | Path) -> Path:
    """Write the model and its tokenizer as a directory of `Blip2ForConditionalGeneration`.

    Raises:
        SettingsError: for a variant that BLIP-2 has no place for.
    """
    blip2 = build_blip2(model)
    path = Path(path)
    with quiet_transformers():
        blip2.save_pretrained(path)
        model.processor.tokenizer.save_pretrained(path)
    return path


def build_blip2(model: MiniGPT4ForConditionalGeneration) -> Blip2ForConditionalGeneration:
    """Build the same model as a `Blip2ForConditionalGeneration`."""
    config = model.config
    if config.qformer_config is None or config.projection_num_layers != 1:
        raise SettingsError("BLIP-2 has a Q-Former and one linear layer; this model has not")
    if config.vision_config.model_type != "blip_2_vision_model":
        kind = config.vision_config.model_type
        raise SettingsError(f"BLIP-2 has its own vision encoder, this model has a {kind}")
    unknown = model.processor.tokenizer.unk_token_id
    with quiet_transformers():
        blip2 = Blip2ForConditionalGeneration(
            Blip2Config(
                vision_config=deepcopy(config.vision_config),
                qformer_config=deepcopy(config.qformer_config),
                text_config=deepcopy(config.text_config),
                num_query_tokens=config.num_query_tokens,
                image_token_index=unknown if unknown is not None else 0,
            )
        )
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("llm.")}
    state |= {f"llm.{name}": tensor for name, tensor in merged_tensors(model.llm).items()}
    blip2.load_state_dict({_renamed(name): value for name, value in state.items()})
    return blip2.eval()


def _renamed(name: str) -> str:
    for ours, theirs in _NAMES.items():
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    raise AssertionError(f"{name} belongs to no part")

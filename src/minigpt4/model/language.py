"""Any causal LM of transformers as the language side: logits from embeddings.

Paper: §3 takes Vicuna; nothing here depends on it.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn

from minigpt4.errors import SettingsError
from minigpt4.model.rows import KeyValue, goes_in_rows, hidden_of_rows, up_to_last

# Settings of families that do something to the logits after the head.
_LOGIT_SETTINGS = (
    "final_logit_softcapping",
    "logit_scale",
    "logits_scaling",
    "lm_head_multiplier",
    "output_multiplier_scale",
)


def check_takes_embeddings(llm: nn.Module) -> None:
    """Refuse an LLM that cannot be shown pictures as embeddings.

    Raises:
        SettingsError: for families without `inputs_embeds`, or with embeddings for every layer.
    """
    name = type(llm).__name__
    if "inputs_embeds" not in inspect.signature(llm.forward).parameters:
        raise SettingsError(f"{name} does not take inputs_embeds; choose another LLM")
    config: Any = llm.config
    if getattr(config, "hidden_size_per_layer_input", 0):
        raise SettingsError(
            f"{name} embeds each token again in every layer, which a picture cannot; "
            "choose another LLM"
        )
    if getattr(config, "is_encoder_decoder", False):
        raise SettingsError(f"{name} is an encoder-decoder; choose a causal LM")


def next_token_logits(llm: Any, **inputs: Any) -> dict[str, Any]:
    """Run the LLM and return its outputs by name."""
    outputs = llm(**inputs, return_dict=True)
    return {
        "logits": outputs.logits,
        "past_key_values": outputs.get("past_key_values"),
        "hidden_states": outputs.get("hidden_states"),
        "attentions": outputs.get("attentions"),
    }


def answer_logits(
    llm: Any,
    positions: Bool[Tensor, "batch length_minus_1"],
    *,
    prefix: Sequence[KeyValue] | None = None,
    **inputs: Any,
) -> Float[Tensor, "targets vocab"]:
    """Return the logits at the given positions only, in row-major order.

    `prefix` holds the keys and values of what all rows begin with; it is an offer, which only the
    way without padding takes.
    """
    inputs |= {"use_cache": False, "return_dict": True}
    if any(getattr(llm.config, name, None) for name in _LOGIT_SETTINGS):
        return _answer_logits_by_column(llm, positions, **inputs)
    used = up_to_last(positions)
    if goes_in_rows(llm, used, inputs):
        first = 0 if prefix is None else prefix[0][0].shape[2]
        if positions[:, :first].any():  # its own tokens are to be predicted too
            first, prefix = 0, None
        embeds, used = inputs["inputs_embeds"][:, first:-1], used[:, first:]
        hidden = hidden_of_rows(llm, embeds, used, prefix=prefix)  # (tokens, D)
        hidden = hidden[positions[:, first:][used]]  # (n, D)
    else:
        hidden = llm.base_model(**inputs).last_hidden_state[:, :-1][positions]  # (n, D)
    return llm.get_output_embeddings()(hidden)  # (n, V)


def _answer_logits_by_column(llm: Any, positions: Tensor, **inputs: Any) -> Tensor:
    """Let the LLM make the logits itself, at every column that some row needs."""
    columns = positions.any(dim=0).nonzero()[:, 0]
    logits = llm(**inputs, logits_to_keep=columns).logits  # (B, columns, V)
    return logits[positions[:, columns]]  # (n, V)


def special_token_ids(llm: Any) -> dict[str, Any]:
    """Return the ids that begin, end and pad a text of this LLM."""
    config = llm.generation_config
    eos = config.eos_token_id
    first_eos = eos[0] if isinstance(eos, list) else eos
    pad = config.pad_token_id
    return {
        "bos_token_id": config.bos_token_id,
        "eos_token_id": eos,
        "pad_token_id": pad if pad is not None else first_eos,
    }

"""LoRA on the LLM: trained, saved and loaded with the projection, never with the frozen LLM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from minigpt4.errors import SettingsError
from minigpt4.model.export import build_blip2
from minigpt4.model.fingerprint import fingerprint
from minigpt4.model.loading import load, save
from minigpt4.model.lora import LoraSettings, base_tensors, is_lora, lora_modules, merged_tensors

LORA = {"rank": 2, "alpha": 4.0, "targets": ["q_proj", "v_proj"], "dropout": 0.5}


@pytest.fixture
def model(make_model: Callable[..., Any]) -> Any:
    """A model with LoRA whose updates do something."""
    model = make_model(lora=LORA)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    return model


def logits(model: Any) -> torch.Tensor:
    ids = torch.tensor([[1, 5, 9, 12]])
    return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


def test_fresh_updates_change_nothing(make_model: Callable[..., Any]) -> None:
    assert torch.equal(logits(make_model()), logits(make_model(lora=LORA)))


def test_updates_and_projection_train_and_the_llm_does_not(model: Any) -> None:
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert any(is_lora(name) for name in trained)
    assert all(is_lora(name) or name.startswith("projection.") for name in trained)
    assert all(p.dtype == torch.float32 for n, p in model.named_parameters() if is_lora(n))


def test_only_the_updates_of_the_llm_go_into_training_mode(model: Any) -> None:
    model.train()
    assert all(module.training for module in lora_modules(model.llm))
    assert not model.llm.base_model.training
    model.eval()
    assert not any(module.training for module in lora_modules(model.llm))


@pytest.mark.parametrize("frozen_dtype", [None, torch.bfloat16])
def test_a_saved_model_has_its_updates_and_a_plain_llm(
    model: Any, make_model: Callable[..., Any], tmp_path: Path, frozen_dtype: torch.dtype | None
) -> None:
    directory = save(model, tmp_path / "model", frozen_dtype=frozen_dtype)
    again = load(directory, device="cpu")
    if frozen_dtype is None:
        assert torch.equal(logits(model), logits(again))
    from transformers import AutoModelForCausalLM

    llm = AutoModelForCausalLM.from_pretrained(directory / "llm", dtype=torch.float32)
    assert fingerprint(llm) == fingerprint(make_model().llm)
    assert {n for n in again.state_dict() if is_lora(n)}


def test_the_tensors_of_the_llm_keep_their_names(
    model: Any, make_model: Callable[..., Any]
) -> None:
    assert base_tensors(model.llm).keys() == make_model().llm.state_dict().keys()


def test_merged_tensors_speak_like_the_updates(model: Any, make_model: Callable[..., Any]) -> None:
    plain = make_model()
    plain.llm.load_state_dict(merged_tensors(model.llm))
    torch.testing.assert_close(logits(plain), logits(model))


def test_an_export_carries_the_updates(model: Any) -> None:
    exported = build_blip2(model).state_dict()
    name = "language_model.model.layers.0.self_attn.q_proj.weight"
    torch.testing.assert_close(
        exported[name], merged_tensors(model.llm)[name.removeprefix("language_model.")]
    )


def test_an_unknown_target_lists_those_there_are(make_model: Callable[..., Any]) -> None:
    with pytest.raises(SettingsError, match=r"no linear layer named qq; choose .*q_proj"):
        make_model(lora={**LORA, "targets": ["qq"]})


def test_settings_without_sense_are_refused() -> None:
    with pytest.raises(SettingsError, match="rank"):
        LoraSettings(rank=0)

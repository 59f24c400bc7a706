"""A quantised LLM passes gradients to what lies before it, nearly those of the whole one."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from minigpt4.errors import SettingsError
from minigpt4.model.quantization import frozen_matrices, quantize_llm

CPU = torch.device("cpu")
PACKAGES = {"int8": "torchao", "int8_bnb": "bitsandbytes", "nf4": "bitsandbytes"}


@pytest.fixture
def llm() -> Any:
    """A frozen LLaMA of random weights."""
    torch.manual_seed(3)
    size = {"hidden_size": 64, "intermediate_size": 128, "vocab_size": 40}
    config = LlamaConfig(**size, num_hidden_layers=2, num_attention_heads=4)
    return LlamaForCausalLM(config).eval().requires_grad_(False)


def _loss_and_gradient(llm: Any) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    embeds = torch.randn(2, 6, 64, generator=generator).requires_grad_(True)
    labels = torch.randint(40, (2, 6), generator=generator)
    loss = llm(inputs_embeds=embeds, labels=labels).loss
    loss.backward()
    assert embeds.grad is not None
    return loss.detach(), embeds.grad


def _bytes_of_layers(llm: Any) -> int:
    return sum(
        getattr(inside, "nbytes", 0)
        for parameter in llm.model.layers.parameters()
        for inside in _plain(parameter.data)
    )


def _plain(tensor: Any) -> list[Any]:
    if not hasattr(tensor, "__tensor_flatten__"):
        return [tensor]
    return [getattr(tensor, name) for name in tensor.__tensor_flatten__()[0]]


@pytest.mark.parametrize(
    ("storage", "bits", "tolerance"), [("int8", 8, 0.05), ("int8_bnb", 8, 0.05), ("nf4", 4, 0.25)]
)
def test_gradients_pass_through(llm: Any, storage: Any, bits: int, tolerance: float) -> None:
    pytest.importorskip(PACKAGES[storage])
    whole_bytes = _bytes_of_layers(llm)
    loss, gradient = _loss_and_gradient(llm)
    assert quantize_llm(llm, storage, device=CPU) == 14
    rough_loss, rough = _loss_and_gradient(llm)
    assert rough_loss.item() == pytest.approx(loss.item(), rel=tolerance)
    assert ((rough - gradient).norm() / gradient.norm()).item() < tolerance
    assert not torch.equal(rough, gradient)
    assert not any(parameter.requires_grad for parameter in llm.parameters())
    assert _bytes_of_layers(llm) < whole_bytes * (bits + 2) / 32


def test_head_table_and_trained_matrices_stay_whole(llm: Any) -> None:
    llm.model.layers[0].mlp.up_proj.requires_grad_(True)
    names = {name for name, _ in frozen_matrices(llm)}
    assert len(names) == 13
    assert "lm_head" not in names
    assert "model.layers.0.mlp.up_proj" not in names


@pytest.mark.parametrize("storage", ["int8", "nf4"])
def test_a_missing_package_is_named_with_its_extra(
    llm: Any, storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("torchao", "torchao.quantization", "bitsandbytes"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SettingsError, match=PACKAGES[storage]) as caught:
        quantize_llm(llm, storage, device=CPU)
    assert "minigpt4[quantization]" in str(caught.value)

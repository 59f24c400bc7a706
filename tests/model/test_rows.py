"""Rows without padding, and their common beginning computed once, change no result."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    Qwen3Config,
)

from minigpt4.model.language import answer_logits
from minigpt4.model.prefix import Prefixes, common_length
from minigpt4.model.rows import keys_and_values, rows_of, takes_rows, up_to_last

SIZE: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 50,
    "num_key_value_heads": 2, "intermediate_size": 32, "initializer_range": 0.3,
}  # fmt: skip
FAMILIES = {
    "llama": LlamaConfig(**SIZE),
    "qwen3": Qwen3Config(**SIZE, head_dim=8),
    "mistral": MistralConfig(**SIZE, sliding_window=None),
}
OTHERS = {
    "sliding": MistralConfig(**SIZE, sliding_window=4),
    "softcapped": Gemma2Config(**SIZE, head_dim=8),
    "gpt2": GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=50),
}
LENGTHS = (11, 9, 14)
PREFIX = 5


def _llm(config: Any, attention: str = "sdpa") -> Any:
    torch.manual_seed(3)
    return AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()


def _inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Return embeddings that begin alike, their mask, and the positions that predict."""
    generator = torch.Generator().manual_seed(0)
    embeds = torch.randn(len(LENGTHS), max(LENGTHS), 16, generator=generator)
    embeds[:, :PREFIX] = embeds[:1, :PREFIX].clone()
    columns = torch.arange(max(LENGTHS))
    mask = (columns < torch.tensor(LENGTHS)[:, None]).long()
    predicts = (columns[1:] < torch.tensor(LENGTHS)[:, None]) & (columns[1:] > PREFIX + 2)
    predicts[2, 10:] = False  # the end of this row carries no loss
    predicts[1] &= columns[1:] != 7  # and neither does something in the middle of that
    return embeds, mask, predicts


def _logits_and_gradient(llm: Any, **inputs: Any) -> tuple[Tensor, Tensor]:
    embeds, mask, predicts = _inputs()
    embeds.requires_grad_(True)
    logits = answer_logits(llm, predicts, inputs_embeds=embeds, attention_mask=mask, **inputs)
    logits.square().sum().backward()
    assert embeds.grad is not None
    return logits.detach(), embeds.grad


def _plain(llm: Any) -> tuple[Tensor, Tensor]:
    embeds, mask, predicts = _inputs()
    embeds.requires_grad_(True)
    logits = llm(inputs_embeds=embeds, attention_mask=mask).logits[:, :-1][predicts]
    logits.square().sum().backward()
    assert embeds.grad is not None
    return logits.detach(), embeds.grad


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_rows_without_padding_give_the_same_logits_and_gradients(
    family: str, attention: str
) -> None:
    llm = _llm(FAMILIES[family], attention)
    expected = _plain(llm)
    assert takes_rows(llm)
    for got, wanted in zip(_logits_and_gradient(llm), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        embeds, mask, predicts = _inputs()
        logits = answer_logits(llm, predicts, inputs_embeds=embeds, attention_mask=mask)
    torch.testing.assert_close(logits, expected[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_beginning_computed_before_gives_the_same_logits_and_gradients(family: str) -> None:
    llm = _llm(FAMILIES[family]).requires_grad_(False)
    wanted_logits, wanted = _plain(llm)
    prefix = keys_and_values(llm, _inputs()[0][:1, :PREFIX])
    logits, gradient = _logits_and_gradient(llm, prefix=prefix)
    torch.testing.assert_close(logits, wanted_logits, rtol=1e-4, atol=1e-4)
    # To what stands before the pictures nothing flows back, and nothing is lost by it.
    torch.testing.assert_close(gradient[:, PREFIX:], wanted[:, PREFIX:], rtol=1e-4, atol=1e-4)
    assert not gradient[:, :PREFIX].any()
    with torch.no_grad():
        embeds, mask, predicts = _inputs()
        again = answer_logits(
            llm, predicts, inputs_embeds=embeds, attention_mask=mask, prefix=prefix
        )
    torch.testing.assert_close(again, wanted_logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", OTHERS)
def test_attention_of_another_kind_is_left_alone(family: str) -> None:
    llm = _llm(OTHERS[family], "eager")
    assert not takes_rows(llm)
    before = llm.config._attn_implementation
    expected = _plain(llm)
    for got, wanted in zip(_logits_and_gradient(llm), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)
    assert llm.config._attn_implementation == before


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_other_calls_are_answered_as_before(attention: str) -> None:
    llm = _llm(FAMILIES["llama"], attention)
    ids = torch.tensor([[0, 0, 7, 8, 9], [3, 4, 5, 6, 7]])
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    kwargs: dict[str, Any] = {"attention_mask": mask, "do_sample": False, "max_new_tokens": 6}
    before = llm(ids, attention_mask=mask).logits, llm.generate(ids, **kwargs)
    _logits_and_gradient(llm)
    assert torch.equal(llm(ids, attention_mask=mask).logits, before[0])
    assert torch.equal(llm.generate(ids, **kwargs), before[1])


def test_a_layer_computed_again_in_the_backward_pass_finds_its_rows() -> None:
    llm = _llm(FAMILIES["llama"])
    expected = _plain(llm)
    for layer in llm.model.layers:
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
    for got, wanted in zip(_logits_and_gradient(llm), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_only_tokens_that_matter_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = _llm(FAMILIES["llama"])
    counted: list[int] = []
    llm.model.layers[0].mlp.register_forward_hook(lambda _, args, __: counted.append(args[0].shape))
    _logits_and_gradient(llm)
    predicts = _inputs()[2]
    last = [int(row.nonzero().max()) + 1 for row in predicts]
    assert counted == [(1, sum(last), 16)]


def test_rows_know_their_places() -> None:
    keep = torch.tensor([[True, True, False], [False, False, False], [True, True, True]])
    rows = rows_of(keep)
    assert rows.flat.tolist() == [0, 1, 6, 7, 8]
    assert rows.padded.tolist() == [[0, 1, 0], [0, 0, 0], [2, 3, 4]]
    assert rows.position_ids.tolist() == [[0, 1, 0, 1, 2]]


def test_rows_end_with_their_last_target() -> None:
    marked = torch.tensor([[False, True, False], [False, False, False], [True, False, True]])
    assert up_to_last(marked).tolist() == [[True, True, False], [False] * 3, [True] * 3]


def test_the_common_beginning_ends_before_the_first_picture() -> None:
    ids = torch.tensor([[1, 8, 9, 50, 50, 4], [1, 8, 9, 50, 50, 5]])
    pictures = ids == 50
    assert common_length(ids, pictures) == 3
    ids[1, 2] = 7
    assert common_length(ids, pictures) == 2
    assert common_length(ids[:, :3], pictures[:, :3] & False) == 2


def test_a_beginning_is_computed_once_until_the_weights_change() -> None:
    llm = _llm(FAMILIES["llama"]).requires_grad_(False)
    ids = torch.tensor([[1, 8, 9, 7, 6, 50, 4], [1, 8, 9, 7, 6, 50, 5]])
    embeds = torch.randn(2, 7, 16)
    embeds[:, :5] = embeds[:1, :5].clone()
    prefixes = Prefixes()
    first = prefixes.of(llm, ids, ids == 50, embeds)
    assert first is not None
    assert first[0][0].shape == (1, 2, 5, 4)
    assert prefixes.of(llm, ids, ids == 50, embeds) is first
    with torch.no_grad():
        llm.model.layers[0].self_attn.k_proj.weight *= 2
    other = prefixes.of(llm, ids, ids == 50, embeds)
    assert other is not None
    assert not torch.equal(other[0][0], first[0][0])
    llm.model.norm.weight.requires_grad_(True)
    assert prefixes.of(llm, ids, ids == 50, embeds) is None

"""Padding and cache change no logit, for any family of LLM."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    Qwen2Config,
)

from minigpt4.generation.rows import Rows

SIZES = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
HEADS = {"num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 40}
CONFIGS = {
    "llama": LlamaConfig(**SIZES, **HEADS, initializer_range=0.3),
    "qwen2": Qwen2Config(**SIZES, **HEADS, initializer_range=0.3),
    "gpt2": GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=40, initializer_range=0.3),
    "mistral": MistralConfig(**SIZES, **HEADS, sliding_window=5, initializer_range=0.3),
}


@pytest.fixture(params=CONFIGS)
def llm(request: pytest.FixtureRequest) -> Any:
    config: PreTrainedConfig = CONFIGS[request.param]
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


def embed(llm: Any, token_ids: list[int]) -> torch.Tensor:
    return llm.get_input_embeddings()(torch.tensor([token_ids])).detach()


def whole_logits(llm: Any, token_ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return llm(input_ids=torch.tensor([token_ids]), use_cache=False).logits[0, -1]


ROWS = [[3, 4, 5, 6, 7, 8, 9, 10], [11, 12], [13, 14, 15, 16, 17]]


def padded(llm: Any) -> tuple[torch.Tensor, torch.Tensor]:
    length = max(map(len, ROWS))
    embeds = torch.cat([embed(llm, [0] * (length - len(row)) + row) for row in ROWS])
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in ROWS])
    return embeds, mask


def test_each_row_has_the_logits_it_has_alone(llm):
    rows = Rows(llm)
    logits = rows.prefill(*padded(llm))
    said = [list(row) for row in ROWS]
    for token_ids in ([1, 2, 3], [4, 5, 6], [7, 8, 9]):
        for index, row in enumerate(said):
            torch.testing.assert_close(logits[index], whole_logits(llm, row), atol=1e-4, rtol=1e-4)
        logits = rows.step(token_ids)
        for row, token_id in zip(said, token_ids, strict=True):
            row.append(token_id)


def test_selected_rows_go_on_as_before(llm):
    rows = Rows(llm)
    rows.prefill(*padded(llm))
    rows.select([2, 0, 2])
    logits = rows.step([1, 2, 3])
    for index, (row, token_id) in enumerate([(2, 1), (0, 2), (2, 3)]):
        wanted = whole_logits(llm, [*ROWS[row], token_id])
        torch.testing.assert_close(logits[index], wanted, atol=1e-4, rtol=1e-4)


def test_reading_behind_a_cache_is_reading_the_whole(llm):
    whole = Rows(llm).prefill(embed(llm, ROWS[0]), torch.ones(1, 8, dtype=torch.long))
    first = Rows(llm)
    first.prefill(embed(llm, ROWS[0][:3]), torch.ones(1, 3, dtype=torch.long))
    behind = Rows(llm, cache=first.cache)
    logits = behind.prefill(embed(llm, ROWS[0][3:]), torch.ones(1, 5, dtype=torch.long))
    torch.testing.assert_close(logits, whole, atol=1e-4, rtol=1e-4)


def test_rows_that_join_and_leave_go_on_as_before(llm):
    rows = Rows(llm)
    assert rows.can_join
    rows.prefill(*padded(llm))
    rows.step([1, 2, 3])
    late = Rows(llm)
    late.prefill(embed(llm, [20, 21, 22]), torch.ones(1, 3, dtype=torch.long))
    rows.join(late)
    rows.step([4, 5, 6, 7])
    longer = Rows(llm)
    longer.prefill(embed(llm, list(range(20, 35))), torch.ones(1, 15, dtype=torch.long))
    rows.join(longer)
    said = [[*ROWS[0], 1, 4], [*ROWS[1], 2, 5], [*ROWS[2], 3, 6], [20, 21, 22, 7]]
    said.append(list(range(20, 35)))
    for leaving in ([], [0], [3], []):
        said = [row for index, row in enumerate(said) if index not in leaving]
        rows.select([index for index in range(len(said) + len(leaving)) if index not in leaving])
        rows.trim()
        logits = rows.step([8] * len(said))
        for row, each in zip(said, logits, strict=True):
            row.append(8)
            torch.testing.assert_close(each, whole_logits(llm, row), atol=1e-4, rtol=1e-4)
    assert rows.cache.get_seq_length() == max(len(row) for row in said)


def test_a_join_that_fails_leaves_the_rows_as_they_were(llm, monkeypatch):
    cat = torch.cat
    for new_length, failing_call in ((3, 2), (3, 3), (15, 1), (15, 4), (15, 5)):
        rows, late = Rows(llm), Rows(llm)
        rows.prefill(*padded(llm))
        rows.step([1, 2, 3])
        embeds = embed(llm, list(range(20, 20 + new_length)))
        late.prefill(embeds, torch.ones(1, new_length, dtype=torch.long))
        calls = 0

        def fail(*args: Any, call: int = failing_call, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == call:
                raise MemoryError("no memory is left")
            return cat(*args, **more)

        with monkeypatch.context() as broken:
            broken.setattr(torch, "cat", fail)
            with pytest.raises(MemoryError):
                rows.join(late)
        for token_ids in ([4, 5, 6], [7, 8, 9]):
            logits = rows.step(token_ids)
        for row, said, each in zip(ROWS, ([1, 4, 7], [2, 5, 8], [3, 6, 9]), logits, strict=True):
            wanted = whole_logits(llm, [*row, *said])
            torch.testing.assert_close(each, wanted, atol=1e-4, rtol=1e-4)

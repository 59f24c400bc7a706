"""A model directory is sound, or the doctor says what is wrong and what to do."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from minigpt4.model.health import (
    ENGLISH,
    LFS_MARK,
    WORLD,
    check_finite,
    check_language,
    find_fault,
    inspect_files,
    inspect_model,
    language_loss,
)

VOCABULARY = 64


class LetterTokenizer:
    """One token a letter, so that a test can say what every probability is."""

    bos_token_id = 1

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        assert not add_special_tokens
        return {"input_ids": [2 + ord(letter) % (VOCABULARY - 2) for letter in text]}


class FixedLLM(nn.Module):
    """An LLM that gives the next token a fixed advantage over all others."""

    def __init__(self, advantage: float) -> None:
        super().__init__()
        self.table = nn.Embedding(VOCABULARY, 2)
        self.advantage = advantage

    def get_input_embeddings(self) -> nn.Module:
        return self.table

    def forward(self, input_ids: torch.Tensor) -> SimpleNamespace:
        following = input_ids.roll(-1, dims=1)
        logits = nn.functional.one_hot(following, VOCABULARY) * self.advantage
        return SimpleNamespace(logits=logits)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "strange"}))
    save_file({"weight": torch.ones(8, 8)}, tmp_path / "model.safetensors")
    return tmp_path


@pytest.fixture
def model_directory(tmp_path: Path) -> Path:
    """A model of ours, whole but untrained, with its frozen parts copied."""
    from transformers import Blip2VisionConfig, Blip2VisionModel, PreTrainedTokenizerFast
    from transformers.models.blip_2.configuration_blip_2 import Blip2QFormerConfig
    from transformers.models.blip_2.modeling_blip_2 import Blip2QFormerModel

    from minigpt4.model import build_model, save

    llm = tiny_llm(tmp_path / "source")
    sizes: Any = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    model = build_model(
        vision_encoder=Blip2VisionModel(
            Blip2VisionConfig(**sizes, num_hidden_layers=1, image_size=16, patch_size=8)
        ),
        qformer=Blip2QFormerModel(
            Blip2QFormerConfig(**sizes, num_hidden_layers=1, encoder_hidden_size=16)
        ),
        query_tokens=torch.randn(1, 2, 16),
        llm=llm,
        tokenizer=PreTrainedTokenizerFast.from_pretrained(tmp_path / "source"),
    )
    return save(model, tmp_path / "model")


def problems(directory: Path) -> list[str]:
    return [one.detail for one in inspect_files(directory) if one.status == "problem"]


def test_a_whole_directory_has_no_problem(directory: Path):
    assert not problems(directory)


def test_a_kind_it_does_not_know_is_a_warning(directory: Path):
    assert [one.name for one in inspect_model(directory) if one.status == "warn"] == ["kind"]


@pytest.mark.parametrize("keep", [3, 40, -1])
def test_a_truncated_safetensors_file_is_found(directory: Path, keep: int):
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    (found,) = problems(directory)
    assert "cut short" in found


def test_a_truncated_torch_file_is_found(tmp_path: Path):
    path = tmp_path / "projection.pth"
    torch.save({"model": {"weight": torch.ones(64, 64)}}, path)
    assert find_fault(path) is None
    path.write_bytes(path.read_bytes()[:-100])
    fault = find_fault(path)
    assert fault is not None
    assert "cut short" in fault.detail


@pytest.mark.parametrize("name", ["model.safetensors", "llm/tokenizer.model"])
def test_a_git_lfs_pointer_is_found_wherever_it_lies(directory: Path, name: str):
    path = directory / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(LFS_MARK + b"\noid sha256:00\nsize 499723\n")
    (found,) = problems(directory)
    assert "git-lfs pointer" in found
    assert path.name in found


def test_a_web_page_saved_as_weights_is_found(directory: Path):
    (directory / "model.safetensors").write_text("<!DOCTYPE html><title>Sign in</title>")
    (found,) = problems(directory)
    assert "web page" in found


def test_a_directory_without_weights_is_a_problem(directory: Path):
    (directory / "model.safetensors").unlink()
    (found,) = problems(directory)
    assert "no weight file" in found


@pytest.mark.parametrize("text", [None, "{", "[]", "{}"])
def test_a_missing_or_broken_config_is_a_problem(directory: Path, text: str | None):
    (directory / "config.json").unlink()
    if text is not None:
        (directory / "config.json").write_text(text)
    (found,) = problems(directory)
    assert "config.json" in found


def test_missing_shards_are_named(directory: Path):
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002.safetensors"}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    (found,) = problems(directory)
    assert "1 of 2 files are missing: model-00002.safetensors" in found


def test_language_loss_is_the_mean_over_tokens():
    uniform = language_loss(FixedLLM(0.0), LetterTokenizer(), ["abc", "d"])
    assert uniform == pytest.approx(math.log(VOCABULARY))
    advantage = 3.0
    expected = math.log(math.exp(advantage) + VOCABULARY - 1) - advantage
    assert language_loss(FixedLLM(advantage), LetterTokenizer(), ENGLISH) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("advantage", "status", "words"),
    [
        (9.0, "ok", "knows its language"),
        (0.1, "problem", "delta weights"),
        (-30.0, "problem", "corrupt"),
        (math.nan, "problem", "not finite"),
    ],
)
def test_the_language_check_tells_good_weights_from_bad(advantage, status, words):
    check = check_language(FixedLLM(advantage), LetterTokenizer())
    assert check.status == status
    assert words in check.detail


def test_values_that_are_not_finite_are_named():
    layer = nn.Linear(2, 2)
    assert check_finite(layer).status == "ok"
    with torch.no_grad():
        layer.bias[0] = math.nan
    assert "bias" in check_finite(layer).detail


def test_untrained_llm_weights_are_recognised(tmp_path: Path):
    tiny_llm(tmp_path)
    found = {one.name: one for one in inspect_model(tmp_path)}
    assert found["loading"].status == "ok"
    assert found["language"].status == "problem"
    assert "never loaded" in found["language"].detail


def test_an_llm_that_lacks_tensors_is_recognised(tmp_path: Path):
    llm = tiny_llm(tmp_path)
    state = {name: value for name, value in llm.state_dict().items() if "norm" not in name}
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    found = {one.name: one for one in inspect_model(tmp_path)}
    assert found["loading"].status == "problem"
    assert "norm" in found["loading"].detail


def test_the_parts_of_a_model_directory_are_checked_wherever_they_lie(model_directory: Path):
    found = {one.name: one for one in inspect_model(model_directory)}
    assert {"llm", "vision_encoder", "qformer"} <= set(found)
    assert "fingerprint" in found["llm"].detail
    assert found["language"].status == "problem"
    pointer = model_directory / "llm" / "tokenizer.model"
    pointer.write_bytes(LFS_MARK + b"\noid sha256:00\nsize 499723\n")
    names = [one.name for one in inspect_model(model_directory) if one.status == "problem"]
    assert names == ["llm/tokenizer.model"]


def test_a_model_whose_llm_was_exchanged_is_recognised(model_directory: Path):
    path = model_directory / "llm" / "model.safetensors"
    state = {name: value + 1 for name, value in load_file(path).items()}
    save_file(state, path, metadata={"format": "pt"})
    (found,) = [one for one in inspect_model(model_directory) if one.status == "problem"]
    assert "fingerprint" in found.detail


def test_the_miniature_is_sound():
    from minigpt4.model.loading import MINIATURE

    checks = inspect_model(MINIATURE)
    assert [one for one in checks if one.status != "ok"] == []
    assert {"loading", "values", "language"} <= {one.name for one in checks}


def tiny_llm(directory: Path) -> nn.Module:
    """Save a random LLaMA with a tokenizer that knows the words of the test sentences."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = sorted({word for text in (*ENGLISH, *WORLD) for word in text.split()})
    names = {"<unk>": 0, "<s>": 1, "</s>": 2} | {word: 3 + i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(names, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(directory)
    config = LlamaConfig(
        vocab_size=len(names),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    torch.manual_seed(0)
    llm = LlamaForCausalLM(config)
    llm.save_pretrained(directory)
    return llm

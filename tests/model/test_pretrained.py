"""A model directory is a citizen of transformers; keywords are followed or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, pipeline

from minigpt4.errors import SettingsError
from minigpt4.model import loading
from minigpt4.model.loading import load
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration

from .test_loading import loss_of


def test_auto_classes_load_a_directory(saved: Path, model: Any, examples: list):
    again = AutoModelForImageTextToText.from_pretrained(saved)
    assert loss_of(again, examples) == loss_of(model, examples)
    processor = AutoProcessor.from_pretrained(saved)
    assert type(processor) is type(model.processor)
    assert processor.num_image_tokens == model.processor.num_image_tokens


def test_save_pretrained_writes_a_whole_directory(model: Any, examples: list, tmp_path: Path):
    model.save_pretrained(tmp_path / "saved")
    assert loss_of(load(tmp_path / "saved", device="cpu"), examples) == loss_of(model, examples)


@pytest.mark.parametrize("name", ["dtype", "torch_dtype"])
def test_a_type_may_be_given_by_either_name(saved: Path, name: str):
    again = MiniGPT4ForConditionalGeneration.from_pretrained(saved, **{name: torch.bfloat16})
    assert again.llm.dtype == torch.bfloat16
    assert again.device.type == "cpu"


@pytest.mark.parametrize(
    ("keywords", "reason"),
    [
        ({"quantization_config": {"bits": 4}}, "quantization_config="),
        ({"output_loading_info": True}, "output_loading_info=True"),
        ({"device_map": {"llm": 0, "projection": 1}}, "device_map names parts"),
    ],
)
def test_a_keyword_that_cannot_be_followed_is_refused_in_loading(
    saved: Path, keywords: dict, reason: str
):
    with pytest.raises(SettingsError, match=reason):
        MiniGPT4ForConditionalGeneration.from_pretrained(saved, **keywords)
    with pytest.raises(SettingsError, match=reason):
        AutoModelForImageTextToText.from_pretrained(saved, **keywords)


@pytest.mark.parametrize(
    ("keywords", "reason"),
    [
        ({"push_to_hub": True}, "push_to_hub=True"),
        ({"state_dict": {"projection.weight": 0}}, "state_dict="),
        ({"is_main_process": False}, "is_main_process=False"),
    ],
)
def test_a_keyword_that_cannot_be_followed_is_refused_in_saving(
    model: Any, tmp_path: Path, keywords: dict, reason: str
):
    with pytest.raises(SettingsError, match=reason):
        model.save_pretrained(tmp_path / "saved", **keywords)
    assert not (tmp_path / "saved").exists()


def test_the_revision_of_a_hub_model_is_followed(
    saved: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    asked: list[str] = []
    monkeypatch.setattr(loading, "fetch", lambda name: asked.append(name) or saved)
    monkeypatch.chdir(tmp_path)
    MiniGPT4ForConditionalGeneration.from_pretrained("some/model", revision="v2")
    assert asked[0] == "some/model@v2"


def test_the_pipeline_answers_chats(saved: Path, pictures: list):
    pipe = pipeline("image-text-to-text", model=str(saved), device="cpu")
    message = {
        "role": "user",
        "content": [
            {"type": "image", "image": pictures[0]},
            {"type": "text", "text": "Describe this image."},
        ],
    }
    options = {"max_new_tokens": 4, "return_full_text": False, "generate_kwargs": {}}
    chats = [[message], [message]]
    answers = pipe(text=chats, **options)
    assert len(answers) == 2
    assert isinstance(answers[0][0]["generated_text"], str)

"""Parts that do not fit are refused before the first step, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from minigpt4.data.captions import clean_caption
from minigpt4.data.mixing import Mixture
from minigpt4.errors import SettingsError
from minigpt4.model.parts import ModelSettings, assemble, describe
from minigpt4.model.projection import mean_embedding_norm
from minigpt4.processing.conversation import Conversation, template_by_name, text_from_segments
from minigpt4.processing.processor import STAGE1_LAYOUT, TrainingLayout
from minigpt4.recipes.layouts import chat_layout
from minigpt4.recipes.pair_check import (
    check_answer_end,
    check_before_training,
    check_scale,
    check_template,
)
from minigpt4.recipes.sources import open_named
from recipes.tiny_parts import CHATML, write_data, write_llm, write_siglip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    write_data(folder, count=4)
    write_siglip(folder / "siglip")
    write_llm(folder / "qwen")
    return folder


@pytest.fixture
def pair(folder: Path) -> Callable[..., Any]:
    """The maker of a tiny pair; its arguments are settings."""

    def make(**given: Any) -> Any:
        values = {"vision_encoder": str(folder / "siglip"), "llm": str(folder / "qwen")}
        values |= {"use_qformer": False, "fresh_projection": True}
        settings = ModelSettings(**(values | given))
        return assemble(settings, device=torch.device("cpu"), dtype=torch.float32, seed=0)

    return make


@pytest.fixture
def mixture(folder: Path) -> Mixture:
    return Mixture([(open_named(str(folder / "align"), clean=False), 1.0)], batch_size=4, seed=0)


def test_the_layout_is_the_chat_template_with_a_place_for_the_question(
    pair: Callable[..., Any],
) -> None:
    processor = pair().processor
    layout = chat_layout(processor, max_text_tokens=9)
    assert layout.template == "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
    assert (layout.end_sym, layout.max_text_tokens) == ("<|im_end|>", 9)
    asked = Conversation.ask("What is it?", object(), system="")
    chat = template_by_name("tokenizer", processor.tokenizer).render(asked)
    trained = layout.template.replace("{}", "<Img><ImageHere></Img> What is it?")
    assert text_from_segments(chat) == trained


def test_a_good_pair_passes_every_check(pair: Callable[..., Any], mixture: Mixture) -> None:
    model = pair()
    layout = chat_layout(model.processor, max_text_tokens=9)
    checks = check_before_training(model, layout, mixture, rescale=True)
    assert [check.name for check in checks if check.status == "problem"] == []
    assert {"template", "stop", "type", "scale"} <= {check.name for check in checks}


def test_a_template_that_hides_the_picture_is_refused(
    pair: Callable[..., Any], mixture: Mixture
) -> None:
    model = pair()
    model.processor.tokenizer.chat_template = CHATML.replace("m['content']", "'...'")
    assert check_template(model).status == "problem"
    with pytest.raises(SettingsError, match=r"template.*vicuna_v0_training"):
        check_before_training(model, STAGE1_LAYOUT, mixture, rescale=False)


def test_an_answer_that_nothing_ends_is_refused(pair: Callable[..., Any]) -> None:
    layout = TrainingLayout(template="Q: {} A: ", end_sym="~~", max_text_tokens=9)
    check = check_answer_end(pair(), layout)
    assert (check.status, "stops at '<|im_end|>'" in check.detail) == ("problem", True)


def test_half_precision_is_refused(pair: Callable[..., Any], mixture: Mixture) -> None:
    model = pair()
    model.llm.half()
    from minigpt4.recipes.pair_check import check_type

    check = check_type(model)
    assert check.status == "problem"
    assert "bfloat16" in check.remedy


def test_a_fresh_projection_comes_to_the_scale_of_words(
    pair: Callable[..., Any], mixture: Mixture
) -> None:
    model = pair()
    with torch.no_grad():
        for parameter in model.projection.parameters():
            parameter.mul_(50.0)
    assert check_scale(model, mixture, rescale=False).status == "warn"
    model = pair()
    assert check_scale(model, mixture, rescale=True).status == "ok"
    pixels = model.processor.pixel_values([e.image for e in mixture.draw(0).examples])
    length = model.get_image_features(pixels).norm(dim=-1).mean().item()
    assert length == pytest.approx(mean_embedding_norm(model.get_input_embeddings()), rel=1e-3)


def test_without_a_chat_template_the_llm_gets_vicunas(
    pair: Callable[..., Any], tmp_path: Path
) -> None:
    write_llm(tmp_path / "plain", chat_template=None)
    model = pair(llm=str(tmp_path / "plain"))
    assert model.config.template == "vicuna_v0_training"
    assert chat_layout(model.processor, max_text_tokens=9).end_sym == "###"


def test_the_description_of_a_model_is_that_of_the_model_built(pair: Callable[..., Any]) -> None:
    model = pair(patches_per_token=2)
    settings = ModelSettings(
        vision_encoder=model.frozen_sources["vision_encoder"][0].path,
        llm=model.frozen_sources["llm"][0].path, use_qformer=False, patches_per_token=2,
    )  # fmt: skip
    described = describe(settings)
    assert described.num_image_tokens == model.config.num_image_tokens == 8
    assert described.projection_in_features == model.projection.in_features


def test_a_missing_part_is_named(pair: Callable[..., Any]) -> None:
    with pytest.raises(SettingsError, match=r"model\.llm is not named"):
        pair(llm="")
    with pytest.raises(SettingsError, match=r"model\.use_qformer=false"):
        pair(use_qformer=None)
    with pytest.raises(SettingsError, match="no BLIP-2"):
        pair(use_qformer=True, qformer=pair().frozen_sources["llm"][0].path)


def test_captions_are_cleaned_only_where_it_is_asked_for(folder: Path) -> None:
    cleaned = open_named(str(folder / "laion"), clean=True)[0].turns[0].answer
    assert cleaned == clean_caption(cleaned)

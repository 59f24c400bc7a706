"""The miniature's recipes, end to end at a size that trains in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from minigpt4.data.drawn import load_pictures
from minigpt4.errors import SettingsError
from minigpt4.model.loading import load
from minigpt4.recipes import miniature
from minigpt4.recipes.miniature_frozen import begin_with
from minigpt4.recipes.miniature_llm import LLMSettings
from minigpt4.recipes.miniature_qformer import QFormerSettings, QFormerTask, encode_all
from minigpt4.recipes.miniature_release import join_frozen, release
from minigpt4.recipes.miniature_stages import starting_point
from minigpt4.recipes.miniature_vision import VisionSettings, epoch_indices
from minigpt4.world.language import prompts

TINY_LLM = LLMSettings(
    hidden_size=80, num_layers=2, num_heads=5, intermediate_size=48, vocab_size=600,
    tokens_per_batch=512, tokenizer_documents=40,
)  # fmt: skip
TINY_EYES = VisionSettings(
    hidden_size=32, num_layers=1, num_heads=2, intermediate_size=16, teacher_channels=(4, 4, 8)
)
TINY_QFORMER = QFormerSettings(
    hidden_size=32, num_layers=2, num_heads=2, intermediate_size=16, num_query_tokens=4
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All four recipes, one after the other, as a person would run them."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGPT4_CACHE", str(folder / "cache"))
        llm = replace(miniature.miniature_llm(), num_steps=4, batch_size=512, llm=TINY_LLM)
        miniature.run(llm, out=folder / "llm", resume=False, device="cpu")
        vision = replace(
            miniature.miniature_vision(), num_steps=2, weak_llm_steps=2,
            teacher_steps=2, vision_encoder_steps=2, vision_encoder_finish_steps=2, num_pictures=8,
            num_validation_pictures=8, batch_size=8,
            tokenizer=str(folder / "llm" / "tokenizer"), vision=TINY_EYES, qformer=TINY_QFORMER,
            weak_llm=replace(TINY_LLM, small_corpus=True),
        )  # fmt: skip
        miniature.run(vision, out=folder / "vision", resume=False, device="cpu")
        join_frozen(
            llm=folder / "llm" / "model", vision=folder / "vision" / "model", out=folder / "joined"
        )
        for name, start in (("stage1", folder / "joined"), ("stage2", folder / "stage1" / "model")):
            experiment = getattr(miniature, f"miniature_{name}")()
            experiment = replace(
                experiment, num_steps=2, batch_size=4, num_pictures=8, num_validation_pictures=8,
                start=str(start),
            )  # fmt: skip
            miniature.run(experiment, out=folder / name, resume=False, device="cpu")
    return folder


def test_both_stages_change_only_the_projection(runs: Path):
    joined, stage1 = load(runs / "joined"), load(runs / "stage1" / "model")
    stage2 = load(runs / "stage2" / "model")
    for before, after in ((joined, stage1), (stage1, stage2)):
        changed = {
            name
            for (name, old), new in zip(
                before.state_dict().items(), after.state_dict().values(), strict=True
            )
            if not torch.equal(old, new)
        }
        assert changed == {"projection.weight", "projection.bias"}


def test_the_qformer_of_the_baseline_goes_on_to_the_miniature(runs: Path):
    baseline, joined = load(runs / "vision" / "model"), load(runs / "joined")
    assert baseline.qformer is not None
    assert joined.qformer is not None
    for old, new in zip(baseline.qformer.parameters(), joined.qformer.parameters(), strict=True):
        assert torch.equal(old.bfloat16(), new.bfloat16())


def test_the_qformer_learns_from_the_loss_that_the_whole_model_has(runs: Path):
    model = load(runs / "vision" / "model")
    model.config.train_qformer = True
    pictures = load_pictures("train", 0, 8)
    tokens = encode_all(model.vision_encoder, pictures)
    task = QFormerTask(model, pictures, tokens, batch_size=4, seed=0, settings=TINY_QFORMER)
    batch = task.batch(0)
    indices = epoch_indices(8, 4, 0, seed=0)
    whole = model(
        input_ids=batch.input_ids,
        pixel_values=pictures.pixel_values(indices),
        labels=batch.labels,
    )
    # The task keeps what the encoder saw in bf16.
    assert torch.isclose(task.loss(batch).loss, whole.loss, rtol=5e-3)
    other = task.loss(replace(batch, vision_tokens=batch.vision_tokens.flip(0)))
    assert not torch.isclose(other.loss, whole.loss, rtol=1e-5)


def test_a_qformer_can_go_on_from_an_earlier_baseline(runs: Path):
    baseline, other = load(runs / "vision" / "model"), load(runs / "vision" / "model")
    assert baseline.qformer is not None
    assert other.query_tokens is not None
    before = [parameter.clone() for parameter in baseline.qformer.parameters()]
    with torch.no_grad():
        for parameter in baseline.qformer.parameters():
            parameter.zero_()
    begin_with(baseline, other)
    for old, new in zip(before, baseline.qformer.parameters(), strict=True):
        assert torch.equal(old, new)


def test_an_llm_that_goes_on_learning_begins_where_it_was(runs: Path, tmp_path: Path):
    earlier = runs / "llm" / "model"
    llm = replace(
        miniature.miniature_llm(), num_steps=1, batch_size=512, llm=TINY_LLM, start=str(earlier),
        peak_lr=1e-9,
    )  # fmt: skip
    miniature.run(llm, out=tmp_path / "llm", resume=False, device="cpu")
    folders = (earlier, tmp_path / "llm" / "model")
    old, new = (AutoModelForCausalLM.from_pretrained(folder) for folder in folders)
    for before, after in zip(old.parameters(), new.parameters(), strict=True):
        assert torch.allclose(before, after, atol=1e-6)
    assert len({(folder / "tokenizer.json").read_text() for folder in folders}) == 1


def test_an_llm_that_cannot_go_on_is_refused(runs: Path, tmp_path: Path):
    wider = replace(TINY_LLM, intermediate_size=64)
    other = replace(miniature.miniature_llm(), num_steps=1, llm=wider)
    other = replace(other, start=str(runs / "llm" / "model"))
    with pytest.raises(SettingsError, match="other sizes"):
        miniature.run(other, out=tmp_path / "a", resume=False, device="cpu")
    with pytest.raises(SettingsError, match=r"nowhere is no folder of an LLM"):
        miniature.run(
            replace(other, start="nowhere"), out=tmp_path / "b", resume=False, device="cpu"
        )


def test_some_rows_ask_the_baseline_for_a_short_caption(runs: Path):
    model = load(runs / "vision" / "model")
    pictures = load_pictures("train", 0, 8)
    settings = replace(TINY_QFORMER, question_share=0.0, request_share=1.0)
    tokens = torch.zeros(8, 1, 1)
    task = QFormerTask(model, pictures, tokens, batch_size=8, seed=0, settings=settings)
    for row in task.batch(0).input_ids:
        text = model.processor.tokenizer.decode(row[row > 2])
        assert any(ask in text for ask in prompts.CAPTION), text


def test_a_qformer_of_another_size_is_refused(runs: Path):
    with pytest.raises(SettingsError, match="other sizes"):
        begin_with(load(runs / "vision" / "model"), load("miniature_blip2"))


def test_a_release_holds_both_stages_and_the_baseline(runs: Path, tmp_path: Path):
    release(
        stage1=runs / "stage1" / "model",
        stage2=runs / "stage2" / "model",
        baseline=runs / "vision" / "model",
        assets=tmp_path,
    )
    shipped = load(tmp_path / "miniature")
    first = load(tmp_path / "miniature_stage1")
    assert torch.equal(first.projection.weight, load(runs / "stage1" / "model").projection.weight)
    assert not torch.equal(first.projection.weight, shipped.projection.weight)
    assert (tmp_path / "miniature_blip2" / "llm").is_dir()
    assert not (tmp_path / "miniature_stage1" / "llm").exists()
    assert "photographs" in (tmp_path / "miniature" / "README.md").read_text(encoding="utf-8")


def test_a_stage_that_does_not_exist_is_refused():
    experiment = replace(miniature.miniature_stage1(), stage=3)
    with pytest.raises(SettingsError, match="stages 1 and 2"):
        starting_point(experiment)

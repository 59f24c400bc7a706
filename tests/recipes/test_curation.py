"""The paper's curation and the miniature's; stage 2 on what they export."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minigpt4.curation.describe import PROMPT
from minigpt4.curation.pictures import open_pile
from minigpt4.data.world import write_align_set
from minigpt4.errors import SettingsError
from minigpt4.recipes.curation import PRESETS, preset
from minigpt4.recipes.miniature import miniature_stage2
from minigpt4.recipes.miniature_stages import build_mixtures


def test_the_paper_s_settings_are_the_paper_s():
    settings = preset("paper").curation
    assert settings.limit == 5_000
    assert settings.describe.prompt == PROMPT
    assert settings.describe.continue_up_to_tokens == 80
    assert settings.rules.min_chars == 50
    assert settings.describe.generation.do_sample
    assert settings.describe.generation.seed is not None  # by chance, and yet repeatable


def test_the_miniature_s_pictures_are_training_pictures_that_no_other_part_has_seen():
    pile = open_pile(preset("miniature").curation.images)
    assert len(pile) == 5_000
    assert pile.key(0) == "train-30-000000"
    assert miniature_stage2().pictures_seed != 30


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(SettingsError, match=f"known: {', '.join(PRESETS)}"):
        preset("moon")


def test_stage_2_of_the_miniature_trains_on_an_exported_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT4_CACHE", str(tmp_path / "cache"))
    write_align_set(tmp_path / "data", split="train", seed=30, count=5)
    experiment = replace(
        miniature_stage2(), data=str(tmp_path / "data"), batch_size=5, num_validation_pictures=4
    )
    mixture, _ = build_mixtures(experiment)
    drawn = mixture.draw(0).examples
    assert sorted(example.key for example in drawn) == ["0", "1", "2", "3", "4"]
    assert all(example.turns[0].prompt == "" for example in drawn)  # one is drawn for each batch


def test_stage_2_of_the_miniature_trains_on_drawn_pictures_with_other_texts(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT4_CACHE", str(tmp_path / "cache"))
    experiment = replace(
        miniature_stage2(), data="world:clean?split=train&seed=20&count=4", batch_size=4,
        num_validation_pictures=4,
    )  # fmt: skip
    plain, described = build_mixtures(experiment)
    captions = [example.turns[0].answer for example in plain.draw(0).examples]
    descriptions = [example.turns[0].answer for example in described.draw(0).examples]
    assert max(map(len, captions)) < min(map(len, descriptions))

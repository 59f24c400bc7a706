"""The drawn world as data: captions and descriptions only, fixed, in official forms."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from minigpt4.data.cc_sbu_align import CcSbuAlign
from minigpt4.data.drawn import Pictures, draw_range
from minigpt4.data.mixing import Mixture
from minigpt4.data.shards import TarShards
from minigpt4.data.world import (
    STAGE1_RATIO,
    WorldSource,
    write_align_set,
    write_stage1_shards,
    write_text,
)
from minigpt4.errors import SettingsError
from minigpt4.evaluation.abilities import FULFILLED
from minigpt4.evaluation.truth import judge_description
from minigpt4.world.language.captions import OFF_TOPIC
from minigpt4.world.sample import sample_scene


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return Pictures("train", 5, np.stack(list(draw_range("train", 5, 0, 12))))


@pytest.mark.parametrize("write", ["web", "clean", "description", "narrative"])
def test_an_example_is_a_picture_and_one_text_without_a_prompt(pictures, write):
    source = WorldSource(pictures, write, 1)
    assert len(source) == 12
    for index in range(12):
        example = source[index]
        assert np.array_equal(np.asarray(example.image), pictures.pixels[index])
        assert [turn.prompt for turn in example.turns] == [""]
        assert example.turns[0].answer == write_text(
            pictures.scene(index), write, seed=1, index=index
        )
    assert len({source[index].key for index in range(12)}) == 12


def test_the_text_of_a_picture_is_fixed_by_seed_and_index(pictures):
    first, again = WorldSource(pictures, "web", 1), WorldSource(pictures, "web", 1)
    texts = [first[index].turns[0].answer for index in range(12)]
    assert [again[index].turns[0].answer for index in range(12)] == texts
    other = WorldSource(pictures, "web", 2)
    assert [other[index].turns[0].answer for index in range(12)] != texts


def test_no_picture_is_paired_with_a_composed_text():
    for index in range(80):
        scene = sample_scene("train", 5, index)
        for write in ("web", "clean", "description", "narrative"):
            text = write_text(scene, write, seed=5, index=index)
            assert "\n" not in text
            assert "<" not in text
            for ability, judge in FULFILLED.items():
                assert not judge(scene, text).fulfilled, (ability, text)


def test_descriptions_are_true_and_complete():
    for index in range(100):
        scene = sample_scene("train", 5, index)
        verdict = judge_description(scene, write_text(scene, "description", seed=5, index=index))
        assert verdict.recalled == verdict.expected
        assert verdict.complete
        assert not verdict.hallucinated


def test_an_unknown_writer_is_named(pictures):
    with pytest.raises(SettingsError, match="poem"):
        WorldSource(pictures, "poem", 0)


def test_the_source_ends_where_the_pictures_end(pictures):
    with pytest.raises(IndexError):
        WorldSource(pictures, "web", 0)[12]


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("shards")
    assert write_stage1_shards(out, split="train", seed=2, count=20) == {"laion": 18, "cc_sbu": 2}
    return out


def test_shards_are_read_back_as_they_were_written(shards):
    laion, cc_sbu = TarShards(shards / "laion"), TarShards(shards / "cc_sbu")
    assert (len(laion), len(cc_sbu)) == (18, 2)
    for source, write, start in ((laion, "web", 0), (cc_sbu, "clean", 18)):
        for offset in range(len(source)):
            index = start + offset
            example = source[offset]
            scene = sample_scene("train", 2, index)
            assert example.turns[0].answer == write_text(scene, write, seed=2, index=index)
            drawn = next(draw_range("train", 2, index, index + 1)).astype(float)
            # JPEG keeps a picture, not its bits.
            assert abs(np.asarray(example.image, dtype=float) - drawn).mean() < 6


def test_the_two_sources_can_be_mixed_by_the_official_ratio(shards):
    sources = [(TarShards(shards / name), ratio) for name, ratio in STAGE1_RATIO.items()]
    mixture = Mixture(sources, batch_size=2, seed=0)
    drawn = Counter(mixture.place(step)[0] for step in range(2000))
    assert drawn[0] / 2000 == pytest.approx(115 / 129, abs=0.03)
    assert len(mixture.draw(0).examples) == 2


def test_the_noisy_source_has_captions_off_topic_and_the_clean_one_has_none():
    scenes = [sample_scene("train", 2, index) for index in range(400)]
    texts = {
        write: [write_text(scene, write, seed=2, index=i) for i, scene in enumerate(scenes)]
        for write in ("web", "clean")
    }
    assert set(texts["web"]) & set(OFF_TOPIC)
    assert not any(phrase in text for text in texts["clean"] for phrase in OFF_TOPIC)


@pytest.mark.parametrize("count", [0, 1])
def test_two_sources_need_two_pairs(tmp_path, count):
    with pytest.raises(SettingsError, match="2 or more"):
        write_stage1_shards(tmp_path / "out", split="train", seed=0, count=count)


def test_an_align_set_is_read_back_as_it_was_written(tmp_path):
    steps = []
    write_align_set(
        tmp_path, split="train", seed=4, count=3, report=lambda *step: steps.append(step)
    )
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["filter_cap.json", "image"]
    source = CcSbuAlign(tmp_path)
    assert len(source) == 3
    for index in range(3):
        scene = sample_scene("train", 4, index)
        assert source[index].turns[0].answer == write_text(
            scene, "description", seed=4, index=index
        )


@pytest.mark.parametrize("write", [write_stage1_shards, write_align_set])
def test_a_folder_in_use_is_refused(tmp_path, write):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(SettingsError, match=r"not empty .*mine\.txt"):
        write(tmp_path, split="train", seed=0, count=2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_captions_of_the_same_scene_differ_with_the_seed():
    scene = sample_scene("train", 2, 0, kind="scene")
    texts = {write_text(scene, "clean", seed=seed, index=0) for seed in range(30)}
    assert len(texts) >= 5

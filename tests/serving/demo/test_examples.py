"""Examples are what the model describes truly; new pictures are not chosen."""

from __future__ import annotations

import json
import random

import pytest

from minigpt4.evaluation.truth import judge_description
from minigpt4.serving.demo import examples as examples_module
from minigpt4.serving.demo.examples import (
    TILES,
    choose_examples,
    draw_new,
    is_true,
    knows_drawn_world,
)
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import Scene

PRODUCT = sample_scene("test", 1, 0, kind="product")


def say(scene: Scene) -> str:
    """Describe a product truly."""
    thing = scene.objects[0]
    return f"The picture shows a single product. A {thing.color} {thing.kind} is in the center."


def test_a_true_description_is_true():
    assert is_true(judge_description(PRODUCT, say(PRODUCT)))


@pytest.mark.parametrize(
    "text",
    [
        say(PRODUCT).replace(PRODUCT.objects[0].color, "striped"),
        say(PRODUCT) + " A green dog is beside it.",
        say(PRODUCT).rstrip(".") + " and",
        "The picture shows a product.",
    ],
)
def test_a_description_with_a_fault_is_not(text: str):
    assert not is_true(judge_description(PRODUCT, text))


def fake_ask(sayings: dict[int, str]):
    """Answer truly about the products whose index is in `sayings`; otherwise wrongly."""

    def ask(model, questions):
        return [
            (say(each.scene) if each.index in sayings else "A blue dog sleeps.", True)
            for each in questions
        ]

    return ask


def test_an_example_is_one_that_is_described_truly(monkeypatch):
    monkeypatch.setattr(examples_module, "TILES", (("A product", "product"),))
    monkeypatch.setattr(examples_module, "ask", fake_ask({2: ""}))
    reported = []
    (example,) = choose_examples(None, counts=(4,), report=lambda *args: reported.append(args))
    stream = examples_module._STREAM + 1
    assert example.picture.scene == sample_scene("test", stream, 2, kind="product")
    assert reported == [(1, 1)]


def test_a_kind_never_described_truly_has_no_example(monkeypatch):
    monkeypatch.setattr(examples_module, "TILES", (("A product", "product"),))
    monkeypatch.setattr(examples_module, "ask", fake_ask({}))
    assert choose_examples(None, counts=(2, 4)) == []


def test_every_kind_of_picture_has_a_tile():
    assert {kind for _, kind in TILES} == {
        "scene", "incongruous", "dish", "product", "plant", "poster", "mockup",
    }  # fmt: skip


def test_new_pictures_differ():
    first, second = (draw_new(random.Random(seed)) for seed in (1, 2))
    assert first.scene != second.scene


@pytest.mark.parametrize(
    ("made", "knows"), [({"recipe": "miniature_stage1"}, True), ({"recipe": "vicuna_7b"}, False)]
)
def test_the_recipe_says_who_knows_the_drawn_world(tmp_path, made, knows: bool):
    (tmp_path / "experiment.json").write_text(json.dumps(made))
    assert knows_drawn_world(tmp_path) is knows


def test_a_model_of_unknown_making_does_not(tmp_path):
    assert not knows_drawn_world(tmp_path)

"""Names of served models: what a client or a visitor can tell them apart by."""

from __future__ import annotations

import pytest

from minigpt4.serving.names import distinct_names, model_name


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("/runs/stage2/model", "stage2"),
        ("/runs/minigpt4-7b", "minigpt4-7b"),
        ("miniature", "miniature"),
        ("somebody/minigpt4-7b@main", "minigpt4-7b"),
        ("/model", "model"),
        ("/", "model"),
    ],
)
def test_a_model_is_called_after_the_directory_that_says_something(model, name):
    assert model_name(model) == name


def test_a_relative_path_has_the_name_of_its_place(tmp_path, monkeypatch):
    (tmp_path / "stage1" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "stage1" / "model")
    assert model_name(".") == "stage1"


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (["/runs/stage1/model", "/runs/stage2/model"], ["stage1", "stage2"]),
        (["/a/stage1/model", "/b/stage1/model"], ["a/stage1", "b/stage1"]),
        (["/runs/miniature", "miniature"], ["runs/miniature", "miniature"]),
        (["miniature", "miniature"], ["miniature (1)", "miniature (2)"]),
    ],
)
def test_two_models_never_share_a_name(models, names):
    assert distinct_names(models) == names

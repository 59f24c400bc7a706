"""A scene says its truth; what does not apply is null."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from minigpt4.world.scene import Dish, Relation, Scene, SceneObject

TABLE = SceneObject(kind="table", color="blue", size="large", position="left")
CAT = SceneObject(kind="cat", color="red", size="small", position="left")
SCENE = Scene(
    kind="scene", seed=1, place="park", time="day", weather="clear", objects=(TABLE, CAT),
    relations=(Relation(subject=1, name="on", object=0),),
)  # fmt: skip


def test_the_truth_of_a_scene_names_objects_and_relations():
    assert SCENE.truth("000001.png") == {
        "image": "000001.png",
        "kind": "scene",
        "place": "park",
        "time": "day",
        "weather": "clear",
        "objects": [
            {"kind": "table", "color": "blue", "size": "large", "position": "left"},
            {"kind": "cat", "color": "red", "size": "small", "position": "left"},
        ],
        "relations": [
            {"subject": 1, "relation": "on", "object": 0, "text": "red cat on blue table"}
        ],
        "extra": None,
    }


def test_what_a_picture_does_not_show_is_null():
    truth = Scene(kind="dish", seed=1, extra=Dish(name="soup", ingredients=("corn",))).truth()
    nulls = {key for key, value in truth.items() if value is None}
    assert nulls == {"image", "place", "time", "weather", "objects", "relations"}
    assert truth["extra"] == {"name": "soup", "ingredients": ("corn",)}


def test_a_scene_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        SCENE.place = "city"  # pyright: ignore[reportAttributeAccessIssue]

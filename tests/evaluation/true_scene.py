"""A scene and a text that says all that is in it, for tests of those who judge by the truth."""

from __future__ import annotations

from minigpt4.world.scene import Relation, Scene, SceneObject

SCENE = Scene(
    kind="scene", seed=0, place="park", time="night", weather="rainy",
    objects=(
        SceneObject(kind="table", color="blue", size="large", position="left"),
        SceneObject(kind="cat", color="red", size="small", position="left"),
        SceneObject(kind="bus", color="white", size="large", position="right"),
    ),
    relations=(Relation(subject=1, name="on", object=0),),
)  # fmt: skip
TRUE_TEXT = (
    "The picture shows a rainy night in the park. On the left there is a small red cat on a large "
    "blue table. On the right stands a large white bus."
)

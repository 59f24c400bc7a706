"""The truth of one drawn picture, before its pixels.

A `Scene` says everything that can be asked about a picture; drawing and language both come from
it. `Scene.truth()` is the line that `minigpt4 world draw` writes to `truth.jsonl`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SceneKind = Literal["scene", "incongruous", "dish", "product", "plant", "poster", "mockup"]
SCENE_KINDS: tuple[SceneKind, ...] = (
    "scene",
    "incongruous",
    "dish",
    "product",
    "plant",
    "poster",
    "mockup",
)
RelationName = Literal["left of", "right of", "on", "under", "next to"]


@dataclass(frozen=True, kw_only=True)
class SceneObject:
    """One thing in a picture: what the picture shows of it."""

    kind: str
    color: str
    size: str
    position: str


@dataclass(frozen=True, kw_only=True)
class Relation:
    """`objects[subject]` stands in relation `name` to `objects[object]` (indices)."""

    subject: int
    name: RelationName
    object: int


@dataclass(frozen=True, kw_only=True)
class Dish:
    """A dish seen from above, with its visible ingredients. Also which vessel holds it."""

    name: str
    ingredients: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Illness:
    """What is wrong with a plant: the illness and what one sees of it."""

    name: str
    symptom: str


@dataclass(frozen=True, kw_only=True)
class Poster:
    """A poster of one of the world's own films; only the emblem and ground are drawn."""

    film: str
    ground: str


@dataclass(frozen=True, kw_only=True)
class Mockup:
    """A hand-drawn sketch of a web page."""

    color: str
    num_buttons: int
    has_image_box: bool
    num_list_items: int


@dataclass(frozen=True, kw_only=True)
class Incongruity:
    """Why an incongruous scene is odd: `subject` and `setting` are objects or a place."""

    rule: str
    subject: str
    setting: str


Extra = Dish | Illness | Poster | Mockup | Incongruity


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything true of one picture.

    `place`, `time` and `weather` are None where the picture shows none (dish, product, plant,
    poster, mock-up). `seed` also drives what the truth does not name: pose, shade, noise.
    """

    kind: SceneKind
    seed: int
    place: str | None = None
    time: str | None = None
    weather: str | None = None
    objects: tuple[SceneObject, ...] = ()
    relations: tuple[Relation, ...] = field(default=())
    extra: Extra | None = None

    def truth(self, image: str | None = None) -> dict[str, Any]:
        """Return the JSON line of this scene; fields that don't apply are None."""
        relations = [
            {
                "subject": relation.subject,
                "relation": relation.name,
                "object": relation.object,
                "text": self.relation_text(relation),
            }
            for relation in self.relations
        ]
        return {
            "image": image,
            "kind": self.kind,
            "place": self.place,
            "time": self.time,
            "weather": self.weather,
            "objects": [asdict(thing) for thing in self.objects] or None,
            "relations": relations or None,
            "extra": None if self.extra is None else asdict(self.extra),
        }

    def relation_text(self, relation: Relation) -> str:
        """Say a relation in words, e.g. `red cat on blue table`."""
        first, second = self.objects[relation.subject], self.objects[relation.object]
        return f"{first.color} {first.kind} {relation.name} {second.color} {second.kind}"

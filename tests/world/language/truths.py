"""What any text must be that claims to say everything about a scene."""

from __future__ import annotations

from minigpt4.evaluation.truth import judge_description
from minigpt4.world.scene import Scene


def assert_true_and_complete(scene: Scene, text: str) -> None:
    verdict = judge_description(scene, text)
    assert verdict.recalled == verdict.expected, text
    assert not verdict.hallucinated, text
    assert not verdict.miscolored, text
    assert not verdict.false_relations, text
    assert verdict.complete, (verdict.fault, text)
    rights = (verdict.place_right, verdict.time_right, verdict.weather_right)
    assert rights == ((True,) * 3 if scene.place else (None,) * 3), text
    assert verdict.extra_right is not False, text

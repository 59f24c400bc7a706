"""The drawn world's own truth in the place of the person who reviews descriptions.

Only for drawn pictures, whose truth is known. Its verdicts carry the judge "truth", so that no
reader of the data takes them for a person's.

Paper: §3.2 (a person checks each description against its image).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minigpt4.curation.draft import CHECKER, TRUTH, Draft, Verdict, utc_now
from minigpt4.errors import DataError
from minigpt4.evaluation.details import false_detail
from minigpt4.evaluation.truth import DescriptionVerdict, judge_description
from minigpt4.evaluation.wording import sentences_of
from minigpt4.world.scene import (
    Dish,
    Extra,
    Illness,
    Incongruity,
    Mockup,
    Poster,
    Relation,
    Scene,
    SceneObject,
)

_Details = Callable[[Scene, str], str]
_EXTRAS: dict[str, type] = {
    "dish": Dish,
    "plant": Illness,
    "poster": Poster,
    "mockup": Mockup,
    "incongruous": Incongruity,
}


def scene_of(truth: Mapping[str, Any]) -> Scene:
    """Return the scene of which `Scene.truth` gave these values.

    Raises:
        DataError: for values that are no scene's.
    """
    try:
        extra: Extra | None = None
        if truth["extra"] is not None:
            values = dict(truth["extra"])
            if "ingredients" in values:
                values["ingredients"] = tuple(values["ingredients"])
            extra = _EXTRAS[truth["kind"]](**values)
        return Scene(
            kind=truth["kind"],
            seed=0,  # pose and noise, which no text speaks of
            place=truth["place"],
            time=truth["time"],
            weather=truth["weather"],
            objects=tuple(SceneObject(**each) for each in truth["objects"] or ()),
            relations=tuple(
                Relation(subject=each["subject"], name=each["relation"], object=each["object"])
                for each in truth["relations"] or ()
            ),
            extra=extra,
        )
    except (KeyError, TypeError) as error:
        raise DataError(f"no truth of a drawn scene: {error!r}: {str(truth)[:80]}") from error


def truth_verdict(
    draft: Draft, *, min_recall: float, details: bool = True, may_edit: bool = False
) -> Verdict | None:
    """Accept a true description that names enough, reject any other; None for other pictures.

    A person would let no false word pass, but would not miss what isn't said: a description needs
    to name only `min_recall` of the things in the picture.

    Args:
        details: look at sizes, sides, what stands on what, and counts too.
        may_edit: first remove false and repeated sentences, as the paper's person did, if what is
            left is worth accepting.
    """
    if draft.truth is None:
        return None
    scene = scene_of(draft.truth)
    look_at = false_detail if details else _no_detail
    fault = _fault(scene, draft.text, min_recall, look_at)
    if fault and may_edit:
        shorter = _without_false_sentences(scene, draft.text, look_at)
        if not _fault(scene, shorter, min_recall, look_at):
            return Verdict(
                decision="edit",
                reason=f"without {fault}",
                judge=TRUTH,
                at=utc_now(),
                text=shorter,
            )
    return Verdict(
        decision="reject" if fault else "accept", reason=fault, judge=TRUTH, at=utc_now()
    )


def unfound_by_truth(draft: Draft) -> Verdict | None:
    """Flag the things a text names that the drawn picture does not show, for a person to see."""
    if draft.truth is None:
        return None
    said = judge_description(scene_of(draft.truth), draft.text)
    things = [" ".join(filter(None, (color, kind))) for kind, color in said.hallucinated]
    if not things:
        return None
    return Verdict(
        decision="flag",
        reason=f"not in the picture: {', '.join(things)}",
        judge=f"{CHECKER}truth",
        at=utc_now(),
    )


def _no_detail(scene: Scene, text: str) -> str:
    return ""


def _without_false_sentences(scene: Scene, text: str, look_at: _Details) -> str:
    """Drop what is false by itself, and what was said before."""
    kept: list[str] = []
    for sentence in sentences_of(text):
        said = judge_description(scene, sentence)
        false = said.hallucinated or said.miscolored or said.false_relations
        if not false and not look_at(scene, sentence) and sentence not in kept:
            kept.append(sentence)
    return " ".join(kept)


def _fault(scene: Scene, text: str, min_recall: float, look_at: _Details) -> str:
    """Return what is wrong; the words before the colon are for counting."""
    said = judge_description(scene, text)
    if fault := _false_or_broken(said):
        return fault
    if wrong := look_at(scene, text):
        return f"a wrong detail: {wrong}"
    if len(said.recalled) < min_recall * len(said.expected):
        missing = tuple(each for each in said.expected if each not in said.recalled)
        return f"too little is named: no {_named(missing)}"
    return ""


def _false_or_broken(said: DescriptionVerdict) -> str:
    if said.hallucinated:
        return f"something that is not there: {_named(said.hallucinated)}"
    if said.miscolored:
        return f"a wrong colour: {_named(said.miscolored)}"
    if said.false_relations:
        return f"a wrong relation: {said.false_relations[0]}"
    rights = {
        "the place": said.place_right,
        "the time of day": said.time_right,
        "the weather": said.weather_right,
        "what is special": said.extra_right,
    }
    for what, right in rights.items():
        if right is False:
            return f"{what} is wrong or missing"
    if not said.complete:
        return f"broken language: {said.fault}"
    return ""


def _named(things: tuple[tuple[str, str | None], ...]) -> str:
    return ", ".join(" ".join(filter(None, (color, kind))) for kind, color in things)

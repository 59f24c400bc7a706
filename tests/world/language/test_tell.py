"""A told scene holds all that its picture shows, and nothing that only text knows."""

from __future__ import annotations

import random
import re

import pytest

from minigpt4.evaluation.truth import objects_named
from minigpt4.world.knowledge import FILMS
from minigpt4.world.language.tell import MAX_PLACES, tell, tell_in_places
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import SCENE_KINDS, Dish, Illness, Mockup, Poster

STYLES = ("compact", "shuffled", "prose")


def told(kind, style, count=60):
    for index in range(count):
        scene = sample_scene("test", 6, index, kind=kind)
        yield scene, tell(scene, random.Random(index), style=style)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_everything_a_picture_shows_is_told(kind, style):
    for scene, text in told(kind, style):
        words = text.replace(",", " ").split()
        shown = {scene.place, scene.time, scene.weather} - {None}
        for thing in scene.objects:
            assert f"{thing.size} {thing.color} {thing.kind}" in text
            if scene.place is not None:
                shown.add(thing.position)
        match scene.extra:
            case Dish(name=name, ingredients=ingredients):
                shown |= {name, *ingredients}
            case Illness(symptom=symptom):
                shown |= set(symptom.split())
            case Poster(ground=ground):
                shown.add(ground)
            case Mockup(color=color):
                shown.add(color)
        assert shown <= set(words), text


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", ["scene", "incongruous", "plant", "poster", "product"])
def test_nothing_is_told_that_is_not_there(kind, style):
    for scene, text in told(kind, style):
        assert set(objects_named(text)) == {(thing.kind, thing.color) for thing in scene.objects}


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_places_together_hold_what_the_compact_telling_holds(kind):
    for index in range(60):
        scene = sample_scene("test", 6, index, kind=kind)
        places = tell_in_places(scene, random.Random(index))
        assert len(places) <= MAX_PLACES
        wanted = set(re.findall(r"\w+", tell(scene))) - {"it"}
        assert set(" ".join(places).split()) == wanted


@pytest.mark.parametrize("kind", ["scene", "incongruous", "plant", "poster", "product"])
def test_each_place_speaks_of_one_thing_whatever_the_order_of_its_words(kind):
    for index in range(60):
        scene = sample_scene("test", 6, index, kind=kind)
        for place in tell_in_places(scene, random.Random(index)):
            words = set(place.split())
            there = [thing for thing in scene.objects if {thing.kind, thing.color} <= words]
            assert len({(thing.kind, thing.color) for thing in there}) <= 1
            for thing in there[:1]:
                others = {other.size for other in scene.objects} - {
                    other.size
                    for other in scene.objects
                    if (other.kind, other.color) == (thing.kind, thing.color)
                }
                assert not words & others


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_facts_that_no_picture_shows_are_not_told(kind):
    hidden = [fact for film in FILMS for fact in (film.title, film.director, str(film.year))]
    for scene, text in told(kind, "prose"):
        assert not any(fact in text for fact in hidden)
        if isinstance(scene.extra, Illness) and scene.extra.name not in scene.extra.symptom:
            assert not re.search(rf"\b{scene.extra.name}\b", text)


def test_the_compact_form_is_one_and_the_others_vary():
    scene = sample_scene("test", 6, 1, kind="scene")
    forms = {
        style: {tell(scene, random.Random(n), style=style) for n in range(30)} for style in STYLES
    }
    assert forms["compact"] == {tell(scene)}
    assert len(forms["shuffled"]) > 3
    assert len(forms["prose"]) > 1


def test_compact_tellings_of_different_scenes_differ():
    scenes = [sample_scene("test", 6, index, kind="scene") for index in range(200)]
    assert len({tell(scene) for scene in scenes}) >= 199

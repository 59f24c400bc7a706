"""The composed texts are faithful, varied, short and in the world's own small vocabulary."""

from __future__ import annotations

import random
import re

import pytest

from minigpt4.evaluation.truth import judge_description, objects_named
from minigpt4.world.knowledge import CURES, FILMS, PLOTS, RIDE_REASONS, RIDERS
from minigpt4.world.language.compose_advertisement import advertisement
from minigpt4.world.language.compose_correction import broken
from minigpt4.world.language.compose_cure import cure
from minigpt4.world.language.compose_explanation import explanation
from minigpt4.world.language.compose_film import film_facts
from minigpt4.world.language.compose_page import page
from minigpt4.world.language.compose_poem import poem
from minigpt4.world.language.compose_prompts import PROMPTS
from minigpt4.world.language.compose_recipe import recipe
from minigpt4.world.language.compose_story import story
from minigpt4.world.language.descriptions import description
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import SCENE_KINDS, Dish, Mockup, SceneKind
from minigpt4.world.vocabulary import ILLNESSES, INGREDIENTS

COMPOSERS = {
    "poem": poem, "story": story, "advertisement": advertisement, "recipe": recipe,
    "explanation": explanation, "cure": cure, "film_facts": film_facts, "page": page,
}  # fmt: skip
OWN_KIND: dict[str, SceneKind] = {
    "recipe": "dish", "cure": "plant", "film_facts": "poster", "page": "mockup",
    "explanation": "incongruous",
}  # fmt: skip


def scenes(kind, count=60, seed=3):
    return [sample_scene("train", seed, index, kind=kind) for index in range(count)]


@pytest.mark.parametrize("ability", COMPOSERS)
@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_no_text_names_an_object_that_is_not_there(ability, kind):
    for index, scene in enumerate(scenes(kind)):
        text = COMPOSERS[ability](scene, random.Random(index))
        title = getattr(scene.extra, "film", "~")
        here = {item.kind for item in scene.objects}
        assert {name for name, _ in objects_named(text.replace(title, ""))} <= here, text


@pytest.mark.parametrize("ability", COMPOSERS)
@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_texts_are_plain_ascii_without_open_slots(ability, kind):
    for index, scene in enumerate(scenes(kind, 20)):
        text = COMPOSERS[ability](scene, random.Random(index))
        assert text.isascii()
        assert not any(sign in text for sign in ("###", "{", "  "))
        assert text[0].isupper() or text[0] == "<"
        assert len(text.split()) <= 110


@pytest.mark.parametrize("ability", ["poem", "story", "advertisement"])
@pytest.mark.parametrize("kind", ["scene", "incongruous", "product", "plant", "poster"])
def test_a_text_names_an_object_with_its_colour(ability, kind):
    for index, scene in enumerate(scenes(kind)):
        text = COMPOSERS[ability](scene, random.Random(index))
        pairs = {(item.kind, item.color) for item in scene.objects}
        assert pairs & set(objects_named(text)), text


@pytest.mark.parametrize("ability", COMPOSERS)
def test_one_scene_is_worded_in_many_ways(ability):
    kind = OWN_KIND.get(ability, "scene")
    scene = sample_scene("train", 3, 1, kind=kind)
    texts = {COMPOSERS[ability](scene, random.Random(seed)) for seed in range(40)}
    assert len(texts) >= 20


def test_the_same_seed_writes_the_same_text():
    scene = sample_scene("train", 3, 1, kind="scene")
    assert poem(scene, random.Random(5)) == poem(scene, random.Random(5))


def test_a_recipe_uses_the_visible_ingredients_and_no_other():
    for index, scene in enumerate(scenes("dish", 200)):
        text = recipe(scene, random.Random(index))
        assert isinstance(scene.extra, Dish)
        named = set(re.findall("|".join(INGREDIENTS), text.lower()))
        assert named == set(scene.extra.ingredients)
        steps = [line for line in text.splitlines() if re.match(r"\d\. ", line)]
        assert len(steps) == len(named) + 2
        assert named == set(re.findall("|".join(INGREDIENTS), "\n".join(steps).lower()))


def test_a_page_has_exactly_what_the_sketch_shows():
    for index, scene in enumerate(scenes("mockup", 100)):
        text, sketch = page(scene, random.Random(index)), scene.extra
        assert isinstance(sketch, Mockup)
        assert text.count("<button") == text.count("</button>") == sketch.num_buttons
        assert text.count("<li>") == sketch.num_list_items
        assert text.count("<img ") == int(sketch.has_image_box)
        assert text.count(f'style="color: {sketch.color}"') == 1


def test_the_lines_of_a_poem_rhyme_whatever_the_scene_holds():
    ends = {}
    for index, scene in enumerate(scenes("scene", 300)):
        lines = poem(scene, random.Random(index)).splitlines()
        assert len(lines) in (4, 6, 8)
        for first, second in zip(lines[::2], lines[1::2], strict=True):
            last = tuple(re.findall(r"[a-z]+", line)[-1] for line in (first, second))
            ends[last] = ends.get(last, 0) + 1
    assert len(ends) < 40  # rhyme pairs are the templates' own: none ends in a scene's word


def test_every_illness_film_and_rider_has_its_facts():
    assert set(CURES) == set(ILLNESSES)
    assert set(PLOTS) == {film.title for film in FILMS}
    assert set(RIDE_REASONS) == set(RIDERS)
    assert len({facts.name for facts in CURES.values()}) == len(CURES)


def test_both_wordings_of_a_treatment_hold_its_sign():
    for facts in CURES.values():
        for sign, wordings in zip(facts.signs, facts.steps, strict=True):
            assert all(sign in wording for wording in wordings), facts.name


def test_a_broken_paragraph_is_judged_incomplete_and_its_source_complete():
    caught = 0
    for index, scene in enumerate(scenes("scene", 200)):
        text = description(scene, random.Random(index))
        damaged = broken(text, random.Random(index))
        assert damaged != text
        assert judge_description(scene, text).complete
        caught += not judge_description(scene, damaged).complete
    assert caught >= 190


def test_a_broken_paragraph_loses_nothing_that_is_true():
    for index, scene in enumerate(scenes("scene", 100)):
        text = description(scene, random.Random(index))
        assert set(text.split()) <= set(broken(text, random.Random(index)).split())


def test_prompts_are_varied_and_hold_the_papers_own():
    assert set(PROMPTS) == {*COMPOSERS, "correction"}
    assert all(len(set(prompts)) == len(prompts) >= 10 for prompts in PROMPTS.values())
    assert "Explain why this meme is funny." in PROMPTS["explanation"]
    assert "How should I make something like this?" in PROMPTS["recipe"]
    assert "Help me draft a professional advertisement for this." in PROMPTS["advertisement"]
    assert "Can you craft a beautiful poem about this image?" in PROMPTS["poem"]
    assert "Can you write a beautiful poem about this image?" in PROMPTS["poem"]
    assert PROMPTS["correction"][0].startswith("Fix the error in the given paragraph. ")


def test_the_composed_language_keeps_to_a_small_vocabulary():
    words = {word for prompts in PROMPTS.values() for word in _words(" ".join(prompts))}
    for kind in SCENE_KINDS:
        for index, scene in enumerate(scenes(kind, 100)):
            for compose in COMPOSERS.values():
                words |= _words(compose(scene, random.Random(index)))
            words |= _words(description(scene, random.Random(index)))
    assert len(words) <= 1_000


def _words(text):
    return set(re.findall(r"[a-z0-9']+", text.lower()))

"""The judge of composed answers agrees with the world and catches false ones."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from minigpt4.evaluation.abilities import FULFILLED
from minigpt4.world.knowledge import CURES
from minigpt4.world.language.compose_advertisement import advertisement
from minigpt4.world.language.compose_cure import cure
from minigpt4.world.language.compose_explanation import explanation
from minigpt4.world.language.compose_film import film_facts
from minigpt4.world.language.compose_page import page
from minigpt4.world.language.compose_poem import poem
from minigpt4.world.language.compose_recipe import recipe
from minigpt4.world.language.compose_story import story
from minigpt4.world.language.descriptions import description
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import (
    SCENE_KINDS,
    Dish,
    Illness,
    Incongruity,
    Relation,
    Scene,
    SceneKind,
    SceneObject,
)

COMPOSERS = {
    "poem": poem, "story": story, "advertisement": advertisement, "recipe": recipe,
    "explanation": explanation, "cure": cure, "film_facts": film_facts, "page": page,
}  # fmt: skip
ONLY_KIND: dict[str, SceneKind] = {
    "recipe": "dish",
    "cure": "plant",
    "film_facts": "poster",
    "page": "mockup",
}
CASES = [
    (ability, kind)
    for ability in COMPOSERS
    for kind in SCENE_KINDS
    if ONLY_KIND.get(ability, kind) == kind
]
FISH = SceneObject(kind="fish", color="red", size="small", position="left")
BICYCLE = SceneObject(kind="bicycle", color="blue", size="large", position="left")
RIDE = Scene(
    kind="incongruous", seed=0, place="park", time="day", weather="clear",
    objects=(BICYCLE, FISH), relations=(Relation(subject=1, name="on", object=0),),
    extra=Incongruity(rule="ride", subject="fish", setting="bicycle"),
)  # fmt: skip
SOUP = Scene(kind="dish", seed=0, extra=Dish(name="soup", ingredients=("tomato", "corn")))
SOUP_RECIPE = (
    "Soup with tomato and corn\nIngredients: tomato, corn.\n1. Cut the tomato.\n2. Cook the corn.\n"
    "3. Boil all in water.\n4. Serve the soup."
)
SICK = Scene(
    kind="plant", seed=0,
    objects=(SceneObject(kind="flower", color="red", size="large", position="center"),),
    extra=Illness(name="spots", symptom="brown spots"),
)  # fmt: skip
POSTER = next(
    scene
    for scene in (sample_scene("test", 1, index, kind="poster") for index in range(200))
    if getattr(scene.extra, "film", "") == "Bird Song"
)
FACTS = "This is Bird Song. Peter Holm made this romance in 2014. It stars Tessa Moor."


@pytest.mark.parametrize(("ability", "kind"), CASES)
def test_the_worlds_own_answers_pass(ability, kind):
    for index in range(300):
        scene = sample_scene("test", 21, index, kind=kind)
        text = COMPOSERS[ability](scene, random.Random(index))
        verdict = FULFILLED[ability](scene, text)
        assert verdict.passed, (verdict.reason, text)


@pytest.mark.parametrize(("ability", "kind"), CASES)
def test_answers_about_another_scene_fail(ability, kind):
    passed = 0
    for index in range(100):
        scene = sample_scene("test", 21, index, kind=kind)
        other = sample_scene("test", 22, index, kind=kind)
        text = COMPOSERS[ability](other, random.Random(index))
        passed += FULFILLED[ability](scene, text).passed
    assert passed <= 20  # sketches and posters often agree in all that an answer says


@pytest.mark.parametrize(("ability", "kind"), CASES)
def test_a_true_description_is_no_answer(ability, kind):
    for index in range(60):
        scene = sample_scene("test", 21, index, kind=kind)
        text = description(scene, random.Random(index))
        assert not FULFILLED[ability](scene, text).fulfilled, text


@pytest.mark.parametrize("ability", FULFILLED)
def test_an_empty_answer_fails_and_says_why(ability):
    kind = ONLY_KIND.get(ability, "incongruous")
    verdict = FULFILLED[ability](sample_scene("test", 1, 1, kind=kind), "")
    assert not verdict.fulfilled
    assert verdict.reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("red fish", "green fish"),
        ("red fish", "red cat"),
        ("hands", "wings"),
        ("on a blue bicycle", "here"),
        ("Nobody expects this.", "It would melt."),
        ("in the park", "in the city"),
        ("Nobody expects this.", "Nobody expects this"),
    ],
)
def test_a_false_or_poor_explanation_fails(old, new):
    text = (
        "We see a red fish on a blue bicycle in the park. A fish has no hands to drive. "
        "Nobody expects this."
    )
    assert FULFILLED["explanation"](RIDE, text).passed
    changed = text.replace(old, new)
    assert not FULFILLED["explanation"](RIDE, changed).passed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("corn.\n1", "corn, lemon.\n1"),
        ("2. Cook the corn.\n", ""),
        ("Boil all", "Boil all with cheese"),
        ("3. Boil all in water.\n4. Serve the soup.", "Serve the soup."),
        ("oup", "tew"),
        ("Ingredients: tomato, corn.", "Ingredients: onion."),
    ],
)
def test_a_recipe_with_wrong_ingredients_or_without_steps_fails(old, new):
    assert FULFILLED["recipe"](SOUP, SOUP_RECIPE).passed
    assert not FULFILLED["recipe"](SOUP, SOUP_RECIPE.replace(old, new)).passed


@pytest.mark.parametrize("illness", [name for name in CURES if name != "spots"])
def test_the_treatment_of_another_illness_fails(illness):
    other = replace(SICK, extra=Illness(name=illness, symptom="brown spots"))
    for seed in range(20):
        text = cure(other, random.Random(seed))
        assert not FULFILLED["cure"](SICK, text.replace(CURES[illness].name, "leaf blight")).true


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2014", "2013"),
        ("2014", "that year"),
        ("Peter Holm", "Lena Ross"),
        ("Peter Holm", "Somebody"),
        ("Bird Song", "The Lantern"),
        ("romance", "horror"),
        ("Tessa Moor", "Otto Lind"),
        ("This is", "A red dog is on"),
    ],
)
def test_a_wrong_fact_about_a_film_fails(old, new):
    assert FULFILLED["film_facts"](POSTER, FACTS).passed
    assert not FULFILLED["film_facts"](POSTER, FACTS.replace(old, new)).passed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</button>", ""),
        ("<button>", "<a>"),
        ("</html>", ""),
        ('style="color: ', 'style="color: light'),
        ("<h1", "<h2"),
        ("<body>", "<body>\n<li>more</li>"),
        ("<body>", "<body>\n<button>more</button>"),
        ("<body>", '<body>\n<img src="more.png">'),
    ],
)
def test_a_page_that_is_broken_or_not_as_sketched_fails(old, new):
    scene = sample_scene("test", 4, 2, kind="mockup")
    text = next(
        text
        for text in (page(scene, random.Random(seed)) for seed in range(50))
        if "<button>" in text
    )
    assert FULFILLED["page"](scene, text).passed
    assert not FULFILLED["page"](scene, text.replace(old, new, 1)).passed


@pytest.mark.parametrize(
    "line",
    [
        "The night is long.",
        "The rain is cold.",
        "A cat is here.",
        "The fish is blue.",
        "The red fish and the red fish, old friends, they say,",
    ],
)
def test_one_false_line_makes_a_poem_false(line):
    true = "I see a red fish,\nBright and long,\nI make a wish\nAnd sing a song."
    assert FULFILLED["poem"](RIDE, true).passed
    assert not FULFILLED["poem"](RIDE, f"{true}\n{line}").true

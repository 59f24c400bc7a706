"""Recipes: exactly the visible ingredients, then numbered steps that use each of them."""

from __future__ import annotations

import random

from minigpt4.world.language.compose_words import capital, say, shown
from minigpt4.world.language.words import join
from minigpt4.world.scene import Dish, Scene

PREPARATION: dict[str, tuple[str, ...]] = {
    "tomato": ("cut the tomato into slices", "wash and cut the tomato"),
    "egg": ("boil the egg for eight minutes", "boil the egg and cut it in half"),
    "corn": ("cook the corn until it is soft", "wash the corn"),
    "olive": ("cut the olive into rings", "add the olive"),
    "onion": ("peel and cut the onion", "fry the onion until it is golden"),
    "shrimp": ("fry the shrimp for three minutes", "wash the shrimp"),
    "pepper": ("wash and cut the pepper", "cut the pepper into rings"),
    "broccoli": ("cook the broccoli for five minutes", "wash and cut the broccoli"),
    "potato": ("peel and boil the potato", "cut the potato into small pieces"),
    "strawberry": ("wash the strawberry", "cut the strawberry in half"),
    "lemon": ("cut the lemon into thin slices", "press the juice out of the lemon"),
    "bean": ("boil the bean until it is soft", "wash the bean"),
}
_BASE: dict[str, tuple[str, ...]] = {
    "salad": ("put everything into a bowl and mix it with oil.",
              "mix all in a large bowl with oil and salt."),
    "soup": ("put everything into hot water and cook it for twenty minutes.",
             "cover all with water and let it boil for twenty minutes."),
    "pasta": ("boil the pasta in salt water and mix it with the rest.",
              "cook the pasta for ten minutes and put the rest on top."),
    "pie": ("put everything into the dough and bake it for forty minutes.",
            "fill the dough and bake the pie until it is golden."),
    "stew": ("put everything into a pot and cook it slowly for one hour.",
             "let all cook in a pot with a little water for one hour."),
    "sandwich": ("put everything between two slices of bread.",
                 "put butter on the bread and lay the rest between the slices."),
}  # fmt: skip
_SERVE = (
    "serve the {dish} and enjoy it.",
    "add a little salt and serve the {dish}.",
)
_TITLE = ("{dish} with {food}", "{food} {dish}", "how to make {dish} with {food}")
_LIST = ("Ingredients: {items}.", "You need: {items}.", "You will need: {items}.")


def recipe(scene: Scene, rng: random.Random) -> str:
    """Write the recipe of a dish scene: title, ingredients, a step for each, two more."""
    dish = scene.extra
    if not isinstance(dish, Dish):
        return no_recipe(scene, rng)
    names = list(dish.ingredients)
    lines = [
        say(rng, _TITLE, dish=dish.name, food=join(names)),
        say(rng, _LIST, items=", ".join(names)),
    ]
    # A step for each, in the order of the list: a small LLM loses count in any other way.
    steps = [f"{rng.choice(PREPARATION[name])}." for name in names]
    steps += [rng.choice(_BASE[dish.name]), rng.choice(_SERVE).format(dish=dish.name)]
    lines += [f"{number}. {capital(step)}" for number, step in enumerate(steps, 1)]
    return "\n".join(lines)


def no_recipe(scene: Scene, rng: random.Random) -> str:
    """Say that a picture shows no dish, and what it shows instead."""
    return say(
        rng,
        (
            "there is no dish here, only {shown}, so I know no recipe for it.",
            "this is not a dish. I see {shown} and no ingredients.",
        ),
        shown=shown(scene),
    )

"""Web pages from a sketch: a small valid HTML document with exactly what the sketch shows."""

from __future__ import annotations

import random

from minigpt4.world.language.compose_words import capital, named
from minigpt4.world.language.words import article, join
from minigpt4.world.scene import Mockup, Scene

_TITLES = ("My Page", "My Jokes", "Welcome", "Hello World", "Fun for All", "Joke of the Day")
_BUTTONS = ("Show", "Next", "More", "Send", "Start", "Help", "Yes", "No")
_ITEMS = (
    "What has words but never speaks? A page.",
    "What runs but never walks? Water.",
    "What goes up but never down? Your age.",
    "What can you break with one word? A promise.",
    "What gets wet while it dries? A cloth.",
    "What is always coming but never here? Tomorrow.",
    "What can you catch but not throw? A cold.",
    "Why is six afraid of seven? Seven ate nine.",
    "Read more",
    "About us",
    "News of the day",
    "Good morning",
)
_ALERTS = ("Hello!", "Thank you!", "Ha ha!")


def page(scene: Scene, rng: random.Random) -> str:
    """Write the HTML page of a mock-up: coloured header, image, list and buttons as sketched."""
    sketch = scene.extra
    if not isinstance(sketch, Mockup):
        return _page_about(scene, rng)
    lines = [f'<h1 style="color: {sketch.color}">{rng.choice(_TITLES)}</h1>']
    if sketch.has_image_box:
        lines.append('<img src="image.png">')
    if sketch.num_list_items:
        items = _in_order(_ITEMS, sketch.num_list_items, rng)
        lines += ["<ul>", *(f"<li>{item}</li>" for item in items), "</ul>"]
    alert = rng.random() < 0.3
    for label in _in_order(_BUTTONS, sketch.num_buttons, rng):
        action = f" onclick=\"alert('{rng.choice(_ALERTS)}')\"" if alert else ""
        lines.append(f"<button{action}>{label}</button>")
    return _document(lines)


def _in_order(texts: tuple[str, ...], count: int, rng: random.Random) -> list[str]:
    """Choose some texts and keep their order, so that none is easily written twice."""
    return [texts[place] for place in sorted(rng.sample(range(len(texts)), count))]


def _page_about(scene: Scene, rng: random.Random) -> str:
    """Write a page about a picture that is no sketch: its things as a list."""
    lines = [f"<h1>{rng.choice(_TITLES)}</h1>", '<img src="image.png">']
    names = [named(item) for item in scene.objects] or list(getattr(scene.extra, "ingredients", ()))
    lines.append(f"<p>The picture shows {join([article(name) for name in names])}.</p>")
    lines += ["<ul>", *(f"<li>{capital(name)}</li>" for name in names), "</ul>"]
    return _document(lines)


def _document(lines: list[str]) -> str:
    return "\n".join(("<html>", "<body>", *lines, "</body>", "</html>"))

"""The figures of the paper, by number: which models answer what, about which pictures.

    minigpt4 figure 4 --base miniature

Figure 1 is a drawing of the model; the others show answers. Where the paper has a photograph, the
drawn world has its counterpart: a film poster for a film's still, a dish for a meal, a sick plant,
a sketched page, a scene with a thing that does not belong for a meme.
"""

from __future__ import annotations

from minigpt4.errors import SettingsError
from minigpt4.evaluation.world_questions import DESCRIPTION
from minigpt4.recipes.figure import Figure, Panel
from minigpt4.recipes.row_models import (
    BEFORE_STAGE2,
    BLIP2,
    BLIP2_FT,
    LOCNA,
    MINIGPT4,
    NO_QFORMER,
)

_BOTH = (BLIP2, MINIGPT4)
_ALL = (BLIP2, BLIP2_FT, LOCNA, NO_QFORMER, MINIGPT4)

_DESCRIBE = Panel(
    title="Detailed description", ability=DESCRIPTION, prompt="Describe this image in detail."
)
_AD = Panel(
    title="Advertisement", ability="advertisement",
    prompt="Help me draft a professional advertisement for this.",
)  # fmt: skip
_MEME = Panel(
    title="What is funny", ability="explanation", prompt="Explain why this meme is funny."
)
_PAGE = Panel(title="A page from a sketch", ability="page", prompt="Write the HTML for this page.")
_POEM = Panel(
    title="Poem", ability="poem", prompt="Can you craft a beautiful poem about this image?"
)
_STORY = Panel(title="Story", ability="story", prompt="Write a story about this image.")
_FILM = Panel(title="Facts about a film", ability="film_facts", prompt="Tell me about this film.")
_RECIPE = Panel(title="Recipe", ability="recipe", prompt="How should I make something like this?")
_PLANT = Panel(
    title="Sick plant", ability="cure", prompt="What is wrong with my plant and what should I do?"
)
_PROBLEM = Panel(
    title="A problem and its solution", ability="cure",
    prompt="Why does my plant look like this? What should I do?",
)  # fmt: skip
_WHERE = Panel(
    title="Where things are", prompt="Where is the largest thing?", kind="scene", num_pictures=2
)

FIGURES: dict[int, Figure] = {
    figure.number: figure
    for figure in (
        Figure(number=2, title="Detailed descriptions", models=_BOTH, panels=(_DESCRIBE,)),
        Figure(number=3, title="Advertisements", models=_BOTH, panels=(_AD,)),
        Figure(
            number=4, title="Memes and pages: what each ingredient gives", models=_ALL,
            panels=(_MEME, _PAGE),
        ),
        Figure(
            number=5, title="Before and after stage 2", models=(BEFORE_STAGE2, MINIGPT4),
            panels=(_DESCRIBE, _POEM),
        ),
        Figure(
            number=6, title="Limits: made-up things, places in the picture", models=(MINIGPT4,),
            panels=(_DESCRIBE, _WHERE),
            note="The place of a thing is not judged here; the spatial questions of the findings "
            "are.",
        ),
        Figure(number=7, title="Advertisements", models=_BOTH, panels=(_AD,)),
        Figure(number=8, title="Facts", models=_BOTH, panels=(_FILM,)),
        Figure(number=9, title="Pages from sketches", models=_BOTH, panels=(_PAGE,)),
        Figure(
            number=10, title="Poems", models=_BOTH, panels=(_POEM, _STORY),
            note="The paper's figure shows a poem; stories, which it names in §4.1, are here too.",
        ),
        Figure(number=11, title="Recipes", models=_BOTH, panels=(_RECIPE,)),
        Figure(
            number=12, title="Plants", models=_BOTH, panels=(_PLANT, _PROBLEM),
            note="The paper's figure shows a sick plant. For a problem in a photo and its "
            "solution, which §4.1 names, the drawn world has nothing better than sick plants; the "
            "same ones are asked about in another way.",
        ),
        Figure(
            number=13, title="Recipes: what each ingredient gives", models=_ALL, panels=(_RECIPE,),
        ),
        Figure(
            number=14, title="Descriptions: what each ingredient gives", models=_ALL,
            panels=(_DESCRIBE,),
        ),
    )
}  # fmt: skip


def find_figure(number: int) -> Figure:
    """Return a figure by its number in the paper.

    Raises:
        SettingsError: for a number without a counterpart.
    """
    if number not in FIGURES:
        raise SettingsError(
            f"there is no counterpart of Figure {number}; there are those of Figures 2 to 14"
        )
    return FIGURES[number]

"""English is told from its neighbours by a few small words, and from the rest by its script."""

from __future__ import annotations

import pytest

from minigpt4.curation.english import foreign_sentence, foreign_share


@pytest.mark.parametrize(
    ("text", "share"),
    [("", 0.0), ("123 ...", 0.0), ("café, naïve, ﬁne", 0.0), ("abц1", 1 / 3), ("кот", 1.0)],
)
def test_letters_of_other_scripts_are_counted(text, share):
    assert foreign_share(text) == pytest.approx(share)


@pytest.mark.parametrize(
    "sentence",
    [
        "Le chien rouge est dans la maison avec un chat.",
        "El perro rojo está en la casa con un gato.",
        "Röd hund och svart katt som leker på gräset idag.",
        "Картина показывает дом.",
        "Dog house tree car bird flower table lamp.",
    ],
)
def test_what_is_no_english_is_known(sentence):
    assert foreign_sentence(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The hat on his son met us on the van.",
        "People walk along the Place de la Concorde in Paris.",
        "A sign says 停 beside the road to the temple.",
        "Red, white, blue!",
        "Guten Tag.",
        "",
    ],
)
def test_english_and_what_is_too_short_to_tell_pass(sentence):
    assert not foreign_sentence(sentence)

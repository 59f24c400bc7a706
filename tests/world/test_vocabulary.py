"""The world is as rich as promised, and its words can be told apart."""

from __future__ import annotations

from minigpt4.world import vocabulary as voc
from minigpt4.world.knowledge import FILMS


def test_the_world_has_at_least_what_was_promised():
    assert len(voc.PLACES) >= 8
    assert len(voc.TIMES) == 3
    assert len(voc.WEATHERS) == 4
    assert len(voc.COLORS) == 8
    assert len(voc.SIZES) in (2, 3)
    assert len(voc.KINDS) >= 40
    assert len(voc.FAMILIES) >= 6


def test_every_name_is_one_word_and_means_one_thing():
    groups = (
        voc.COLORS, voc.SIZES, voc.POSITIONS, voc.PLACES, voc.TIMES, voc.WEATHERS, voc.KINDS,
        voc.DISHES, voc.INGREDIENTS,
    )  # fmt: skip
    names = [name for group in groups for name in group]
    assert all(name.isalpha() and name.islower() for name in names)
    assert len(set(names)) == len(names)


def test_every_kind_has_one_family():
    assert set(voc.FAMILY_OF) == set(voc.KINDS)
    assert sum(map(len, voc.FAMILIES.values())) == len(voc.KINDS)


def test_what_is_used_in_special_pictures_exists():
    kinds = set(voc.KINDS)
    for group in (voc.SUPPORTS, voc.SHELTERS, voc.SICK_PLANTS, voc.PRODUCTS):
        assert set(group) <= kinds
    assert {film.emblem for film in FILMS} <= kinds
    assert {color for film in FILMS for color in (film.color, film.ground)} <= set(voc.COLORS)
    assert set(voc.SYMPTOMS) == set(voc.ILLNESSES)


def test_posters_differ_in_what_they_show():
    looks = [(film.emblem, film.color, film.ground) for film in FILMS]
    assert len(set(looks)) == len({film.title for film in FILMS}) == len(FILMS)

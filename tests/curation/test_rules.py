"""Each rule with what it catches, and what it must let pass."""

from __future__ import annotations

import random

import pytest

from curation.some_drafts import GOOD, draft
from minigpt4.curation.rules import RULES, RuleSettings, check_rules, rule, rules_hash
from minigpt4.errors import SettingsError
from minigpt4.world.language.compose_correction import broken
from minigpt4.world.language.descriptions import description
from minigpt4.world.sample import sample_scene

SETTINGS = RuleSettings()
PHOTO = (
    "The image features a TV mounted on the wall of a café, about 3.5 meters wide, with a sign "
    "that says “Open at 7:30 pm!” Mr. Smith, who wears a red-and-white shirt, stands next to "
    "Dr. Jones. In the background, several people are sitting at small tables; some of them are "
    "drinking coffee, others look at their phones. There is a clock above the door. Next to a PC "
    "lie DVDs of an NBA game and a BBQ grill, about 20 kg or 44 lbs."
)


def judges(text: str, joined: str = GOOD) -> list[str]:
    found = rule(draft(raw=joined, repaired=text), SETTINGS)
    return [each.judge.removeprefix("rule:") for each in found if each.decision == "reject"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no_reply", ""),
        ("already_correct", f"It is already correct, there is no repetition. {GOOD}"),
        ("incomplete_reply", f"{GOOD} The last sentence is incomplete."),
        ("apology", f"I'm sorry I made a mistake. {GOOD}"),
        ("apology", f"I apologize for that. {GOOD}"),
        ("apology", f"I’m sorry, {GOOD}"),
        ("about_the_instruction", f"Here is the corrected paragraph: {GOOD}"),
        ("about_the_instruction", f"As an AI language model I see no picture. {GOOD}"),
        ("about_the_instruction", "Please provide the paragraph that I should mend for you now."),
        ("about_the_instruction", f"{GOOD}### Human"),
        ("too_short", "There is a red car on the road."),
        ("unrelated_reply", "Bake the dough for twenty minutes until golden, then serve warm."),
        ("not_english", "Das Bild zeigt ein rotes Auto auf der Straße und einen hohen Baum."),
        ("not_english", "La imagen muestra un coche rojo en la calle y los árboles de la plaza."),
        ("not_english", f"{GOOD} На картинке изображена красная машина на дороге."),
        ("not_english", f"{GOOD} 图片上有一辆红色的汽车。"),
        ("meaningless_characters", f"{GOOD} @@ There is a %% ~ house."),
        ("meaningless_characters", f"{GOOD} It is xx a house."),
        ("meaningless_characters", f"{GOOD} See https://example.org for more."),
        ("meaningless_characters", f"{GOOD} There is a house.. It is big."),
        ("fragment", f"{GOOD} There is a house with"),
        ("fragment", f"{GOOD} there is a house."),
        ("fragment", f"{GOOD} There is a house with a. It is big."),
        ("fragment", "The image shows a red car on the In the middle there is a tall old tree."),
        ("repeated_sentence", f"{GOOD} The sky is clear today. The sky is clear today."),
        ("repeated_words", f"{GOOD} There is a a house in the picture."),
        ("repeated_words", f"{GOOD} There is a cat and a cat and a cat and a dog."),
        (
            "repeated_words",
            f"{GOOD} On the left side of the road stands a man. Yes, on the left side of the road "
            "stands a man.",
        ),
    ],
)
def test_a_rule_catches_its_fault(name, text):
    assert name in judges(text)


def test_every_rule_is_tested_and_in_the_set_by_default():
    assert set(SETTINGS.rules) == set(RULES)


@pytest.mark.parametrize("text", [GOOD, PHOTO])
def test_good_english_passes_all_rules(text):
    assert rule(draft(raw=text, repaired=text), SETTINGS) == []


def test_already_correct_keeps_the_text_from_before():
    told = draft(raw=GOOD, repaired="The given paragraph is already correct.")
    [kept] = rule(told, SETTINGS)
    assert (kept.decision, kept.text) == ("edit", GOOD)


def test_what_was_kept_is_looked_at_by_the_rules_behind():
    told = draft(raw="Too short.", repaired="The given paragraph is already correct.")
    assert [each.judge for each in rule(told, SETTINGS)] == [
        "rule:already_correct",
        "rule:too_short",
    ]


def test_rules_about_replies_leave_alone_what_was_not_repaired():
    text = f"{GOOD} The tower is incomplete and already correct."
    assert rule(draft(raw=text, repaired=None, repair_model="none"), SETTINGS) == []


def test_the_set_is_a_setting():
    only = RuleSettings(rules=("too_short",), min_chars=10)
    assert rule(draft(raw="", repaired="I apologize for that."), only) == []
    assert rules_hash(only) != rules_hash(SETTINGS)
    with pytest.raises(SettingsError, match="unknown rule 'nonsense'"):
        check_rules(RuleSettings(rules=("nonsense",)))


def test_the_world_s_descriptions_pass_and_their_broken_ones_do_not():
    kept = caught = 0
    for index in range(200):
        rng = random.Random(index)
        text = description(sample_scene("train", 5, index), rng)
        kept += not judges(text, joined=text)
        damaged = broken(text, rng)
        caught += bool(judges(damaged, joined=damaged))
    assert kept >= 199
    assert caught >= 190

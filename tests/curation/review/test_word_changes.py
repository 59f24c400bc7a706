from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt4.curation.review.word_changes import MAX_WORDS, changed_share, find_changes

TEXTS = st.text(alphabet="ab ,.\n'é", max_size=60)


def marked(before: str, after: str) -> str:
    signs = {"same": "{}", "removed": "[-{}-]", "added": "[+{}+]"}
    return "".join(signs[each.kind].format(each.text) for each in find_changes(before, after))


@given(before=TEXTS, after=TEXTS)
@settings(deadline=None)
def test_both_texts_can_be_read_from_the_changes(before: str, after: str):
    changes = find_changes(before, after)
    assert "".join(each.text for each in changes if each.kind != "removed") == after
    old = "".join(each.text for each in changes if each.kind != "added")
    assert "".join(old.split()) == "".join(before.split())


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        ("A red cat.", "A red cat.", "A red cat."),
        ("A red cat sits.", "A blue cat sits.", "A[- red-][+ blue+] cat sits."),
        ("A cat. A cat. Rain.", "A cat. Rain.", "[-A cat. -]A cat. Rain."),
        ("", "New.", "[+New.+]"),
        ("Old.", "", "[-Old.-]"),
        ("It's John's cat", "It's Jane's cat", "It's[- John's-][+ Jane's+] cat"),
    ],
)
def test_words_are_marked_not_letters(before: str, after: str, seen: str):
    assert marked(before, after) == seen


def test_a_lone_article_between_two_changes_is_part_of_them():
    seen = marked("There is big the small dog here.", "There is tiny the huge dog here.")
    assert seen == "There is[- big the small-][+ tiny the huge+] dog here."


def test_what_stays_at_the_end_is_kept_however_short():
    assert marked("He runs.", "He walks.") == "He[- runs-][+ walks+]."


def test_a_very_long_text_is_one_change():
    long = "word " * (MAX_WORDS + 1)
    assert [each.kind for each in find_changes(long, "short")] == ["removed", "added"]
    assert [each.kind for each in find_changes(long, long)] == ["same"]


def test_the_share_of_changed_words_is_counted_on_both_sides():
    assert changed_share(find_changes("a b c d", "a b c d")) == 0
    assert changed_share(find_changes("w x", "y z")) == 1
    # One word of three is replaced: 1 + 1 of 3 + 3.
    assert changed_share(find_changes("one two three", "one six three")) == pytest.approx(1 / 3)

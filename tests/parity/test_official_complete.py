"""Nothing of the goldens is left unchecked: a test reads each key, or a reason says why none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from parity.goldens import Goldens, Section, is_list_of_objects
from parity.session import why_partial

UNREAD = {
    r"[^/]+/note": "says in words how values were made",
    r"environment/.*": "names the versions the goldens were made with",
    r"min_top2_logit_margin/.*": "says how safe a comparison of ids is; no behaviour",
    r"generate/cases/[^/]+/version_sensitive": "marks cases in which newer transformers differ",
    r"trajectory/batch": "says in words which batch was used",
    r"trajectory/run/lr_sched": "names the one schedule there is",
    r"trajectory/run/(device|distributed|amp|wandb_log)": "says how the goldens were run",
}


def keys_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the paths of all values; the items of a list of objects share theirs."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from keys_of(inner, (*path, key))
    elif is_list_of_objects(value):
        for each in value:
            yield from keys_of(each, path)
    else:
        yield "/".join(path)


def test_reading_a_part_leaves_the_rest_unread():
    read: set[str] = set()
    values = {"a": {"b": 1, "c": [2]}, "d": [{"e": 3}, {"e": 4, "f": 5}], "g": {"h": {"i": 6}}}
    section = Section(values, (), read)
    assert "c" in section["a"]
    assert read == set()
    assert section["a"]["b"] == 1
    assert [each["e"] for each in section["d"]] == [3, 4]
    assert read == {"a/b", "d/e"}
    assert section["g"] == {"h": {"i": 6}}
    assert set(keys_of(values)) - read == {"a/c", "d/f"}


def test_every_key_is_read_or_has_a_reason(goldens: Goldens, request: pytest.FixtureRequest):
    """It runs behind all other parity tests."""
    partial = why_partial(request)
    if partial is not None:
        pytest.skip(partial)
    unread = {*keys_of(goldens.values), *goldens.arrays} - goldens.read
    unexplained = [
        key for key in unread if not any(re.fullmatch(each, key, re.DOTALL) for each in UNREAD)
    ]
    assert sorted(unexplained) == []

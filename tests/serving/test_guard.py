"""Keys come from a file and are compared whole."""

from __future__ import annotations

import pytest

from minigpt4.errors import SettingsError
from minigpt4.serving.guard import Keys


def test_keys_are_the_lines_of_a_file(tmp_path):
    file = tmp_path / "keys"
    file.write_text("# ours\n\n first-key \nsecond-key\n")
    keys = Keys.from_file(file)
    assert keys.wanted
    assert keys.fit("Bearer first-key")
    assert keys.fit("bearer second-key")
    for wrong in (
        "Bearer first-ke",
        "Bearer # ours",
        "Bearer ",
        "",
        "Basic first-key",
        "first-key",
    ):
        assert not keys.fit(wrong)


def test_a_file_without_keys_would_lock_everybody_out_or_in(tmp_path):
    file = tmp_path / "keys"
    file.write_text("# none yet\n")
    with pytest.raises(SettingsError, match="has no keys"):
        Keys.from_file(file)


def test_without_keys_none_is_wanted():
    assert not Keys().wanted

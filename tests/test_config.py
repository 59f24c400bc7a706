"""Strict settings."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt4.config import apply_overrides, build_config, config, dump_config, load_config
from minigpt4.errors import SettingsError


@config
class Schedule:
    peak_lr: float = 1e-4
    warmup_steps: int = 5_000


@config
class Run:
    name: str
    schedule: Schedule = Schedule()
    second: Schedule | None = None
    several: tuple[Schedule, ...] = ()
    shuffle: bool = True
    named: dict[str, Schedule] = dataclasses.field(default_factory=dict)


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Schedule().peak_lr = 1.0  # type: ignore[misc]


def test_settings_are_keyword_only():
    with pytest.raises((TypeError, ValueError)):
        Schedule(1.0)  # type: ignore[misc]


def test_an_unknown_key_names_the_nearest_known_one():
    with pytest.raises(SettingsError, match=r"unknown key 'peak_rl'; did you mean 'peak_lr'"):
        build_config(Schedule, {"peak_rl": 1.0})


def test_an_unknown_key_is_found_at_any_depth():
    with pytest.raises(SettingsError, match=r"settings\.schedule: unknown key 'steps'"):
        build_config(Run, {"name": "a", "schedule": {"steps": 1}})


def test_an_ill_typed_value_names_its_place_and_what_it_got():
    with pytest.raises(SettingsError, match=r"schedule\.warmup_steps is 'many'"):
        build_config(Run, {"name": "a", "schedule": {"warmup_steps": "many"}})


def test_a_missing_value_is_an_error():
    with pytest.raises(SettingsError, match="name"):
        build_config(Run, {})


@settings(deadline=None)  # a busy machine is no fault
@given(
    st.builds(
        Run,
        name=st.text(),
        schedule=st.builds(Schedule, peak_lr=st.floats(0, 1), warmup_steps=st.integers(0, 10**6)),
        shuffle=st.booleans(),
    )
)
def test_dump_and_build_are_inverse(run: Run):
    assert build_config(Run, dump_config(run)) == run


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".json", '{"name": "a", "schedule": {"peak_lr": 0.5}}'),
        (".yaml", "name: a\nschedule:\n  peak_lr: 0.5\n"),
    ],
)
def test_settings_load_from_json_and_yaml(tmp_path: Path, suffix: str, text: str):
    path = tmp_path / f"run{suffix}"
    path.write_text(text)
    assert load_config(Run, path) == Run(name="a", schedule=Schedule(peak_lr=0.5))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("broken.json", "{", "not valid"),
        ("broken.yaml", "a: [", "not valid"),
        ("list.yaml", "- 1", "holds a list"),
        ("unknown.yaml", "name: a\ncolour: red", "unknown key 'colour'"),
    ],
)
def test_a_bad_settings_file_is_a_settings_error(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError, match=message):
        load_config(Run, tmp_path / name)


def test_a_missing_settings_file_is_a_settings_error(tmp_path: Path):
    with pytest.raises(SettingsError, match="no settings file"):
        load_config(Run, tmp_path / "absent.yaml")


def test_overrides_reach_nested_settings_and_leave_the_rest():
    run = Run(name="a")
    changed = apply_overrides(run, ["schedule.peak_lr=3e-5", "shuffle=false"])
    assert changed == Run(name="a", schedule=Schedule(peak_lr=3e-5), shuffle=False)
    assert run == Run(name="a")


def test_an_override_fills_an_optional_part_that_was_absent():
    changed = apply_overrides(Run(name="a"), ["second.warmup_steps=7"])
    assert changed.second == Schedule(warmup_steps=7)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("schedule.peak_rl=1", "did you mean 'peak_lr'"),
        ("peak_lr", "write --set name=value"),
        ("=1", "write --set name=value"),
        ("name.first=1", "'name' has no keys below it"),
        ("several.peak_lr=1", "'several' has no keys below it"),
        ("name=[1", "not a YAML value"),
        ("schedule.warmup_steps=soon", r"schedule\.warmup_steps"),
    ],
)
def test_a_bad_override_says_what_is_wrong(override: str, message: str):
    with pytest.raises(SettingsError, match=message):
        apply_overrides(Run(name="a"), [override])


def test_settings_by_name_are_set_one_by_one():
    given = Run(name="a", named={"old": Schedule(peak_lr=0.5)})
    changed = apply_overrides(given, ["named.new.peak_lr=0.25", "named.old.warmup_steps=3"])
    assert changed.named == {
        "new": Schedule(peak_lr=0.25),
        "old": Schedule(peak_lr=0.5, warmup_steps=3),
    }
    assert build_config(Run, dump_config(changed)) == changed


def test_an_unknown_key_below_a_name_is_found():
    with pytest.raises(SettingsError, match=r"unknown key 'peak'; did you mean 'peak_lr'"):
        apply_overrides(Run(name="a"), ["named.new.peak=1"])
    with pytest.raises(SettingsError, match=r"settings\.named\.new: unknown key 'peak'"):
        build_config(Run, {"name": "a", "named": {"new": {"peak": 1}}})

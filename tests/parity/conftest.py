"""One import of the goldens' weights for all parity tests, and a note of which tests ran."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from functools import cache
from pathlib import Path

import pytest

from parity.folder import goldens_folder
from parity.goldens import Goldens
from parity.session import DESELECTED, HERE, PASSED

LAST = "test_every_key_is_read_or_has_a_reason"


@pytest.fixture(scope="session")
def goldens(tmp_path_factory: pytest.TempPathFactory) -> Goldens:
    directory: Path = tmp_path_factory.mktemp("imported")
    return Goldens(directory)


@cache
def names() -> dict[str, list[str]]:
    """Return what a test is run for, by the name of its argument, as the goldens name them."""
    try:
        folder = goldens_folder()
    except pytest.fail.Exception:
        # Each test says so itself; said here, it would keep pytest from running any other.
        return {each: ["no_goldens"] for each in ("stage", "chat", "case", "stops")}
    values = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    stops = [key for key in values["chat_stop"] if key.startswith("stops_")]
    return {
        "stage": [key for key, value in values.items() if "captions" in value],
        "chat": list(values["chat_prompts"]),
        "case": list(values["generate"]["cases"]),
        "stops": [key.removeprefix("stops_") for key in stops],
    }


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for argument, found in names().items():
        if argument in metafunc.fixturenames:
            # Without any name pytest would skip the test, and nobody would see it.
            assert found, f"golden.json has nothing to be a {argument}; wanted at least one"
            metafunc.parametrize(argument, found)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the test of completeness behind the tests whose reading it judges."""
    judged = [index for index, item in enumerate(items) if item.path.parent == HERE]
    last = [index for index in judged if items[index].name == LAST]
    for index in last:
        items.insert(judged[-1], items.pop(index))


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE:
            item.config.stash[DESELECTED] = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[PASSED] = item.stash.get(PASSED, True) and not report.failed
    return report

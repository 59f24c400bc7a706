"""Whether all parity tests ran, so that what they read can be judged."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PASSED = pytest.StashKey[bool]()
"""Of a test that ran in this process: whether it passed or was skipped."""
DESELECTED = pytest.StashKey[bool]()
"""Of the session: whether a parity test was left out by name or mark."""


def why_partial(request: pytest.FixtureRequest) -> str | None:
    """Say why what was read here is not what all parity tests read; None: it is."""
    others = [
        item
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path.parent == HERE
        if item.function is not request.function
    ]
    wanted = set().union(*(names_of_tests(file) for file in HERE.glob("test_*.py")))
    wanted -= {(request.path.name, request.function.__name__)}
    chosen = request.config.stash.get(DESELECTED, False) or any(
        "::" in argument for argument in request.config.args
    )
    if chosen or {(item.path.name, item.originalname) for item in others} != wanted:
        return "only some of the parity tests were chosen"
    if not all(PASSED in item.stash for item in others):
        return "only some of the parity tests ran in this process"
    if not all(item.stash[PASSED] for item in others):
        return "other parity tests failed, so they may not have read all"
    return None


def names_of_tests(file: Path) -> set[tuple[str, str]]:
    functions = ast.parse(file.read_text(encoding="utf-8")).body
    named = [each.name for each in functions if isinstance(each, ast.FunctionDef)]
    return {(file.name, name) for name in named if name.startswith("test_")}

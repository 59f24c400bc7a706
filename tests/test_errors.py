"""The error tree."""

from __future__ import annotations

import inspect

from minigpt4 import errors


def error_classes() -> dict[str, type]:
    return dict(inspect.getmembers(errors, inspect.isclass))


def test_every_error_descends_from_the_base():
    assert all(issubclass(error, errors.MiniGPT4Error) for error in error_classes().values())


def test_the_tree_in_the_docstring_is_the_tree():
    parents = {0: "MiniGPT4Error"}
    drawn = {"MiniGPT4Error": "Exception"}
    for line in (errors.__doc__ or "").splitlines():
        if "──" not in line:
            continue
        before, _, after = line.partition("── ")
        depth = len(before) // 4 + 1
        name = after.split()[0]
        parents[depth] = name
        drawn[name] = parents[depth - 1]
    actual = {name: error.__mro__[1].__name__ for name, error in error_classes().items()}
    assert drawn == actual

"""Check tensor shapes in tests: a public function's `Float[Tensor, "batch dim"]` must be true.

Only hints that state a shape are checked; everything else is pyright's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from beartype import beartype

SHAPED = ("Float[", "Int[", "Bool[", "Integer[", "Num[")


def check_shapes(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with those of its arguments checked that state a shape."""
    hints = function.__annotations__
    shaped = {
        name: hint for name, hint in hints.items() if any(word in str(hint) for word in SHAPED)
    }
    if not shaped:
        return function
    # beartype reads the hints while it decorates; protocols and the like are not its business.
    function.__annotations__ = shaped
    try:
        return beartype(function)
    finally:
        function.__annotations__ = hints

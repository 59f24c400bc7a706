"""The tests' own check of shapes works, or every other test would trust it in vain."""

from __future__ import annotations

from typing import Protocol

import pytest
import torch
from jaxtyping import Float, TypeCheckError, jaxtyped
from torch import Tensor

from shapes import check_shapes


class Anything(Protocol):
    """A type that can't be checked at run time."""


@jaxtyped(typechecker=check_shapes)
def multiply(
    left: Float[Tensor, "rows inner"], right: Float[Tensor, "inner columns"], other: Anything
) -> Float[Tensor, "rows columns"]:
    return left @ right if other is None else left


def test_shapes_that_agree_pass():
    assert multiply(torch.ones(2, 3), torch.ones(3, 4), None).shape == (2, 4)


def test_shapes_that_disagree_are_an_error():
    with pytest.raises(TypeCheckError):
        multiply(torch.ones(2, 3), torch.ones(4, 4), None)


def test_a_wrong_result_is_an_error():
    with pytest.raises(TypeCheckError):
        multiply(torch.ones(2, 3), torch.ones(3, 4), 1)


def test_the_package_is_checked():
    from minigpt4.model.health import _token_losses

    with pytest.raises(TypeCheckError):
        _token_losses(torch.nn.Linear(1, 1), torch.ones(3, 4, 5, dtype=torch.long))

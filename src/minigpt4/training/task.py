"""What a run trains: a module, its batches and its loss.

`fit` knows nothing of images or language; a task brings them. Batches are a pure function of their
index, which is why an interrupted run can go on with exactly the batches it would have seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from minigpt4.data.identity import SourceRecord


@dataclass(frozen=True, kw_only=True)
class StepLoss:
    """The loss of one micro-batch.

    `loss` is a mean over `weight` counted items (answer tokens), so that micro-batches of
    different weight add up to exactly the loss of the big batch.
    """

    loss: Tensor
    weight: float = 1.0
    num_examples: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Bad examples that were replaced by others in this micro-batch, by reason."""


class Task(Protocol):
    """A thing to train. Parameters with `requires_grad` are optimised and checkpointed."""

    module: nn.Module

    def batch(self, step: int, /) -> Any:
        """Make the batch of this index on the CPU: a pure function of (data seed, index).

        Runs in a background thread or process, so it must neither touch the device nor the global
        generators. With `batches_per_step` 1 the index is the step.
        """
        ...

    def loss(self, batch: Any, /) -> StepLoss:
        """Compute the loss of a batch that has been moved to the module's device."""
        ...


@runtime_checkable
class DivisibleTask(Protocol):
    """A task whose batches can be made in parts, for several processes and micro-batches."""

    @property
    def batch_size(self) -> int:
        """Rows of each batch."""
        ...

    def rows(self, step: int, rows: range, /) -> Any:
        """Make these rows of `batch(step)`: the same examples, prompts and crops as there."""
        ...


@runtime_checkable
class ValidatedTask(Protocol):
    """A task that also reports validation losses (numbers) and sample answers (text)."""

    def validate(self, step: int, /) -> dict[str, float | str]:
        """Return values for the metrics file; called in eval mode without gradients."""
        ...


@runtime_checkable
class DividedValidation(ValidatedTask, Protocol):
    """A validated task that can take its batches in pieces."""

    micro_batch: int | None
    """Most rows in a forward pass of a validation; None: all of a batch."""


@runtime_checkable
class RecordedTask(Protocol):
    """A task that can say what its examples are, so that a resumed run notices other ones."""

    def data_record(self) -> list[SourceRecord]:
        """Return for each source what must not change: its kind, its length, its files."""
        ...


@runtime_checkable
class FrozenLLMTask(Protocol):
    """A task through a frozen LLM, whose loss must start well below that of chance."""

    @property
    def uniform_loss(self) -> float:
        """ln(vocabulary size): the loss of an LLM that knows nothing."""
        ...


@runtime_checkable
class LLMTask(Protocol):
    """A task whose frozen LLM can be stored in less memory, recomputed or sharded."""

    @property
    def llm(self) -> nn.Module:
        """The frozen causal LM of transformers."""
        ...

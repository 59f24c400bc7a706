"""Where a run is: all that changes from step to step besides weights and optimizer."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch


@dataclass
class TrainState:
    """The counters of a run, some of them those of one process alone."""

    step: int = 0
    """Optimizer steps done."""

    num_examples: int = 0
    """Examples seen by all processes up to the last logged line, repeated ones counted again."""

    skipped: dict[str, int] = field(default_factory=dict)
    """Bad examples met up to there, by reason."""

    window: dict[str, list[float]] = field(default_factory=dict)
    """Values of each metric in this process since the last logged line."""

    new_examples: int = 0
    """Examples this process has seen since then."""

    new_skipped: dict[str, int] = field(default_factory=dict)
    """Bad examples this process has met since then."""

    micro_batch: int | None = None
    """The size of micro-batches that was found to fit into memory."""

    data: list[dict[str, Any]] | None = None
    """What the run is trained on, source by source; None: not known, as in old checkpoints."""

    def own(self) -> dict[str, Any]:
        """Return what differs from process to process."""
        return {
            "window": self.window,
            "new_examples": self.new_examples,
            "new_skipped": self.new_skipped,
            "generators": generator_states(),
        }


def restore_state(saved: Mapping[str, Any], *, process: int, num_processes: int) -> TrainState:
    """Put one process's generators back to where they were; return its state.

    With another number of processes than before, the first one takes over what all had counted.
    """
    state = TrainState(**saved["state"])
    processes = [{**state.own(), "generators": saved["generators"]}, *saved.get("others", ())]
    if process < len(processes):
        set_generator_states(processes[process]["generators"])
    own = processes[process] if len(processes) == num_processes else _merged(processes)
    if process > 0 and len(processes) != num_processes:
        own = {"window": {}, "new_examples": 0, "new_skipped": {}}
    state.window, state.new_examples = own["window"], own["new_examples"]
    state.new_skipped = own["new_skipped"]
    return state


def _merged(processes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    window: dict[str, list[float]] = {}
    for own in processes:
        for name, values in own["window"].items():
            window.setdefault(name, []).extend(values)
    skipped: Counter[str] = Counter()
    for own in processes:
        skipped.update(own["new_skipped"])
    num_examples = sum(own["new_examples"] for own in processes)
    return {"window": window, "new_examples": num_examples, "new_skipped": dict(skipped)}


def generator_states() -> dict[str, Any]:
    """Return the states of Python's, NumPy's and torch's generators as plain values.

    Of the GPUs only the present one counts: asking the others would take their memory.
    """
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    keys = np.asarray(keys)
    return {
        "python": random.getstate(),
        # int64, for processes cannot send each other torch's uint32.
        "numpy": (kind, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
        "mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
    }


def set_generator_states(states: Mapping[str, Any]) -> None:
    """Put the generators back to where `generator_states` found them."""
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(states["torch"])
    if isinstance(states.get("cuda"), torch.Tensor) and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
    if isinstance(states.get("mps"), torch.Tensor) and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])

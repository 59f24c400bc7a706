"""What the processes of a launch tell each other; with one process, nothing happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, gather_object
from torch import Tensor, distributed


class Processes:
    """The processes that `torchrun` started, or this one alone."""

    def __init__(self, device: torch.device) -> None:
        # Precision is ours (`Run.autocast`): accelerate's is fixed for the life of the process.
        self._accelerator = Accelerator(mixed_precision="no", cpu=device.type == "cpu")
        if device.type == "cuda":
            torch.cuda.set_device(device)
        self.device = device
        self.count: int = self._accelerator.num_processes
        self.index: int = self._accelerator.process_index
        self.is_first: bool = self._accelerator.is_main_process

    def sum(self, *values: float) -> list[float]:
        """Return the sums of plain numbers over all processes."""
        if self.count == 1:
            return list(values)
        kind = torch.float32 if self.device.type == "mps" else torch.float64
        numbers = torch.tensor(values, dtype=kind, device=self.device)
        return self._accelerator.reduce(numbers, "sum").tolist()  # type: ignore[union-attr]

    def any(self, flag: bool) -> bool:
        """Tell whether a flag is set in any process."""
        return self.sum(float(flag))[0] > 0

    def sum_tensors(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over all processes, in one exchange."""
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        flat = self._accelerator.reduce(flat, "sum")
        parts = flat.split([tensor.numel() for tensor in tensors])  # type: ignore[union-attr]
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def copy_from_first(self, tensors: Sequence[Tensor]) -> None:
        """Give every process the first one's values."""
        if self.count > 1:
            for tensor in tensors:
                broadcast(tensor)

    def gather(self, value: Any) -> list[Any]:
        """Return the plain values of all processes, in their order."""
        return [value] if self.count == 1 else gather_object([value])

    def wait(self) -> None:
        """Wait until every process is here."""
        self._accelerator.wait_for_everyone()


def leave() -> None:
    """End the connection to the other processes, if there is one."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()

"""What this machine can run: interpreter, devices, memory, disk, packages, model sizes.

Nothing here loads a model. The memory of a model is estimated from its size before anyone waits
for a download: weights + key-value cache of a full context + working space.
"""

from __future__ import annotations

import platform
import shutil
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import psutil
import torch

from minigpt4.model.health import Check

OPTIONAL_PACKAGES = {
    "peft": "lora",
    "torchao": "quantization",
    "bitsandbytes": "quantization",
    "gradio": "web",
    "fastapi": "web",
    "uvicorn": "web",
    "tensorboard": "tracking",
    "wandb": "tracking",
}
CONTEXT_TOKENS = 2048
WORKING_SPACE_BYTES = 1.0e9
# ViT-g/14 (985.9M) and Q-Former (105.2M), kept in bf16 whatever the LLM is stored in.
VISION_BYTES = 2 * 1.091e9
# nf4 stores 4 bits and one fp32 scale for 64 values; int8 one scale for each row.
BITS = {"bf16": 16.0, "int8": 8.1, "nf4": 4.5}
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, kw_only=True)
class LLMSize:
    """The published sizes of an LLM, as far as its memory depends on them."""

    name: str
    num_layers: int
    hidden_size: int
    num_parameters: float
    vocab_size: int = 32_000

    def needed_bytes(self, storage: str) -> float:
        """Estimate the memory for inference; embeddings and head are never quantised."""
        table = 2.0 * self.vocab_size * self.hidden_size
        weights = (self.num_parameters - table) * BITS[storage] / 8 + table * 2
        cache = 2.0 * self.num_layers * self.hidden_size * 2 * CONTEXT_TOKENS
        return VISION_BYTES + weights + cache + WORKING_SPACE_BYTES


LLM_SIZES = (
    LLMSize(name="7B", num_layers=32, hidden_size=4096, num_parameters=6.738e9),
    LLMSize(name="13B", num_layers=40, hidden_size=5120, num_parameters=13.016e9),
)
MINIATURE_BYTES = 0.6e9


def inspect_machine(folder: Path) -> list[Check]:
    """Report what this machine has and which models fit; `folder` names the disk to look at."""
    memory = free_memory_bytes()
    return [
        Check("python", "ok", f"{platform.python_version()} ({sys.platform})"),
        Check("torch", "ok", torch.__version__),
        *_check_devices(memory),
        _check_bf16(),
        _check_disk(folder),
        _check_torchvision(),
        *_check_optional_packages(),
        *check_model_sizes(memory),
    ]


def free_memory_bytes() -> dict[str, float]:
    """Return the free memory of each device, the CPU's limited by its container."""
    free = {"cpu": float(psutil.virtual_memory().available)}
    for path in map(Path, CGROUP_LIMITS):
        text = path.read_text().strip() if path.is_file() else ""
        if text.isdigit():
            free["cpu"] = min(free["cpu"], float(text))
    for index in range(torch.cuda.device_count()):
        free[f"cuda:{index}"] = float(torch.cuda.mem_get_info(index)[0])
    if torch.backends.mps.is_available():
        free["mps"] = float(torch.mps.recommended_max_memory())
    return free


def check_model_sizes(memory: dict[str, float]) -> list[Check]:
    """Say for each model size on which of the devices it fits."""
    needs = {"miniature": MINIATURE_BYTES}
    for size in LLM_SIZES:
        needs |= {f"{size.name} {storage}": size.needed_bytes(storage) for storage in BITS}
    checks = []
    for name, needed in needs.items():
        places = [device for device, free in memory.items() if free >= needed]
        fits = f"fits on {', '.join(places)}" if places else "does not fit on one device here"
        checks.append(Check(f"model {name}", "ok", f"needs about {_gigabytes(needed)}: {fits}"))
    return checks


def _check_devices(memory: dict[str, float]) -> list[Check]:
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count()
    names = {"cpu": f"{cores} cores, {torch.get_num_threads()} threads used"}
    for index in range(torch.cuda.device_count()):
        names[f"cuda:{index}"] = torch.cuda.get_device_name(index)
    return [
        Check(
            f"device {device}", "ok", f"{names.get(device, device)}; {_gigabytes(free)} memory free"
        )
        for device, free in memory.items()
    ]


def _check_bf16() -> Check:
    """Tell whether bf16 pays: by its support on a GPU, by a short race on a CPU."""
    if torch.cuda.is_available():
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Check("bf16", "ok", "supported by the GPU")
        return Check("bf16", "warn", "not supported by this GPU", remedy="use dtype=float32")
    ratio = _product_seconds(torch.float32) / _product_seconds(torch.bfloat16)
    if ratio < 1.0:
        return Check(
            "bf16",
            "warn",
            f"matrix products run at {ratio:.1f} times the speed of float32 on this CPU",
            remedy="use dtype=float32 here",
        )
    return Check("bf16", "ok", f"matrix products run {ratio:.1f} times as fast as in float32")


def _product_seconds(dtype: torch.dtype, size: int = 768) -> float:
    """Time one matrix product, the best of three after a warm-up."""
    matrix = torch.ones(size, size, dtype=dtype)
    times = []
    for _ in range(4):
        start = time.perf_counter()
        _ = matrix @ matrix
        times.append(time.perf_counter() - start)
    return max(min(times[1:]), 1e-9)


def _check_disk(folder: Path) -> Check:
    usage = shutil.disk_usage(folder)
    detail = f"{_gigabytes(usage.free)} free of {_gigabytes(usage.total)}"
    if usage.free < 1e9:
        return Check("disk", "warn", detail, remedy="free some space before you train or import")
    return Check("disk", "ok", detail)


def _check_torchvision() -> Check:
    if find_spec("torchvision") is None:
        return Check("torchvision", "ok", "absent, as it should be")
    return Check(
        "torchvision",
        "warn",
        "importable; a build that does not fit torch breaks transformers",
        remedy="nothing here needs it: pip uninstall torchvision",
    )


def _check_optional_packages() -> list[Check]:
    checks = []
    for package, extra in OPTIONAL_PACKAGES.items():
        try:
            detail = version(package.replace("_", "-"))
        except PackageNotFoundError:
            detail = f"not installed (optional: pip install 'minigpt4[{extra}]')"
        checks.append(Check(f"package {package}", "ok", detail))
    return checks


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB"

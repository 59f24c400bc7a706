"""Name a model by what it is, so that its answers can be kept and found again."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import platform
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from minigpt4 import __version__
from minigpt4.model.fingerprint import fingerprint, fingerprint_tensors
from minigpt4.model.lora import is_lora


def identify_model(model: Any) -> dict[str, Any]:
    """Return everything about a loaded model that decides its answers, as plain values.

    `fingerprint` is the hash of the rest: of the weights of each part, frozen or trained, the
    conversation template, how pictures are prepared and the type that is computed in.
    """
    frozen = tuple(f"{name}." for name in model.frozen_parts)
    trained = {
        name: tensor
        for name, tensor in model.named_parameters()
        if is_lora(name) or not name.startswith(frozen)
    }
    identity = {
        "parts": {name: fingerprint(part) for name, part in model.frozen_parts.items()},
        "trained": fingerprint_tensors(trained),
        "template": model.config.template,
        "num_image_tokens": model.config.num_image_tokens,
        "pictures": _plain(model.processor.image_processor.to_dict()),
        "dtype": str(next(model.llm.parameters()).dtype).removeprefix("torch."),
    }
    return {"name": name_of(model), "fingerprint": hash_json(identity)[:32], **identity}


def name_of(model: Any) -> str:
    """Return what a model's directory is called; "" for one that was not loaded from anywhere."""
    sources = getattr(model, "frozen_sources", None) or {}
    return next((Path(directory).name for _, directory in sources.values()), "")


def computed_with(model: Any) -> dict[str, str]:
    """Return the versions and the device that an answer was computed with."""
    packages = {name: version(name) for name in ("torch", "transformers", "tokenizers", "pillow")}
    python = platform.python_version()
    return {
        "minigpt4": __version__, "python": python, **packages, "device": str(model.device),
    }  # fmt: skip


def hash_json(value: Any) -> str:
    """Return the SHA-256 of a plain value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def hash_code(module_name: str) -> str:
    """Return a hash of the code by which answers are judged or counted.

    It is of a module and of those of `evaluation` that it uses, as far as they decide anything
    about an answer; comments change nothing.
    """
    seen: dict[str, str] = {}
    waiting = [module_name]
    while waiting:
        name = waiting.pop()
        if name in seen or name.rpartition(".")[2].startswith(_CARRIERS):
            continue
        module = sys.modules[name]
        seen[name] = ast.dump(ast.parse(inspect.getsource(module)))
        used = {getattr(value, "__module__", None) or "" for value in vars(module).values()}
        waiting += sorted(each for each in used if each.startswith(_JUDGING))
    return hash_json(sorted(seen.items()))[:16]


_JUDGING = "minigpt4.evaluation."
_CARRIERS = (
    "agreement", "answer", "benchmark", "drawn", "identity", "judge", "pictures", "question",
    "runner", "shares", "task", "world_questions",
)  # fmt: skip
"""Modules that carry questions and answers about and decide nothing."""


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))

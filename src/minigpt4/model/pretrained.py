"""Loading and saving under the names and keywords of transformers.

`from_pretrained` and `save_pretrained` take dozens of keywords there. Those that mean something
for one of our directories are followed; the rest is refused, because a keyword that is dropped
looks exactly like one that was followed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minigpt4.errors import SettingsError
from minigpt4.model.hub import is_hub_name
from minigpt4.model.loading import load, save
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration

_LOADED_ANYWAY = frozenset(
    {
        "_from_auto",
        "_from_pipeline",
        "adapter_kwargs",
        "code_revision",
        "config",  # the Auto classes read it from the same directory
        "low_cpu_mem_usage",
        "trust_remote_code",  # there is no code in our directories
        "use_safetensors",
        "weights_only",
    }
)
"""Keywords under which `load` does nothing else than without them."""

_OF_DOWNLOADS = frozenset({"cache_dir", "force_download", "local_files_only", "proxies", "token"})
"""Keywords that mean something for a model of the hub only."""


def load_pretrained(path: Any, *arguments: Any, **kwargs: Any) -> MiniGPT4ForConditionalGeneration:
    """Load as `from_pretrained` is called by transformers' Auto classes and pipelines.

    `device`, `device_map` (one device), `dtype` (or `torch_dtype`) and, for a model of the hub,
    `revision` are followed. Without a device it is the CPU, as in transformers.

    Raises:
        SettingsError: for a keyword that asks for what `load` cannot do.
        WeightsError: as `load` does.
    """
    device = _one_device(kwargs.pop("device_map", None))
    device = device or _one_device(kwargs.pop("device", None)) or "cpu"
    kwargs.pop("device", None)
    dtypes = [kwargs.pop(name, None) for name in ("dtype", "torch_dtype")]
    dtype = next((given for given in dtypes if given is not None), "auto")
    revision = kwargs.pop("revision", None)
    from_hub = not Path(path).is_dir() and is_hub_name(path)
    harmless = _LOADED_ANYWAY if from_hub else _LOADED_ANYWAY | _OF_DOWNLOADS
    _refuse("from_pretrained", kwargs, harmless=harmless)
    if arguments:
        raise SettingsError(
            f"from_pretrained takes one path, got {len(arguments)} arguments more; name them, or "
            "set them in config.json"
        )
    if revision is not None and from_hub and "@" not in str(path):
        path = f"{path}@{revision}"
    return load(path, device=device, dtype=dtype)


def save_pretrained(model: MiniGPT4ForConditionalGeneration, directory: Any, **kwargs: Any) -> None:
    """Save as `save_pretrained` is called; frozen parts are copied into the directory.

    Raises:
        SettingsError: for a keyword that asks for what `save` cannot do.
        WeightsError: as `save` does.
    """
    harmless = {"is_main_process", "safe_serialization"}
    refused = {name: False for name in harmless if kwargs.get(name, True) is False}
    if refused:
        raise SettingsError(
            f"save_pretrained cannot follow {_written(refused)}: a directory is always written "
            "whole, as safetensors; call it in one process only, without these keywords"
        )
    _refuse("save_pretrained", kwargs, harmless=frozenset(harmless))
    save(model, directory)


def _refuse(function: str, kwargs: dict[str, Any], *, harmless: frozenset[str]) -> None:
    asked = {
        name: value
        for name, value in kwargs.items()
        # None, False and {} ask for nothing: pipelines write out many defaults.
        if name not in harmless and not (value is None or value is False or value == {})
    }
    if asked:
        raise SettingsError(
            f"{function} of a MiniGPT-4 cannot follow {_written(asked)}; leave it away, and see "
            "minigpt4.load and minigpt4.model.save for what can be chosen"
        )


def _written(kwargs: dict[str, Any]) -> str:
    texts = (f"{name}={value!r}" for name, value in kwargs.items())
    return ", ".join(text if len(text) < 80 else f"{text[:80]} ..." for text in texts)


def _one_device(given: Any) -> str | None:
    """Return the name of the one device in a `device` or `device_map`.

    Raises:
        SettingsError: for a map of parts to several devices.
    """
    if isinstance(given, dict):
        if set(given) != {""}:
            raise SettingsError(
                f"device_map names parts ({', '.join(map(str, given))}), but a MiniGPT-4 is loaded "
                'to one device; use device_map="cuda:0" or alike'
            )
        given = given[""]
    if given is None:
        return None
    return f"cuda:{given}" if isinstance(given, int) else str(given)

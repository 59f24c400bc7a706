"""MiniGPT-4: a frozen vision encoder and a frozen LLM, joined by one linear layer.

The public names are loaded when first used, so `import minigpt4` costs nothing and imports no
torch. Paper: Zhu et al., "MiniGPT-4: Enhancing Vision-Language Understanding with Advanced Large
Language Models", 2023.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minigpt4.errors import MiniGPT4Error
    from minigpt4.generation import Chat, GenerationSettings, Reply, generate
    from minigpt4.model.configuration import MiniGPT4Config
    from minigpt4.model.loading import load
    from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
    from minigpt4.processing.processor import MiniGPT4Processor
    from minigpt4.world.scene import Scene

__version__ = "0.1.0"

__all__ = [
    "load",
    "MiniGPT4Config",
    "MiniGPT4Processor",
    "MiniGPT4ForConditionalGeneration",
    "Chat",
    "generate",
    "GenerationSettings",
    "Reply",
    "Scene",
    "MiniGPT4Error",
    "__version__",
]

_HOMES = {
    "load": "minigpt4.model.loading",
    "MiniGPT4Config": "minigpt4.model.configuration",
    "MiniGPT4ForConditionalGeneration": "minigpt4.model.minigpt4",
    "MiniGPT4Processor": "minigpt4.processing.processor",
    "Chat": "minigpt4.generation",
    "generate": "minigpt4.generation",
    "GenerationSettings": "minigpt4.generation",
    "Reply": "minigpt4.generation",
    "Scene": "minigpt4.world.scene",
    "MiniGPT4Error": "minigpt4.errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home at first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(__all__) | set(globals()))

"""The model: configuration, composition, projection, loading and saving, official weights.

Importing this package makes the model known to transformers' Auto classes.
"""

from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor

from minigpt4.model.build import build_model
from minigpt4.model.configuration import MiniGPT4Config
from minigpt4.model.loading import load, save
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration, MiniGPT4Output
from minigpt4.processing.image_processor import MiniGPT4ImageProcessor
from minigpt4.processing.processor import MiniGPT4Processor

__all__ = [
    "MiniGPT4Config",
    "MiniGPT4ForConditionalGeneration",
    "MiniGPT4Output",
    "build_model",
    "load",
    "save",
]

AutoConfig.register(MiniGPT4Config.model_type, MiniGPT4Config, exist_ok=True)
AutoModelForImageTextToText.register(
    MiniGPT4Config, MiniGPT4ForConditionalGeneration, exist_ok=True
)
AutoImageProcessor.register(
    MiniGPT4Config, slow_image_processor_class=MiniGPT4ImageProcessor, exist_ok=True
)
AutoProcessor.register(MiniGPT4Config, MiniGPT4Processor, exist_ok=True)

"""Examples -> tensors: pictures, tokens, conversation templates, the processor, batches."""

from minigpt4.processing.batch import Batch
from minigpt4.processing.processor import MiniGPT4Processor, TrainingLayout

__all__ = ["Batch", "MiniGPT4Processor", "TrainingLayout"]

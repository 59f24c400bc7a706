"""Training: optimizer, schedule, the loop, its checkpoints, and the two alignment stages."""

from minigpt4.training.checkpoint import load_trained_weights
from minigpt4.training.loop import fit
from minigpt4.training.record import TrainResult
from minigpt4.training.settings import TrainSettings
from minigpt4.training.task import StepLoss, Task

__all__ = ["StepLoss", "Task", "TrainResult", "TrainSettings", "fit", "load_trained_weights"]

"""Every error a user can meet, as one tree.

MiniGPT4Error
├── SettingsError        an unknown or ill-typed setting, recipe, key or option
├── ImageError           a picture that is missing, truncated, too large or not a picture
├── DataError            an example, a shard or an annotation file that cannot be used
├── PromptError          an empty prompt, or images and placeholders that do not match
│   └── ContextLengthError   a prompt longer than the LLM's context
├── WeightsError         missing, mismatched, truncated or foreign weights
│   └── WrongLLMError        a projection that belongs to another LLM
├── GenerationError      logits that are NaN or infinite, so that no token can be chosen
├── ServingError         a request that the engine does not answer
│   ├── QueueFullError       too many requests wait already
│   ├── RequestTimeoutError  a request that waited longer than a request may take
│   ├── RequestCancelledError  an answer that was given up before its end
│   └── EngineClosedError    an engine that takes no more requests
├── CurationError        a curation folder, database or step that cannot be used
├── ChatServiceError     an LLM behind an address that does not answer as it should
└── TrainingError        a run that cannot go on
    ├── StoppedError         a run that was asked to stop, and whose command goes on with it
    ├── NonFiniteLossError   a loss that is NaN or infinite
    └── CheckpointError      a checkpoint that cannot be written or read

A message says what happened, what was got, what was wanted and what to do about it.
"""


class MiniGPT4Error(Exception):
    """Base of all errors raised on purpose by this package."""


class SettingsError(MiniGPT4Error):
    """A setting, recipe, key or option is unknown or has the wrong type."""


class ImageError(MiniGPT4Error):
    """A picture is missing, truncated, too large or not a picture."""


class DataError(MiniGPT4Error):
    """An example, a shard or an annotation file cannot be used."""


class PromptError(MiniGPT4Error):
    """A prompt is empty, or its images and placeholders do not match."""


class ContextLengthError(PromptError):
    """A prompt is longer than the LLM's context allows."""


class WeightsError(MiniGPT4Error):
    """Weights are missing, mismatched, truncated or foreign."""


class WrongLLMError(WeightsError):
    """A projection belongs to another LLM than the one given."""


class GenerationError(MiniGPT4Error):
    """The logits are NaN or infinite, so that no token can be chosen."""


class ServingError(MiniGPT4Error):
    """The engine does not answer a request."""


class QueueFullError(ServingError):
    """Too many requests wait already; try again after `retry_after_seconds`."""

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RequestTimeoutError(ServingError):
    """A request waited in the queue for longer than a request may take."""


class RequestCancelledError(ServingError):
    """An answer was given up before its end."""


class EngineClosedError(ServingError):
    """The engine is closed and takes no more requests."""


class CurationError(MiniGPT4Error):
    """A curation folder, its database or a step of it cannot be used."""


class ChatServiceError(MiniGPT4Error):
    """An LLM behind an address does not answer as it should."""


class TrainingError(MiniGPT4Error):
    """A training run cannot go on."""


class StoppedError(TrainingError):
    """A run was asked to stop; the same command goes on with it."""


class NonFiniteLossError(TrainingError):
    """The loss became NaN or infinite."""


class CheckpointError(TrainingError):
    """A checkpoint cannot be written or read."""

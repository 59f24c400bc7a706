"""Answers from a model: batched, streamed, and in a conversation."""

from minigpt4.generation.chat import Chat
from minigpt4.generation.generate import TextStream, generate, stream
from minigpt4.generation.prompt import Prompt
from minigpt4.generation.reply import Reply
from minigpt4.generation.scoring import candidate_losses, rank_candidates
from minigpt4.generation.settings import CHAT, GREEDY, GenerationSettings
from minigpt4.processing.conversation import Conversation

__all__ = [
    "CHAT",
    "GREEDY",
    "Chat",
    "Conversation",
    "GenerationSettings",
    "Prompt",
    "Reply",
    "TextStream",
    "candidate_losses",
    "generate",
    "rank_candidates",
    "stream",
]

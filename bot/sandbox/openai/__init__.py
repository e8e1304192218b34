"""A twin of OpenAI's API: chat completions, embeddings and the list of models, over a real socket."""

from bot.sandbox.openai.models import ChatRequest, Model, answering, falling_silent, filling, reciting, saying
from bot.sandbox.openai.twin import OpenAITwin

__all__ = [
    "ChatRequest",
    "Model",
    "OpenAITwin",
    "answering",
    "falling_silent",
    "filling",
    "reciting",
    "saying",
]

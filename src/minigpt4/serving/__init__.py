"""Many people at once: the engine, an OpenAI-compatible server, and a web demo."""

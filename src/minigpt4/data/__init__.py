"""Data: what an example is, where examples come from, and in which order they are seen."""

"""Judge what a model says: against the truth of the drawn world, and in summary."""

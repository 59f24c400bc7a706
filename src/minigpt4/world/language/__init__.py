"""The language of the drawn world: captions, descriptions, questions, and whole documents."""

"""The drawn world: scenes as data, their pictures and the language about them."""

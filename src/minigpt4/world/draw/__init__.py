"""Drawing: a scene becomes pixels, drawn at twice the size and reduced."""

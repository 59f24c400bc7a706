"""Recipes: every training that can be run again by name.

A recipe is a function that returns a whole `Experiment` (a settings class); the module it is in
has `run(experiment, *, out, resume, device)`. The table holds text, so that naming the recipes
imports nothing.
"""

RECIPES: dict[str, str] = {
    "miniature_llm": "minigpt4.recipes.miniature:miniature_llm",
    "miniature_vision": "minigpt4.recipes.miniature:miniature_vision",
    "miniature_stage1": "minigpt4.recipes.miniature:miniature_stage1",
    "miniature_stage2": "minigpt4.recipes.miniature:miniature_stage2",
}

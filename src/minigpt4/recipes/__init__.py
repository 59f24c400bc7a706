"""Recipes: every training that can be run again by name.

A recipe is a function that returns a whole `Experiment` (a settings class); the module it is in
has `run(experiment, *, out, resume, device)`. A recipe with an argument `base` is a row of one of
the paper's tables, which runs on any of the bases. The table holds text, so that naming the recipes
imports nothing.
"""

RECIPES: dict[str, str] = {
    "miniature_llm": "minigpt4.recipes.miniature:miniature_llm",
    "miniature_vision": "minigpt4.recipes.miniature:miniature_vision",
    "miniature_stage1": "minigpt4.recipes.miniature:miniature_stage1",
    "miniature_stage2": "minigpt4.recipes.miniature:miniature_stage2",
    "vicuna_7b_stage1": "minigpt4.recipes.vicuna:vicuna_7b_stage1",
    "vicuna_7b_stage2": "minigpt4.recipes.vicuna:vicuna_7b_stage2",
    "vicuna_13b_stage1": "minigpt4.recipes.vicuna:vicuna_13b_stage1",
    "vicuna_13b_stage2": "minigpt4.recipes.vicuna:vicuna_13b_stage2",
    "llama2_7b_stage1": "minigpt4.recipes.llama2:llama2_7b_stage1",
    "llama2_7b_stage2": "minigpt4.recipes.llama2:llama2_7b_stage2",
    "table4_no_qformer_stage1": "minigpt4.recipes.table4:no_qformer_stage1",
    "table4_no_qformer_stage2": "minigpt4.recipes.table4:no_qformer_stage2",
    "table4_three_layers_stage1": "minigpt4.recipes.table4:three_layers_stage1",
    "table4_three_layers_stage2": "minigpt4.recipes.table4:three_layers_stage2",
    "table4_qformer_trained_stage1": "minigpt4.recipes.table4:qformer_trained_stage1",
    "table4_qformer_trained_stage2": "minigpt4.recipes.table4:qformer_trained_stage2",
    "table6_lora": "minigpt4.recipes.table6:lora",
    "locna": "minigpt4.recipes.locna:locna",
    "blip2_ft": "minigpt4.recipes.blip2_ft:blip2_ft",
    "pair": "minigpt4.recipes.pair:pair",
    "pair_stage2": "minigpt4.recipes.pair:pair_stage2",
    "finetune": "minigpt4.recipes.finetune:finetune",
}

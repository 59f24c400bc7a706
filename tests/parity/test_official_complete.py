"""Nothing of the goldens is left unchecked: each key has a test, or a reason why it has none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parity.goldens import STAGES, Goldens

STAGE = rf"({'|'.join(STAGES)})"

CHECKED = {
    "test_official_encoder.py": (
        r"images/(files|sizes_wh)",
        r"pixels_\d+(_img\d+)?",
        r"s\d+_(pixels|pos_embed|vit|ln_vision|qformer|proj)",
        r"enc_(vit|vit_blocks|ln_vision|qformer|proj)",
        r"noqf_(vit|ln_vision|proj)",
        r"noqf_lnloaded_proj",
    ),
    "test_official_tokens.py": (
        r"tokenizer/.*",
        r"prompt_segment_ids/.*",
        r"caption_processor/(raw|processed|max_words)",
        r"stage2/(alignment_prompts|prompt_template)",
        r"stage2_noqf_llama2/prompt_template",
        r"stage2_promptlist/(prompt_list|python_random_seed_before_forward)",
        r"keys_kept_by_official_save_checkpoint",
    ),
    "test_official_training.py": (
        r"images/batch_B",
        rf"{STAGE}/(captions|end_sym|max_txt_len|instruction_input|instruction)",
        r"stage2_promptlist/chosen_prompt_for_whole_batch",
        rf"{STAGE}_(loss|loss_none|grad_[wb]|token_nll|logits_regressed)",
        rf"{STAGE}_(regressed_ids|regressed_rowpos)",
        rf"{STAGE}_(cond_atts|regress_atts|part_targets)",
        rf"{STAGE}_(inputs_embeds|attention_mask|targets)",
        rf"{STAGE}_adamw_(official_step0|init_lr)_[wb]",
        r"adamw/groups/.*",
        rf"adamw/{STAGE}/(official_step0|init_lr)",
        r"lr/columns",
        r"lr/\w+/(values|cfg/\w+)",
        r"traj_(loss|lr|final_[wb])",
        r"trajectory/iters",
        r"trajectory/run/(init_lr|min_lr|warmup_lr|weight_decay)",
        r"trajectory/run/(max_epoch|warmup_steps|iters_per_epoch)",
    ),
    "test_official_generation.py": (
        r"chat_prompts/\w+/.*",
        r"chat_(vicuna0|llama2)_turn[12]_embeds",
        r"chat_answer_top_p_1e-3/\w+/(prompt_after|text|ids)",
        r"chat_stop/(stops|result)_\d.*",
        r"chat_stop/truncate_max_length_60/.*",
        r"generate/(images|texts|prefill_position_ids)",
        r"generate/common/.*",
        r"generate/cases/[^/]+/(args/\w+|ids|single_ids|answers|batch_equals_single)",
        r"gen_(inputs_embeds|attention_mask|prefill_last_logits)",
        r"multi_select/(images|instruction_input|answers_per_candidate|end_sym|num_cand)",
        r"multi_select/(ranks|ranks_num_cand|answer_token_counts|token_mean_ranks_NOT_official)",
        r"multi_select_(losses|token_mean_nll)",
    ),
}

UNCHECKED = {
    r".*note": "explains other values",
    r"environment/.*": "names the versions the goldens were made with",
    r"min_top2_logit_margin/.*": "says how safe a comparison of ids is; no behaviour",
    r"generate/cases/[^/]+/version_sensitive": "marks cases in which transformers has changed",
    r"chat_stop/beams3/.*": "beams with sampling: depends on the state of the random generator",
    r"trajectory/batch": "says in words which batch was used",
    r"trajectory/run/lr_sched": "names the one schedule there is",
    r"trajectory/run/(device|distributed|amp|wandb_log)": "says how the goldens were run",
}


def keys_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the paths of all values; the items of a list of objects share theirs."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from keys_of(inner, (*path, key))
    elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        for each in value:
            yield from keys_of(each, path)
    else:
        yield "/".join(path)


def matches(key: str, patterns: tuple[str, ...]) -> bool:
    return any(re.fullmatch(pattern, key, flags=re.DOTALL) for pattern in patterns)


def test_every_key_is_checked_or_has_a_reason(goldens: Goldens):
    keys = {*keys_of(goldens.values), *goldens.arrays}
    patterns = (*(each for file in CHECKED.values() for each in file), *UNCHECKED)
    assert sorted(key for key in keys if not matches(key, patterns)) == []


@pytest.mark.parametrize("file", CHECKED)
def test_every_pattern_is_read_in_its_file(file: str):
    """A pattern's first words must stand in the test file that claims it."""
    text = (Path(__file__).parent / file).read_text(encoding="utf-8")
    text += (Path(__file__).parent / "goldens.py").read_text(encoding="utf-8")
    for pattern in CHECKED[file]:
        words = re.findall(r"[a-z]{2,}", re.sub(r"\\.|\[.*?\]", " ", pattern.replace(STAGE, "")))
        assert any(word in text for word in words), pattern

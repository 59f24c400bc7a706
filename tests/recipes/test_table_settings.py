from __future__ import annotations

import pytest

from minigpt4.errors import SettingsError
from minigpt4.recipes.row_models import BLIP2_FT, LORA, MINIGPT4, QFORMER_TRAINED
from minigpt4.recipes.table_settings import blip2_parts, experiment_of, table_settings

EDITS = (
    "stage1.num_steps=3", "stage2.num_steps=4", "max_pictures=5", "parts.llm=my_llm",
    "data.laion=my_shards", "blip2.llm=my_opt",
)  # fmt: skip


def test_an_edit_reaches_every_row() -> None:
    settings = table_settings(EDITS)
    first, second = (experiment_of(t, settings, seed=7) for t in MINIGPT4.training.chain)
    assert (first.num_steps, second.num_steps, first.seed) == (3, 4, 7)
    assert first.model.llm == "my_llm"
    assert first.data["laion"].path == "my_shards"
    assert first.data["cc_sbu"].path.endswith("count=5")
    assert second.data["descriptions"].path.endswith("count=5")
    assert first.validation["held_out"].path.endswith("count=5")
    trained = experiment_of(QFORMER_TRAINED.training.chain[0], settings, seed=7)
    assert trained.model.train_qformer
    assert trained.model.llm == "my_llm"
    assert experiment_of(LORA.training, settings, seed=7).num_steps == 4
    tuned = experiment_of(BLIP2_FT.training, settings, seed=7)
    assert tuned.model == blip2_parts(settings)
    assert tuned.model.llm == "my_opt"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stage1.nm_steps=3", "num_steps"),
        ("stage1=3", "stage1.NAME=VALUE"),
        ("data.lion=x", "laion"),
        ("limt=3", "limit"),
    ],
)
def test_a_wrong_edit_names_the_right_one(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        experiment_of(MINIGPT4.training.chain[0], table_settings([text]), seed=1)


def test_an_unknown_base_is_refused() -> None:
    with pytest.raises(SettingsError, match="vicuna_13b"):
        table_settings(base="vicuna")

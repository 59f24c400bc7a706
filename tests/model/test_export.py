"""An exported model answers in plain transformers as it does here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Blip2ForConditionalGeneration

from minigpt4.errors import SettingsError
from minigpt4.model.export import export_blip2
from minigpt4.processing.conversation import IMAGE


def test_the_exported_model_has_the_same_logits(model: Any, pictures: list, tmp_path: Path):
    path = export_blip2(model, tmp_path / "blip2")
    exported = Blip2ForConditionalGeneration.from_pretrained(path).eval()
    batch = model.processor.generation_batch([["a", IMAGE, "b"]], pictures[:1])
    ids = batch.input_ids.masked_fill(batch.image_mask, exported.config.image_token_id)
    with torch.no_grad():
        wanted = model(**batch.model_inputs()).logits
        got = exported(
            pixel_values=batch.pixel_values, input_ids=ids, attention_mask=batch.attention_mask
        ).logits
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("options", [{"without_qformer": True}, {"projection_num_layers": 3}])
def test_variants_blip2_does_not_know_are_refused(
    make_model: Callable[..., Any], tmp_path: Path, options: dict
):
    with pytest.raises(SettingsError, match="BLIP-2 has a Q-Former and one linear layer"):
        export_blip2(make_model(**options), tmp_path / "blip2")

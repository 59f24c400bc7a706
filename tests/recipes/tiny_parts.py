"""Parts and data small enough to train on in a second, in the forms that the recipes read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import (
    Qwen3Config,
    Qwen3ForCausalLM,
    SiglipConfig,
    SiglipModel,
)

from byte_tokenizer import build_byte_tokenizer
from minigpt4.data.cc_sbu_align import write_cc_sbu_align
from minigpt4.data.shards import write_shards

OFFICIAL = Path(__file__).parents[1] / "fixtures" / "official_tiny"
OFFICIAL_PARTS = (
    f"model.vision_encoder={OFFICIAL / 'eva_vit.pth'}",
    f"model.qformer={OFFICIAL / 'blip2_qformer.pth'}",
    f"model.sizes={OFFICIAL / 'config.json'}",
    f"model.llm={OFFICIAL / 'llm'}",
)
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SIZE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SIZE |= {"intermediate_size": 32}


def write_data(folder: Path, *, count: int = 6) -> None:
    """Write the same pictures as shards, as `cc_sbu_align`, with captions and with questions."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, 40, 48, 3), dtype=np.uint8)
    pictures = [Image.fromarray(each) for each in pixels]
    pairs = [(picture, f"a red dog {n} on a mat") for n, picture in enumerate(pictures)]
    write_shards(pairs, folder / "laion")
    write_shards(pairs, folder / "cc_sbu")
    write_cc_sbu_align(pairs, folder / "align")
    images = folder / "coco"
    images.mkdir()
    for number, picture in enumerate(pictures):
        picture.save(images / f"{number:012d}.jpg")
    rows = [{"dataset_id": "coco", "image_id": str(n), "caption": "I see a dog."} for n in range(3)]
    (folder / "narratives.jsonl").write_text("\n".join(map(json.dumps, rows)))
    questions = [{"image_id": n, "question": "What is it?", "question_id": n} for n in range(3)]
    answers = [
        {"question_id": n, "image_id": n, "answers": [{"answer": "dog"}] * 10,
         "multiple_choice_answer": "dog"}
        for n in range(3)
    ]  # fmt: skip
    (folder / "questions.json").write_text(json.dumps({"questions": questions}))
    (folder / "annotations.json").write_text(json.dumps({"annotations": answers}))


def write_siglip(folder: Path) -> None:
    """Write a two-tower model with its preprocessing."""
    torch.manual_seed(0)
    model = SiglipModel(
        SiglipConfig(
            text_config={**SIZE, "vocab_size": 40},
            vision_config={**SIZE, "image_size": 32, "patch_size": 8},
        )
    )
    model.save_pretrained(folder)
    norm = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(norm))


def write_llm(folder: Path, *, chat_template: str | None = CHATML) -> None:
    """Write a small Qwen-like LLM with a tokenizer of bytes."""
    torch.manual_seed(1)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = build_byte_tokenizer(
        special, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"], chat_template=chat_template,
    )  # fmt: skip
    llm = Qwen3ForCausalLM(
        Qwen3Config(
            **SIZE, head_dim=8, num_key_value_heads=1, vocab_size=len(tokenizer), eos_token_id=2,
            pad_token_id=0, bos_token_id=None, max_position_embeddings=1024,
            tie_word_embeddings=True,
        )
    )  # fmt: skip
    llm.save_pretrained(folder)
    tokenizer.save_pretrained(folder)

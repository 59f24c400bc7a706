"""What the miniature's language models learn from."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import Linear

from minigpt4.recipes.miniature_llm import (
    BOS,
    IGNORED,
    LanguageTask,
    LLMSettings,
    cut_evenly,
    encode_document,
    pad_rows,
    train_tokenizer,
)
from minigpt4.world.language.corpus import Segment


def test_every_fourth_batch_retells_and_the_order_is_fixed(tmp_path: Path):
    tokenizer = train_tokenizer(vocab_size=600, num_documents=40)
    tokenizer.save_pretrained(tmp_path)
    settings = LLMSettings(tokens_per_batch=512)
    task = LanguageTask(Linear(1, 1), str(tmp_path / "tokenizer.json"), settings)  # type: ignore[arg-type]
    again = LanguageTask(Linear(1, 1), str(tmp_path / "tokenizer.json"), settings)  # type: ignore[arg-type]
    texts = [tokenizer.decode(task.batch(step).input_ids[0]) for step in range(8)]
    assert ["Again :" in text for text in texts] == [False, True, False, False] * 2
    assert torch.equal(task.batch(5).input_ids, again.batch(5).input_ids)


def test_what_tells_the_scene_is_read_but_not_learned():
    tokenizer = train_tokenizer(vocab_size=500, num_documents=20).backend_tokenizer
    document = (Segment("###Human: <Img>"), Segment("a red dog", learned=False), Segment("yes###"))
    ids, labels = encode_document(document, tokenizer)
    assert ids[0] == BOS
    hidden = tokenizer.encode("a red dog", add_special_tokens=False).ids
    assert labels.count(IGNORED) == 1 + len(hidden)
    assert labels[-1] == ids[-1]


def test_the_stop_mark_never_melts_into_the_word_before_it():
    tokenizer = train_tokenizer(vocab_size=600, num_documents=50)
    pieces = tokenizer.tokenize("It is red.###")
    assert pieces[-1] == "###"
    assert str(tokenizer.decode(tokenizer("It is red.###")["input_ids"])).strip() == "It is red.###"


def test_batches_of_a_pool_cost_about_the_same():
    rows = [([1] * length, [1] * length) for length in range(10, 110)]
    batches = cut_evenly(rows, 4)
    tokens = [sum(len(ids) for ids, _ in batch) for batch in batches]
    assert sum(len(batch) for batch in batches) == 100
    assert max(tokens) < 1.1 * min(tokens)


def test_padding_is_never_learned():
    batch = pad_rows([([1, 5, 6], [IGNORED, 5, 6]), ([1, 7], [IGNORED, 7])])
    assert batch.input_ids[1].tolist() == [1, 7, 0]
    assert batch.labels[1].tolist() == [IGNORED, 7, IGNORED]

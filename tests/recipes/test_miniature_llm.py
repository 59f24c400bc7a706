"""What the miniature's language models learn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import Linear

from minigpt4.recipes.miniature_llm import (
    BOS,
    IGNORED,
    LanguageTask,
    LLMSettings,
    Row,
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
    texts = [tokenizer.decode(task.batch(step).token_ids) for step in range(8)]
    assert ["Again :" in text for text in texts] == [False, True, False, False] * 2
    first, second = task.batch(5), again.batch(5)
    for name in ("token_ids", "starts", "weights", "noise", "labels"):
        assert torch.equal(getattr(first, name), getattr(second, name))
    embeddings = torch.randn(600, 8)
    assert torch.equal(first.embed(embeddings), second.embed(embeddings))


def test_what_tells_the_scene_is_read_but_not_learned():
    tokenizer = train_tokenizer(vocab_size=500, num_documents=20).backend_tokenizer
    document = (Segment("###Human: <Img>"), Segment("a red dog", learned=False), Segment("yes###"))
    row = encode_document(document, tokenizer)
    assert row.places[0] == [BOS]
    hidden = tokenizer.encode("a red dog", add_special_tokens=False).ids
    assert row.labels.count(IGNORED) == 1 + len(hidden)
    assert row.places[-1] == [row.labels[-1]]


def test_a_scene_told_in_places_is_read_as_means_of_words():
    tokenizer = train_tokenizer(vocab_size=500, num_documents=20).backend_tokenizer
    told = Segment("red dog ; park", learned=False, places=("red dog", "park"))
    row = encode_document((Segment("<Img>"), told, Segment("yes###")), tokenizer)
    opening = len(tokenizer.encode("<Img>", add_special_tokens=False).ids)
    first = 1 + opening
    assert row.labels[first : first + 2] == [IGNORED, IGNORED]
    assert [place for place, blur in enumerate(row.blurred) if blur] == [first, first + 1]
    batch = pad_rows([row])
    batch.noise.zero_()
    embeddings = torch.randn(500, 16)
    read = batch.embed(embeddings)[0]
    words = embeddings[tokenizer.encode("red dog", add_special_tokens=False).ids].mean(dim=0)
    length = read[first].norm() / words.norm()
    assert torch.allclose(read[first], length * words, atol=1e-5)
    assert 1 <= length <= 12.2
    assert torch.equal(read[0], embeddings[BOS])


def test_only_places_are_noisy_and_the_noise_is_fixed_by_the_seed():
    row = Row([[BOS], [5, 6], [7]], [IGNORED, IGNORED, 7], [False, True, False])
    embeddings = torch.randn(10, 16)
    batch = pad_rows([row], seed=3)
    noisy, again = batch.embed(embeddings), pad_rows([row], seed=3).embed(embeddings)
    assert torch.equal(noisy, again)
    calm = replace(batch, noise=torch.zeros_like(batch.noise)).embed(embeddings)
    assert torch.equal(noisy[0, [0, 2]], calm[0, [0, 2]])
    assert not torch.equal(noisy[0, 1], calm[0, 1])


def test_the_stop_mark_never_melts_into_the_word_before_it():
    tokenizer = train_tokenizer(vocab_size=600, num_documents=50)
    pieces = tokenizer.tokenize("It is red.###")
    assert pieces[-1] == "###"
    assert str(tokenizer.decode(tokenizer("It is red.###")["input_ids"])).strip() == "It is red.###"


def test_batches_of_a_pool_cost_about_the_same():
    rows = [_row([1] * length) for length in range(10, 110)]
    batches = cut_evenly(rows, 4)
    tokens = [sum(len(row) for row in batch) for batch in batches]
    assert sum(len(batch) for batch in batches) == 100
    assert max(tokens) < 1.1 * min(tokens)


def test_padding_is_never_learned():
    batch = pad_rows([_row([1, 5, 6]), _row([1, 7])])
    assert batch.token_ids.tolist() == [1, 5, 6, 1, 7, 0]
    assert batch.labels[1].tolist() == [IGNORED, 7, IGNORED]


def _row(ids: list[int]) -> Row:
    return Row([[token] for token in ids], [IGNORED, *ids[1:]], [False] * len(ids))

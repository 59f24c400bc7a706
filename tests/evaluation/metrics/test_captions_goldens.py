"""BLEU, ROUGE-L and CIDEr equal the COCO caption evaluation's, caption by caption and in total."""

from __future__ import annotations

import pytest

from evaluation.metrics.goldens import GOLDENS, NEAR, golden
from minigpt4.evaluation.metrics.captions import score_files
from minigpt4.evaluation.metrics.files import read_captions, read_results
from minigpt4.evaluation.metrics.penn_words import penn_words

REFERENCES = GOLDENS / "captions/references.json"
EXPECTED = golden("captions/expected.json")
SYSTEMS = list(EXPECTED["total"])


def test_every_hard_text_is_split_as_the_java_tokenizer_splits_it():
    rows = golden("captions/tokenized.json")["texts"]
    assert [penn_words(row["text"]) for row in rows] == [row["tokens"] for row in rows]


def test_every_reference_is_split_as_the_java_tokenizer_splits_it():
    references = read_captions(REFERENCES)
    for picture, texts in golden("captions/tokenized.json")["references"].items():
        assert [" ".join(penn_words(text)) for text in references[int(picture)]] == texts


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_caption_is_split_as_the_java_tokenizer_splits_it(name):
    captions = read_results(GOLDENS / f"captions/results_{name}.json")
    split = {str(key): " ".join(penn_words(text)) for key, text in captions.items()}
    assert split == golden("captions/tokenized.json")[f"results_{name}"]


@pytest.mark.parametrize("name", SYSTEMS)
def test_totals_and_every_caption_equal_the_evaluation(name):
    result = score_files(GOLDENS / f"captions/results_{name}.json", references=REFERENCES)
    assert result.totals == pytest.approx(EXPECTED["total"][name], abs=NEAR)
    rows = {row["image_id"]: row for row in EXPECTED[name]}
    assert [item["image_id"] for item in result.items] == list(rows)
    for item in result.items:
        ours = {key: value for key, value in item.items() if key != "caption"}
        assert ours == pytest.approx(rows[item["image_id"]], abs=NEAR)

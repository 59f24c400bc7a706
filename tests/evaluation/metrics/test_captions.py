"""BLEU, ROUGE-L and CIDEr by hand."""

from __future__ import annotations

import math

import pytest

from evaluation.metrics.goldens import NEAR
from minigpt4.errors import DataError
from minigpt4.evaluation.metrics.bleu import bleu, count_bleu
from minigpt4.evaluation.metrics.captions import score_captions
from minigpt4.evaluation.metrics.cider import cider
from minigpt4.evaluation.metrics.rouge import longest_common, rouge_l


def words(text):
    return text.split()


def test_bleu_clips_by_the_reference_that_has_most():
    # Papineni et al. 2002, §2.1: "the" seven times, at most two in a reference: 2/7.
    candidate = words("the the the the the the the")
    references = [words("the cat is on the mat"), words("there is a cat on the mat")]
    counts = count_bleu(candidate, references)
    assert (counts.matched[0], counts.guessed[0]) == (2, 7)
    assert bleu(counts)[0] == pytest.approx(2 / 7, abs=NEAR)


def test_bleu_of_two_orders_is_a_geometric_mean():
    # Four of five words and two of four pairs are there; the lengths are equal.
    scores = bleu(count_bleu(words("a red dog runs fast"), [words("a red dog sits fast")]))
    assert scores[0] == pytest.approx(4 / 5, abs=NEAR)
    assert scores[1] == pytest.approx(math.sqrt(4 / 5 * 2 / 4), abs=NEAR)


def test_bleu_penalises_what_is_shorter_than_the_closest_reference():
    # Lengths 3 and 9 are 2 and 4 away from 5: the closest is the shorter here. Equal distances
    # (3 and 7) take the shorter too, so nothing is penalised.
    five = words("a b c d e")
    assert count_bleu(five, [words("a b c"), ["x"] * 9]).reference_length == 3
    assert count_bleu(five, [["x"] * 7, words("a b c")]).reference_length == 3
    short = count_bleu(words("a b"), [words("a b c d")])
    assert bleu(short)[0] == pytest.approx(math.exp(1 - 4 / 2), abs=NEAR)


def test_bleu_of_a_set_sums_counts():
    first = count_bleu(words("a b"), [words("a b")])
    second = count_bleu(words("c d"), [words("x y")])
    assert bleu(first + second)[0] == pytest.approx(2 / 4, abs=NEAR)


def test_rouge_takes_precision_and_recall_from_different_references():
    caption = words("a b c d")
    long, short = words("a b c d e f g h"), words("a b")
    # Precision 4/4 by the long one, recall 2/2 by the short one.
    assert rouge_l(caption, [long, short]) == pytest.approx(1.0)
    precision, recall = 1.0, 0.5
    alone = (1 + 1.44) * precision * recall / (recall + 1.44 * precision)
    assert rouge_l(caption, [long]) == pytest.approx(alone)
    assert rouge_l(words("x"), [long]) == 0


def test_the_longest_common_subsequence_may_have_gaps():
    assert longest_common(words("a x b y c"), words("a b c")) == 3
    assert longest_common(words("c b a"), words("a b c")) == 1
    assert longest_common([], ["a"]) == 0


def test_cider_of_a_copy_is_ten_where_all_orders_count():
    captions = {1: words("a red dog runs"), 2: words("two blue boats swim")}
    scores = cider(captions, {key: [text] for key, text in captions.items()})
    assert scores == pytest.approx([10.0, 10.0])


def test_cider_gives_nothing_for_words_that_all_pictures_have():
    captions = {1: words("a dog"), 2: words("a cat")}
    references = {1: [words("a bird")], 2: [words("a fish")]}
    assert cider(captions, references) == [0.0, 0.0]


def test_cider_by_hand():
    # Two pictures. "dog" and "a dog" are in one of them: weight log 2; "a" is in both: 0.
    references = {1: [words("a dog")], 2: [words("a cat")]}
    caption = {1: words("a dog dog"), 2: words("a cat")}
    rarity = math.log(2)
    # Words: ours a 0, dog 2·log 2, theirs dog log 2; clipped to theirs: log 2 · log 2.
    first = rarity * rarity / (2 * rarity * rarity)
    # Pairs: ours "a dog" and "dog dog" (in no reference: rarer still, log 2), theirs "a dog".
    second = rarity * rarity / (math.sqrt(2) * rarity * rarity)
    # Orders three and four have nothing; the length differs by one pair.
    penalty = math.exp(-1 / (2 * 36))
    expected = 10 * (first + second) * penalty / 4
    assert cider(caption, references)[0] == pytest.approx(expected)


def test_only_the_run_s_pictures_weigh():
    captions = {1: "A dog.", 2: "A cat."}
    references = {1: ["a dog"], 2: ["a cat"]}
    two = score_captions(captions, references)
    more = score_captions(captions, references | {3: ["a dog"], 4: ["a dog"]})
    assert two.totals == more.totals
    alone = score_captions({1: "A dog."}, references)
    assert alone.totals["CIDEr"] == 0  # log 1: with one picture nothing is rare


def test_scores_have_intervals_around_their_values():
    captions = {1: "a red dog", 2: "a cat on a mat"}
    result = score_captions(captions, {1: ["a red dog"], 2: ["a dog on a sofa"]})
    assert set(result.scores) == set(result.totals)
    for name, score in result.scores.items():
        low, high = score.interval
        assert low <= score.value <= high
        assert score.value == pytest.approx(result.totals[name])


def test_a_picture_without_references_is_refused():
    with pytest.raises(DataError, match="1 of 1 captions are of pictures without references"):
        score_captions({1: "a dog"}, {1: []})


def test_nothing_to_score_gives_nothing():
    assert score_captions({}, {}).totals == {}


def test_a_number_with_a_fraction_is_two_words_for_bleu_and_cider_and_one_for_rouge():
    result = score_captions(
        {1: "1 1/2 cups", 2: "a dog"}, {1: ["2 1/2 cups"], 2: ["a cat on a mat"]}
    )
    item = result.items[0]
    assert item["Bleu_1"] == pytest.approx(2 / 3, abs=NEAR)  # 1/2 and cups of three words
    assert item["ROUGE_L"] == pytest.approx(1 / 2)  # cups of two
    rare = cider({1: words("1 1/2 cups"), 2: ["a"]}, {1: [words("2 1/2 cups")], 2: [["b"]]})
    assert item["CIDEr"] == pytest.approx(rare[0])


def test_means_over_captions_have_a_bootstrap_interval():
    captions = {key: "a red dog" if key < 10 else "x" for key in range(100)}
    result = score_captions(captions, {key: ["a red dog"] for key in captions})
    low, high = result.scores["ROUGE_L"].interval
    assert high - 0.1 > 0.1 - low > 0

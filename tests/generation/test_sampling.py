"""Each row's choice is its own."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
import torch

from minigpt4.errors import GenerationError
from minigpt4.generation.sampling import choose_tokens, nucleus, penalise
from minigpt4.generation.settings import CHAT, GREEDY, GenerationSettings

SAMPLED = replace(CHAT, top_p=1.0, repetition_penalty=1.0)


@dataclass
class Row:
    settings: GenerationSettings
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    token_ids: list[int] = field(default_factory=list)


def test_greedy_takes_the_likeliest():
    logits = torch.tensor([[0.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    assert choose_tokens(logits, [Row(GREEDY), Row(GREEDY)]) == [1, 0]


def test_penalty_divides_positive_and_multiplies_negative_logits():
    scores = penalise(torch.tensor([[2.0, -2.0, 1.0]]), [[0, 1, 0]], [2.0])
    assert scores.tolist() == [[1.0, -4.0, 1.0]]


def test_the_penalty_of_a_row_leaves_others_alone():
    logits = torch.tensor([[2.0, 1.9], [2.0, 1.9]])
    rows = [Row(replace(GREEDY, repetition_penalty=2.0), token_ids=[0]), Row(GREEDY, token_ids=[0])]
    assert choose_tokens(logits, rows) == [1, 0]


def test_draws_follow_the_probabilities():
    probabilities = torch.tensor([0.1, 0.2, 0.3, 0.4])
    rows = [Row(SAMPLED)] * 4000
    drawn = Counter(choose_tokens(probabilities.log().expand(4000, -1), rows))
    assert [drawn[i] / 4000 for i in range(4)] == pytest.approx(probabilities.tolist(), abs=0.03)


def test_temperature_sharpens():
    logits = torch.tensor([0.4, 0.6]).log()[None]
    cold = Row(replace(SAMPLED, temperature=0.01))
    assert {choose_tokens(logits, [cold])[0] for _ in range(50)} == {1}


def test_the_nucleus_is_the_smallest_set_with_that_probability():
    probabilities = torch.tensor([[0.5, 0.3, 0.2]])
    for top_p, kept in ((0.4, 1), (0.5, 1), (0.51, 2), (0.8, 2), (0.81, 3), (1e-9, 1), (1.0, 3)):
        assert int((nucleus(probabilities, torch.tensor([[top_p]])) > 0).sum()) == kept


class Nearly(random.Random):
    """The chance just below 1, which rounds up to 1 in fp32."""

    def random(self) -> float:
        return 1 - 2**-53


def test_no_chance_leads_out_of_the_nucleus():
    logits = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]]).log()
    rows = [Row(replace(SAMPLED, top_p=0.6), chance=Nearly()), Row(SAMPLED, chance=Nearly())]
    assert choose_tokens(logits, rows) == [1, 0]


def test_a_draw_does_not_depend_on_the_rows_beside_it():
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    together = choose_tokens(logits, [Row(SAMPLED, random.Random(seed)) for seed in (1, 2, 3)])
    alone = [
        choose_tokens(logits[i : i + 1], [Row(SAMPLED, random.Random(i + 1))])[0] for i in range(3)
    ]
    assert together == alone


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_are_a_clear_error(bad: float):
    logits = torch.zeros(2, 3)
    logits[1, 2] = bad
    with pytest.raises(GenerationError, match="row 1"):
        choose_tokens(logits, [Row(GREEDY), Row(GREEDY)])


def test_forbidden_tokens_are_allowed_to_be_minus_infinity():
    logits = torch.tensor([[float("-inf"), 1.0]])
    assert choose_tokens(logits, [Row(SAMPLED)]) == [1]
    with pytest.raises(GenerationError):
        choose_tokens(torch.full((1, 2), float("-inf")), [Row(GREEDY)])

"""Batches are a pure function of seed and step, and fair to sources and examples."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from minigpt4.data.example import Example, captioned
from minigpt4.data.mixing import MIN_REPLACEMENTS, Mixture, epoch_order, max_replacements
from minigpt4.errors import DataError, SettingsError


class Numbers:
    """A source whose examples are named by their number; some may be bad."""

    def __init__(self, name: str, count: int, *, bad: set[int] | None = None) -> None:
        self.name, self.count, self.bad = name, count, bad or set()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        if index in self.bad:
            raise DataError(f"empty caption: {self.name} {index}")
        return captioned(Image.new("RGB", (1, 1)), "x", key=f"{self.name}{index}")


def _keys(mixture: Mixture, step: int) -> list[str]:
    return [example.key for example in mixture.draw(step).examples]


def test_a_batch_comes_from_one_source() -> None:
    mixture = Mixture([(Numbers("a", 50), 1), (Numbers("b", 50), 1)], batch_size=8, seed=1)
    for step in range(20):
        drawn = mixture.draw(step)
        assert {example.key[0] for example in drawn.examples} == {"ab"[drawn.source]}


def test_sources_come_by_their_official_ratio() -> None:
    mixture = Mixture([(Numbers("laion", 9), 115), (Numbers("cc", 9), 14)], batch_size=1, seed=42)
    counts = Counter(mixture.place(step)[0] for step in range(10_000))
    assert counts[0] / 10_000 == pytest.approx(115 / 129, abs=0.01)


def test_any_step_can_be_drawn_without_the_steps_before() -> None:
    def make() -> Mixture:
        return Mixture([(Numbers("a", 30), 3), (Numbers("b", 7), 1)], batch_size=4, seed=5)

    in_order = make()
    expected = [_keys(in_order, step) for step in range(60)]
    assert [_keys(make(), step) for step in (59, 0, 31)] == [expected[s] for s in (59, 0, 31)]
    far = make().place(9_000)
    assert far == in_order.place(9_000)
    assert far[1] == sum(in_order.place(step)[0] == far[0] for step in range(9_000))


def test_every_epoch_sees_each_example_once_in_another_order() -> None:
    mixture = Mixture([(Numbers("a", 12), 1)], batch_size=4, seed=3)
    epochs = [
        [key for step in range(3 * e, 3 * e + 3) for key in _keys(mixture, step)] for e in (0, 1)
    ]
    assert set(epochs[0]) == set(epochs[1]) == {f"a{number}" for number in range(12)}
    assert epochs[0] != epochs[1]


def test_a_source_smaller_than_a_batch_goes_round() -> None:
    mixture = Mixture([(Numbers("a", 3), 1)], batch_size=8, seed=0)
    counts = Counter(_keys(mixture, 0))
    assert sum(counts.values()) == 8
    assert max(counts.values()) - min(counts.values()) <= 1


def test_seeds_differ() -> None:
    one = Mixture([(Numbers("a", 99), 1)], batch_size=4, seed=0)
    other = Mixture([(Numbers("a", 99), 1)], batch_size=4, seed=1)
    assert _keys(one, 0) != _keys(other, 0)


def test_a_bad_example_is_replaced_and_counted_by_reason() -> None:
    source = Numbers("a", 10, bad={4, 7})
    mixture = Mixture([(source, 1)], batch_size=10, seed=0)
    drawn = mixture.draw(0)
    assert len(drawn.examples) == 10
    assert set(drawn.skipped) == {"empty caption"}
    assert drawn.skipped["empty caption"] >= 2
    assert [example.key for example in drawn.examples] == [f"a{i}" for i in drawn.indices]
    assert _keys(mixture, 0) == _keys(mixture, 0)


def test_a_picture_that_is_missing_is_replaced(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "0.png")

    class Files(Numbers):
        def __getitem__(self, index: int) -> Example:
            return captioned(tmp_path / f"{index}.png", "x", key=str(index))

    drawn = Mixture([(Files("f", 2), 1)], batch_size=4, seed=0).draw(0)
    assert {example.key for example in drawn.examples} == {"0"}
    assert isinstance(drawn.examples[0].image, Image.Image)
    assert drawn.skipped["missing picture"] >= 2


def test_data_that_is_all_bad_is_an_error() -> None:
    mixture = Mixture([(Numbers("a", 5, bad=set(range(5))), 1)], batch_size=1, seed=0)
    with pytest.raises(DataError, match=f"{MIN_REPLACEMENTS} bad examples in a row.*empty caption"):
        mixture.draw(0)


def test_chance_is_blamed_by_the_share_that_is_allowed() -> None:
    source = Numbers("a", 100, bad=set(range(90)))
    allowed = Mixture([(source, 1)], batch_size=100, seed=0, max_bad_share=0.9)
    rows = [row for step in range(100) for row in allowed.draw(step).indices]
    assert len(rows) == 10_000
    assert min(rows) == 90
    few = Mixture([(source, 1)], batch_size=100, seed=0)
    with pytest.raises(DataError, match=r"20 bad examples in a row.*max_bad_share"):
        [few.draw(step) for step in range(100)]
    numbers = [max_replacements(share) for share in (0, 0.1, 0.7, 0.999, 1)]
    assert numbers == [20, 20, 78, 27618, 27618]
    with pytest.raises(SettingsError, match=r"max_bad_share is 1\.5"):
        max_replacements(1.5)


def test_impossible_mixtures_are_refused() -> None:
    with pytest.raises(DataError, match="0 examples"):
        Mixture([(Numbers("a", 0), 1)], batch_size=1, seed=0)
    with pytest.raises(DataError, match="ratio 0"):
        Mixture([(Numbers("a", 1), 0)], batch_size=1, seed=0)
    with pytest.raises(SettingsError):
        Mixture([], batch_size=1, seed=0)


def _sampled(seed: int = 5) -> Mixture:
    sources = [(Numbers("a", 30), 3), (Numbers("b", 7), 1)]
    return Mixture(sources, batch_size=4, seed=seed, mix="sample")


def test_mixed_by_sample_a_batch_comes_from_several_sources_by_ratio() -> None:
    mixture = _sampled()
    drawn = [mixture.draw(step) for step in range(500)]
    counts = Counter(number for batch in drawn for number in batch.sources)
    assert counts[0] / 2000 == pytest.approx(3 / 4, abs=0.03)
    assert sum(batch.source is None for batch in drawn) > 250
    for batch in drawn[:20]:
        expected = [f"{'ab'[number]}{index}" for number, index in batch.places]
        assert [example.key for example in batch.examples] == expected


def test_mixed_by_sample_any_step_can_be_drawn_without_the_steps_before() -> None:
    in_order = _sampled()
    expected = [_keys(in_order, step) for step in range(40)]
    assert [_keys(_sampled(), step) for step in (39, 0, 17)] == [expected[s] for s in (39, 0, 17)]


def test_mixed_by_sample_every_epoch_of_a_source_sees_each_example_once() -> None:
    mixture = _sampled()
    keys = [key for step in range(60) for key in _keys(mixture, step)]
    first_epoch = [key for key in keys if key[0] == "b"][:7]
    assert set(first_epoch) == {f"b{number}" for number in range(7)}


def test_processes_see_their_own_sources_and_together_the_same_examples() -> None:
    """Micro-batches are numbered over all processes: process r of n draws r, r + n, ..."""
    mixture = Mixture([(Numbers("a", 50), 1), (Numbers("b", 50), 1)], batch_size=2, seed=1)
    alone = [mixture.draw(number) for number in range(16)]
    two = [[mixture.draw(number) for number in range(rank, 16, 2)] for rank in (0, 1)]
    assert [batch for pair in zip(*two, strict=True) for batch in pair] == alone
    assert any(one.source != other.source for one, other in zip(*two, strict=True))


def test_an_unknown_way_of_mixing_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"batch .*or sample"):
        Mixture([(Numbers("a", 1), 1)], batch_size=1, seed=0, mix="epoch")


def test_epoch_order_is_a_permutation() -> None:
    assert sorted(epoch_order(p, 7, seed=(0,)) for p in range(7)) == list(range(7))

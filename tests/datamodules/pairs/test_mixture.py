"""Shares are exact, epochs whole, and ranks, workers and resumes meet every sample once."""

from collections import Counter

import pytest
from torch.utils.data import DataLoader

from datamodules.pairs.deal import Rank, StepSamples
from datamodules.pairs.faults import Ledger
from datamodules.pairs.mixture import BLOCK, Mixture, places_in_block
from datamodules.pairs.samples import Broken, BrokenSampleError, Sample


class Numbers:
    """So many samples named by their numbers; those in `broken` are."""

    def __init__(self, label: str, count: int, broken: tuple[int, ...] = ()) -> None:
        self.label, self.count, self.broken = label, count, broken

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return f"{self.label}{index}"

    def read(self, index: int) -> Sample:
        if index in self.broken:
            raise BrokenSampleError("an image must be whole, got none.")
        return Sample(self.name(index), caption="a")


def names(positions, count: int) -> list[str]:
    return [positions.name(position) for position in range(count)]


def test_every_block_holds_the_sources_in_their_shares() -> None:
    mixture = Mixture([Numbers("a", 5000), Numbers("b", 7000)], [3, 1], 0)
    for first in (0, 4 * BLOCK):
        block = [mixture.at(position)[0] for position in range(first, first + BLOCK)]
        assert Counter(block) == {0: 750, 1: 250}
    assert places_in_block([1, 1, 1]) == (334, 333, 333)
    assert places_in_block([2.5]) == (BLOCK,)


def test_a_source_is_met_whole_before_a_sample_comes_again() -> None:
    mixture = Mixture([Numbers("a", 300), Numbers("b", 70)], [9, 1], 3)
    dealt = names(mixture, 2 * BLOCK)
    first = [name for name in dealt if name.startswith("a")]
    for epoch in range(6):
        assert len(set(first[300 * epoch : 300 * epoch + 300])) == 300
    assert first[:300] != first[300:600]
    second = [name for name in dealt if name.startswith("b")]
    for first_of_epoch in (0, 70):  # the second epoch lies across two blocks
        assert len(set(second[first_of_epoch : first_of_epoch + 70])) == 70


def test_a_seed_gives_its_own_order_and_the_same_one_again() -> None:
    def dealt(seed: int) -> list[str]:
        return names(Mixture([Numbers("a", 40), Numbers("b", 40)], [1, 1], seed), 60)

    assert dealt(0) == dealt(0)
    assert dealt(0) != dealt(1)


@pytest.mark.parametrize("weights", [[1, 0], [1, -2], [1, float("nan")], [float("inf")]])
def test_a_weight_that_is_not_above_0_or_not_finite_is_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match=r"above 0 and finite, got (0|-2|nan|inf)\."):
        Mixture([Numbers("a", 4), Numbers("b", 4)], weights, 0)


@pytest.mark.parametrize("rest", [1e5, 999.5])
def test_a_weight_too_small_to_be_drawn_is_refused(rest: float) -> None:
    with pytest.raises(ValueError, match=r"at least 1/1000 of all weights, got 1\.0"):
        Mixture([Numbers("a", 4), Numbers("b", 4)], [1, rest], 0)
    assert places_in_block([1, 999]) == (1, 999)


RANKS, BATCH, STEPS, RESUMED_AT = 2, 50, BLOCK // 50, 7


def loader(positions, rank: int, steps: range, end: int | None = None) -> DataLoader:
    dealt = StepSamples(positions, BATCH, steps, Rank(rank, RANKS), end)
    return DataLoader(dealt, batch_size=None, num_workers=2, collate_fn=list)


def test_two_ranks_of_two_workers_meet_every_sample_once_though_they_were_stopped() -> None:
    positions = Mixture([Numbers("a", 750), Numbers("b", 250)], [3, 1], 0)
    whole = Counter(names(positions, BATCH * STEPS))
    assert set(whole.values()) == {1}
    assert len(whole) == BLOCK
    met: Counter[str] = Counter()
    by_step: dict[int, list[str]] = {}
    for rank in range(RANKS):
        for steps in (range(RESUMED_AT), range(RESUMED_AT, STEPS)):  # stopped, then resumed
            for step, samples in zip(steps, loader(positions, rank, steps), strict=True):
                assert len(samples) == BATCH // RANKS
                met.update(one.name for one in samples)
                by_step.setdefault(step, []).extend(one.name for one in samples)
    assert met == whole
    expected = names(positions, BATCH * STEPS)
    for step, seen in by_step.items():
        assert seen == expected[BATCH * step : BATCH * step + BATCH]


def test_the_last_step_of_a_list_ends_with_the_list() -> None:
    source = Numbers("a", 121)
    met = [
        one.name
        for rank in range(RANKS)
        for samples in loader(source, rank, range(3), end=121)
        for one in samples
    ]
    assert sorted(met) == sorted(names(source, 121))


def test_ranks_that_do_not_divide_a_step_are_refused() -> None:
    with pytest.raises(ValueError, match=r"batch must be a multiple of ranks=3, got 8\."):
        StepSamples(Numbers("a", 4), 8, range(2), Rank(0, 3))
    with pytest.raises(ValueError, match=r"rank must lie in \[0, ranks=2\), got 2\."):
        Rank(2, 2)


def test_broken_samples_are_counted_named_and_put_up_with_to_the_stated_share() -> None:
    source = Numbers("a", 100, broken=(3, 50, 51))
    dealt = StepSamples(source, 10, range(10))
    ledger = Ledger(100, 0.03)
    whole = [one for step in range(10) for one in ledger.whole(dealt[step])]
    assert len(whole) == 97
    assert ledger.read == 100
    assert [one.name for one in ledger.broken] == ["a3", "a50", "a51"]
    Ledger(100, 0.29).whole([Broken("x", "why")] * 29)  # in binary 0.29 * 100 is less than 29
    strict = Ledger(100, 0.02)
    message = r"at most 2\.0% of 100 samples may be broken, got 3 after 52: a3: an image .*; a50: "
    with pytest.raises(ValueError, match=message):
        [strict.whole(dealt[step]) for step in range(10)]
    with pytest.raises(ValueError, match=r"at most 0\.0% of 5 .* got 1 after 1: x: why"):
        Ledger(5, 0.0).whole([Broken("x", "why")])
    with pytest.raises(ValueError, match=r"max_broken must lie in \[0, 1\), got 1\.0"):
        Ledger(5, 1.0)

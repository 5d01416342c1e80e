"""A store of prefixes keeps to its budget and drops what was used longest ago."""

import pytest
import torch

from models.bridging.frozen_states import Prefix, join
from models.bridging.frozen_store import PromptStore

BYTES = 2 * 3 * 2 * 2 * 4
"""Of a token: keys and values of three layers, two heads and two channels, four bytes each."""


def prefix(length: int, value: float = 1.0) -> Prefix:
    keys = torch.full((1, 3, 2, length, 2), value)
    kept = torch.ones(1, length, dtype=torch.bool)
    return Prefix(keys, -keys, kept, torch.tensor([length]))


def test_the_least_recently_used_goes_first_and_the_budget_is_never_exceeded() -> None:
    store = PromptStore(10 * BYTES)
    store.keep("a", prefix(4))
    store.keep("b", prefix(4))
    assert store.held_bytes == 8 * BYTES
    assert store.fetch("a") is not None
    store.keep("c", prefix(3))
    assert list(store.held) == ["a", "c"]
    assert store.held_bytes == 7 * BYTES
    assert store.fetch("b") is None


def test_a_prompt_that_is_kept_again_takes_its_bytes_once() -> None:
    store = PromptStore(10 * BYTES)
    for _ in range(3):
        store.keep("a", prefix(4))
    assert store.held_bytes == 4 * BYTES


def test_a_prompt_larger_than_the_budget_is_not_kept_and_drops_nothing() -> None:
    store = PromptStore(4 * BYTES)
    store.keep("small", prefix(4))
    store.keep("large", prefix(5))
    assert list(store.held) == ["small"]


def test_what_is_kept_is_a_copy_without_the_batch_it_was_read_in() -> None:
    store = PromptStore(1 << 20)
    whole = join([prefix(2), prefix(3)], torch.device("cpu"))
    row = whole.rows()[0]
    store.keep("a", row)
    held = store.fetch("a")
    row.keys.zero_()
    assert held is not None
    assert held.keys.untyped_storage().nbytes() == held.keys.nbytes == BYTES
    assert held.keys.eq(1).all()


def test_joined_rows_are_padded_on_the_right_and_come_apart_again() -> None:
    rows = [prefix(2, 5.0), prefix(3, 7.0)]
    whole = join(rows, torch.device("cpu"))
    assert whole.kept.tolist() == [[True, True, False], [True, True, True]]
    assert whole.keys[0, :, :, 2].eq(0).all()
    for row, again in zip(rows, whole.rows(), strict=True):
        assert torch.equal(row.keys, again.keys)
        assert torch.equal(row.values, again.values)
        assert row.places.tolist() == again.places.tolist()


def test_a_budget_below_one_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="budget_bytes must be at least 1, got 0"):
        PromptStore(0)

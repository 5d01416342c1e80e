"""How wide a token is on disk."""

from pathlib import Path

import pytest

from datamodules.sequences import SequenceStore


@pytest.mark.parametrize(("largest", "width"), [(65_535, 2), (65_536, 8), (151_943, 8)])
def test_tokens_take_two_bytes_until_an_id_needs_more(
    largest: int, width: int, tmp_path: Path
) -> None:
    rows = [([1, 2], [False, True]), ([largest], [True])]
    SequenceStore.from_rows(rows).save(tmp_path, "text")
    store = SequenceStore.load(tmp_path, "text")
    assert store.tokens.itemsize == width
    assert [store.row(index)[0].tolist() for index in range(2)] == [[1, 2], [largest]]

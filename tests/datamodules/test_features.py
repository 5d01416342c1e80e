"""Features are dealt out beside the tokens of the sequences that they belong to."""

from pathlib import Path

import numpy as np
import pytest

from datamodules.features import FeatureStore, save_features
from datamodules.sequences import PromptDrop, SequenceData, SequenceStore, indices

PICTURES = np.arange(2 * 3 * 2, dtype=np.float32).reshape(2, 3, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four sequences; the first is about picture 1, the last about picture 0."""
    rows = [([7, index], [False, True]) for index in range(4)]
    SequenceStore.from_rows(rows).save(tmp_path, "understand")
    save_features(tmp_path, PICTURES, np.array([1, -1, -1, 0]))
    return tmp_path


def test_a_sequence_without_a_picture_has_zeros(folder: Path) -> None:
    store = FeatureStore.load_with(folder, "understand", folder)
    found = store.beside([3, 2, 0])["features"].numpy()
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, [PICTURES[0], 0 * PICTURES[0], PICTURES[1]])


def test_a_batch_holds_the_features_of_its_own_sequences(folder: Path) -> None:
    store = FeatureStore.load_with(folder, "understand", folder)
    data = SequenceData({"understand": store}, {"understand": 2}, PromptDrop(0, 6), 0, 4)
    batch = data.batches(0)[1]["understand"]
    chosen = indices(0, "understand", 1, 2, 4)
    assert batch["tokens"][:, 1].tolist() == chosen
    expected = {0: PICTURES[1], 3: PICTURES[0]}
    for index, features in zip(chosen, batch["features"].numpy(), strict=True):
        np.testing.assert_array_equal(features, expected.get(index, 0 * PICTURES[0]))


def test_a_run_that_goes_on_sees_the_data_after_those_of_the_run_before(folder: Path) -> None:
    stores = {"understand": SequenceStore.load(folder, "understand")}
    parts = (stores, {"understand": 2}, PromptDrop(0, 6), 0)
    whole, second = SequenceData(*parts, 6), SequenceData(*parts, 3, begin=3)
    assert len(second.batches(1)) == 2
    for step in range(3):
        expected = whole.batches(0)[3 + step]["understand"]["tokens"]
        assert second.batches(0)[step]["understand"]["tokens"].tolist() == expected.tolist()


def test_features_of_other_sequences_are_refused(folder: Path) -> None:
    save_features(folder, PICTURES, np.array([2, -1, -1, 0]))
    with pytest.raises(ValueError, match=r"one of 2 pictures, or none, .* got 4 names up to 2"):
        FeatureStore.load_with(folder, "understand", folder)

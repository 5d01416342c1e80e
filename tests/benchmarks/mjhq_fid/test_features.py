"""Feature files: streamed, mapped, in parts, and what is refused by name."""

import tracemalloc

import numpy as np
import pytest

from benchmarks.mjhq_fid import map_features, read_features, write_features
from benchmarks.mjhq_fid.features import stored_parts, stream_features
from benchmarks.records import write_json

ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)


def test_a_feature_file_is_what_numpy_reads(tmp_path):
    write_features(tmp_path / "features.npz", ["a", "b", "c"], ROWS)
    with np.load(tmp_path / "features.npz") as arrays:
        assert arrays["features"].dtype == np.float16
        assert arrays["ids"].tolist() == ["a", "b", "c"]
        np.testing.assert_array_equal(arrays["features"], ROWS)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_feature_file_that_numpy_wrote_is_mapped_alike(tmp_path, save, order):
    rows = np.asarray(ROWS, dtype=np.float16, order=order)
    save(tmp_path / "features.npz", features=rows, ids=np.array(["a", "b", "c"]))
    found = map_features(tmp_path / "features.npz")
    assert found.ids == ["a", "b", "c"]
    np.testing.assert_array_equal(found.rows, ROWS)
    (chunk,) = found.chunks(np.array([2, 0]))
    np.testing.assert_array_equal(chunk, ROWS[[2, 0]])


def test_writing_and_mapping_hold_a_chunk_in_memory_and_not_the_file(tmp_path):
    chunk = np.ones((100, 256))

    def peak(chunks):
        names = [str(number) for number in range(100 * chunks)]
        tracemalloc.start()
        path = tmp_path / "features.npz"
        stream_features(path, names, (chunk * number for number in range(chunks)), 256)
        assert map_features(path).rows[-1, 0] == chunks - 1
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    few, many = peak(20), peak(80)
    ids = 60 * 100 * 200  # the names themselves: two lists and an array of them
    assert many - few < ids < 60 * 100 * 256 * 2


def test_the_parts_that_a_file_was_made_of_are_found_again(tmp_path):
    path = tmp_path / "features.npz"
    stream_features(path, ["a", "b", "c"], [ROWS[:2], ROWS[2:]], 4, {"first": 2, "second": 1})
    found = stored_parts(path)
    assert {key: part.ids for key, part in found.items()} == {"first": ["a", "b"], "second": ["c"]}
    np.testing.assert_array_equal(found["second"].rows, ROWS[2:])
    assert stored_parts(tmp_path / "none.npz") == {}


@pytest.mark.parametrize(("value", "named"), [(np.nan, "NaN"), (1e6, "an infinite value")])
def test_a_feature_that_is_no_number_is_refused_with_its_image(tmp_path, value, named):
    broken = ROWS.copy()
    broken[1, 2] = value
    write_features(tmp_path / "broken.npz", ["a", "b", "c"], broken)
    with pytest.raises(ValueError, match=f"must hold numbers, got {named} for b"):
        read_features(tmp_path / "broken.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(("kind", "message"), [("U", "numbers as features, got <U"), ("O", "got")])
def test_features_that_are_texts_or_objects_are_refused(tmp_path, save, kind, message):
    save(tmp_path / "odd.npz", features=np.array([["x"]]).astype(kind), ids=np.array(["a"]))
    with pytest.raises(ValueError, match=rf"odd\.npz must hold .*{message}"):
        map_features(tmp_path / "odd.npz")


def test_an_id_that_comes_twice_is_refused(tmp_path):
    write_features(tmp_path / "twice.npz", ["a", "b", "a"], ROWS)
    with pytest.raises(ValueError, match="must hold each id once, got 1 again"):
        read_features(tmp_path / "twice.npz")


def test_a_file_without_records_is_refused(tmp_path):
    write_features(tmp_path / "none.npz", [], np.zeros((0, 4)))
    with pytest.raises(ValueError, match="must hold at least one record, got none"):
        map_features(tmp_path / "none.npz")


def test_a_file_of_another_kind_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", weights=ROWS)
    with pytest.raises(ValueError, match="must hold `ids` and `features`"):
        map_features(tmp_path / "other.npz")
    np.savez(tmp_path / "one.npz", ids="dog", features=ROWS)
    with pytest.raises(ValueError, match=r"`ids` must be a list, got the shape \[\]"):
        map_features(tmp_path / "one.npz")
    write_json(tmp_path / "text.npz", {})
    with pytest.raises(ValueError, match=r"text\.npz must be an \.npz file"):
        map_features(tmp_path / "text.npz")

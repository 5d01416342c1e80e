import json

import numpy as np
import pytest

from datamodules.world.judges.detection import (
    Detection,
    check_images,
    geneval_detections,
    overlap,
    suppress,
)


def test_overlap_of_two_boxes_that_share_a_third_is_a_third():
    assert overlap(np.array([0, 0, 2, 2]), np.array([1, 0, 3, 2])) == pytest.approx(1 / 3)
    assert overlap(np.array([0, 0, 2, 2]), np.array([5, 5, 6, 6])) == 0


def test_suppression_keeps_the_best_of_overlapping_detections_of_any_class():
    best = Detection("dog", (0, 0, 10, 10), 0.9, None)
    double = Detection("cow", (1, 0, 11, 10), 0.6, "red")
    apart = Detection("dog", (20, 20, 30, 30), 0.5, None)
    assert suppress([apart, double, best], most_overlap=0.5) == [best, apart]


def test_record_groups_boxes_and_colours_by_class_and_is_json():
    found = [
        Detection("dog", (0, 1, 2, 3), 0.75, "red"),
        Detection("cow", (4, 5, 6, 7), 0.5, "blue"),
        Detection("dog", (8, 9, 10, 11), 0.25, None),
    ]
    record = json.loads(json.dumps(geneval_detections(found)))
    assert record == {
        "dog": {"boxes": [[0, 1, 2, 3, 0.75], [8, 9, 10, 11, 0.25]], "colors": ["red", "natural"]},
        "cow": {"boxes": [[4, 5, 6, 7, 0.5]], "colors": ["blue"]},
    }


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 32, 32, 3), dtype=np.float32),
        np.zeros((32, 32, 3), dtype=np.uint8),
        np.zeros((1, 64, 64, 3), dtype=np.uint8),
    ],
)
def test_images_of_another_type_rank_or_size_are_refused_with_what_came(images: np.ndarray):
    with pytest.raises(ValueError, match=r"images must be uint8 \[b, 32, 32, 3\], got .*\d\]"):
        check_images(images, pixels=32)

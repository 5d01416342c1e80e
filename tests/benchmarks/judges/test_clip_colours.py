"""What CLIP is shown of an object, and a random checkpoint in the real format."""

import numpy as np
import pytest
import torch

from benchmarks.geneval.prompts import COLOURS
from benchmarks.judges.clip_colours import ClipColours, cut_out
from benchmarks.judges.coloured_objects import ColouredObjects
from benchmarks.judges.mask2former import Instance
from tests.benchmarks.judges.tiny import save_clip, save_mask2former


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    detector = save_mask2former(folder / "detector")
    return str(detector), str(save_clip(folder / "clip"))


@pytest.fixture(scope="module")
def clip(checkpoints):
    return ClipColours(checkpoints[1], "cpu")


def test_an_object_is_cut_out_on_grey_to_the_box_of_its_mask():
    image = np.zeros((20, 30, 3), np.uint8)
    image[:, :, 0] = 200
    mask = np.zeros((20, 30), bool)
    mask[5:9, 10:16] = True
    mask[5, 10] = False
    shown = np.asarray(cut_out(image, mask))
    assert shown.shape == (4, 6, 3)
    assert shown[0, 0].tolist() == [0x99, 0x99, 0x99]
    assert shown[1, 1].tolist() == [200, 0, 0]


def test_the_middle_square_is_seen_after_scaling_the_shorter_side(clip):
    image = np.zeros((64, 192, 3), np.uint8)
    image[:, 64:128] = 255  # at 32 pixels high, just the middle square
    seen = clip.prepare(cut_out(image, np.ones((64, 192), bool)))
    assert seen.shape == (3, 32, 32)
    white = (1 - clip.mean) / clip.spread
    assert seen[:, 16, 16] == pytest.approx(white, abs=1e-5)
    assert seen[:, 16, 3] == pytest.approx(white, abs=0.2)  # but for the edge's blur


def test_a_colours_vector_is_the_normalised_mean_of_its_normalised_texts(clip):
    told = clip._classifier("dog")
    assert told.shape == (10, 8)
    texts = [
        "a photo of a green dog",
        "a photo of a green-colored dog",
        "a photo of a green object",
    ]
    vectors = []
    for text in texts:  # one at a time, so that no padding is in play
        with torch.inference_mode():
            tokens = clip.tokenizer(text, return_tensors="pt")
            vector = clip.model.get_text_features(**tokens).pooler_output[0]
        vectors.append(vector / vector.norm())
    mean = torch.stack(vectors).mean(0)
    assert told[COLOURS.index("green")].tolist() == pytest.approx(
        (mean / mean.norm()).tolist(), abs=1e-5
    )


def test_every_object_gets_one_of_the_ten_colours_whatever_its_company(clip):
    image = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    masks = [np.zeros((40, 40), bool) for _ in range(2)]
    masks[0][:20], masks[1][30:, 5:] = True, True
    together = clip.colours(image, masks, "dog")
    assert together == [clip.colours(image, [mask], "dog")[0] for mask in masks]
    assert set(together) <= set(COLOURS)
    assert clip.colours(image, [], "dog") == []


def test_colours_are_asked_for_where_the_prompt_does_and_only_above_the_threshold(
    checkpoints, monkeypatch
):
    judge = ColouredObjects(*checkpoints, "cpu")
    mask = np.ones((8, 8), bool)
    found = [
        Instance(name, (0, 0, 8, 8), score, mask)
        for name, score in (("dog", 0.9), ("cat", 0.8), ("dog", 0.3))
    ]
    monkeypatch.setattr(judge.detector, "detect", lambda image: found)
    monkeypatch.setattr(judge.colours, "colours", lambda image, masks, name: ["red"] * len(masks))
    include = [{"class": "dog", "count": 1, "color": "red"}, {"class": "cat", "count": 1}]
    (seen,) = judge.detect([np.zeros((8, 8, 3), np.uint8)], [{"include": include}])
    assert seen == {
        "dog": {"boxes": [[0, 0, 8, 8, 0.9], [0, 0, 8, 8, 0.3]], "colors": ["red", None]},
        "cat": {"boxes": [[0, 0, 8, 8, 0.8]], "colors": [None]},
    }
    assert judge.label == "detector+clip"

"""Detections from planted masks with known boxes, and a random checkpoint in the real format."""

import numpy as np
import pytest
import torch

from benchmarks.geneval.prompts import CLASSES
from benchmarks.judges.mask2former import Mask2FormerDetector, Sizes, instances, tight_box
from tests.benchmarks.judges.tiny import save_mask2former


def planted(*boxes: tuple[int, int, int, int], side: int = 16, inside: float = 4.0) -> torch.Tensor:
    """Return mask logits [mask, side, side], `inside` in the box and -8 around it."""
    masks = torch.full((len(boxes), side, side), -8.0)
    for mask, (left, top, right, bottom) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = inside
    return masks


SAME = Sizes((16, 16), (16, 16), (16, 16))


def test_a_planted_mask_gives_its_box_one_past_the_end_and_the_product_of_both_scores():
    classes = torch.tensor([[0.9, 0.02]])
    (found,) = instances(classes, planted((3, 5, 9, 7)), SAME, ["dog", "cat"])
    assert (found.name, found.box) == ("dog", (3, 5, 9, 7))
    assert found.mask.sum() == 6 * 2
    # 0.9 times the mean probability inside, sigmoid(4) = 0.98201
    assert found.score == pytest.approx(0.9 * 0.98201, abs=1e-4)


def test_one_mask_may_be_two_classes_and_the_best_comes_first():
    classes = torch.tensor([[0.3, 0.6], [0.5, 0.1]])
    masks = planted((0, 0, 4, 4), (8, 8, 16, 16))
    found = list(instances(classes, masks, SAME, ["dog", "cat"]))
    assert [(one.name, one.box) for one in found] == [
        ("cat", (0, 0, 4, 4)),
        ("dog", (8, 8, 16, 16)),
        ("dog", (0, 0, 4, 4)),
        ("cat", (8, 8, 16, 16)),
    ]


def test_only_the_hundred_best_of_query_and_class_are_kept():
    classes = torch.full((60, 2), 0.4)
    classes[:10] = 0.1  # the twenty that do not make it
    found = list(instances(classes, planted(*[(0, 0, 8, 8)] * 60), SAME, ["dog", "cat"]))
    assert len(found) == 100
    assert min(one.score for one in found) > 0.35


def test_an_empty_mask_and_a_faint_class_are_not_reported():
    classes = torch.tensor([[0.9, 0.9], [0.04, 0.9]])
    masks = planted((4, 4, 4, 4), (0, 0, 8, 8))
    assert [one.name for one in instances(classes, masks, SAME, ["dog", "cat"])] == ["cat"]
    assert tight_box(np.zeros((4, 4), bool)) == (0, 0, 0, 0)


def test_padding_is_cut_off_and_the_mask_is_scaled_to_the_image():
    # logits at a quarter of the padded 64 x 64, of which 32 x 64 (h x w) hold the image at half
    # its size; the mask is the left half and the upper half of the image
    masks = planted((0, 0, 8, 4))
    (found,) = instances(
        torch.tensor([[0.9]]), masks, Sizes((64, 128), (32, 64), (64, 64)), ["dog"]
    )
    left, top, right, bottom = found.box
    assert (left, top) == (0, 0)
    # the edges lie at 8 * 4 * 2 = 64 and 4 * 4 * 2 = 32; going from 4 to -8 between the middles of
    # two logits, 0 is crossed a third of the way: (7.5 + 1/3) * 8 = 62.7 and (3.5 + 1/3) * 8 = 30.7
    assert right == pytest.approx(62.7, abs=1)
    assert bottom == pytest.approx(30.7, abs=1)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_mask2former(tmp_path_factory.mktemp("detector") / "tiny-mask2former")


def test_a_saved_checkpoint_is_loaded_with_its_classes_and_sides(checkpoint, monkeypatch):
    monkeypatch.setattr("benchmarks.judges.mask2former.REPORTED", 0.0)
    detector = Mask2FormerDetector(str(checkpoint), "cpu")
    assert detector.classes == list(CLASSES)
    assert detector.protocol["sides"] == [64, 96]
    assert detector.protocol["revision"].startswith("sha256 ")
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    pixels, sizes = detector._prepare(image)
    # 64 / 50 = 1.28 and 96 / 70 = 1.371: the smaller; 70 * 1.28 = 89.6; padded to multiples of 32
    assert (sizes.scaled, sizes.padded) == ((64, 90), (64, 96))
    assert pixels.shape == (3, 64, 96)
    assert pixels[:, :, 90:].abs().max() == 0
    found = detector.detect(image)
    assert len(found) == 100
    for one in found:
        assert one.mask.shape == (50, 70)
        assert one.box == tight_box(one.mask)


def test_a_checkpoint_that_lacks_a_weight_is_refused(checkpoint, tmp_path):
    from safetensors.torch import load_file, save_file

    lacking = tmp_path / "lacking"
    lacking.mkdir()
    for path in checkpoint.iterdir():
        (lacking / path.name).write_bytes(path.read_bytes())
    weights = load_file(lacking / "model.safetensors")
    weights.pop("class_predictor.weight")
    save_file(weights, lacking / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"must hold all weights .* 1 missing: class_predictor"):
        Mask2FormerDetector(str(lacking), "cpu")
    (lacking / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(OSError, match="must be a whole checkpoint of its kind"):
        Mask2FormerDetector(str(lacking), "cpu")


def test_a_hub_id_without_network_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(OSError, match="a hub id that is cached or can be reached") as caught:
        Mask2FormerDetector("facebook/mask2former-swin-small-coco-instance", "cpu")
    assert "\n" not in str(caught.value)

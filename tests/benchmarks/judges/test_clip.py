"""CLIP and DINO from random checkpoints in the real format: what they see, and cosines of it."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2
from transformers import ViTConfig, ViTImageProcessor, ViTModel

from benchmarks.judges.clip_likeness import ClipLikeness
from benchmarks.judges.dino import MEAN, SPREAD, Dino
from benchmarks.judges.squares import middle_square
from benchmarks.judges.subject_likeness import SubjectLikeness
from tests.benchmarks.judges.tiny import save_clip

RANDOM = np.random.default_rng(0)
IMAGES = [RANDOM.integers(0, 256, size, np.uint8) for size in ((50, 70, 3), (64, 40, 3))]


def save_dino(folder, layers=1):
    """Write a ViT that sees 28 x 28, as facebook/dino-vits16 is saved: without a pooler."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": layers}
    config = ViTConfig(**sizes, num_attention_heads=2, image_size=28, patch_size=14)
    ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    ViTImageProcessor(size={"height": 28, "width": 28}).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    return save_dino(folder / "dino"), str(save_clip(folder / "clip"))


@pytest.mark.parametrize("image", IMAGES)
def test_the_middle_square_is_torchvisions(image):
    picture = Image.fromarray(image)
    theirs = v2.Compose([v2.Resize(32, v2.InterpolationMode.BICUBIC), v2.CenterCrop(28)])(picture)
    expected = np.asarray(theirs, np.float32).transpose(2, 0, 1) / 255
    np.testing.assert_array_equal(middle_square(picture, 32, 28), expected)


def test_dino_gives_the_class_tokens_last_state_of_what_its_evaluation_shows(checkpoints):
    dino = Dino(checkpoints[0], "cpu")
    assert dino.protocol["dino_pixels"] == [32, 28]  # as 256 and 224
    picture = Image.fromarray(IMAGES[0])
    shown = v2.Compose(
        [
            v2.Resize(32, v2.InterpolationMode.BICUBIC),
            v2.CenterCrop(28),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, SPREAD),
        ]
    )(picture)
    with torch.inference_mode():
        state = dino.model(pixel_values=shown[None]).last_hidden_state[0, 0]
    [found] = dino.see([picture])
    torch.testing.assert_close(found, state / state.norm(), atol=1e-5, rtol=1e-4)


def test_a_dino_that_lacks_weights_is_refused(tmp_path):
    folder = save_dino(tmp_path / "dino")
    ViTConfig.from_pretrained(folder, num_hidden_layers=2).save_pretrained(folder)
    with pytest.raises(ValueError, match="must hold all weights of ViTModel"):
        Dino(folder, "cpu")


def test_a_checkpoint_that_is_not_there_is_told_in_one_line(tmp_path):
    with pytest.raises(OSError, match="a whole checkpoint of its kind"):
        Dino(str(tmp_path), "cpu")


def test_likeness_is_the_cosine_of_clips_vectors_whatever_stands_beside(checkpoints):
    judge = ClipLikeness(checkpoints[1], "cpu")
    texts = ["a dog", "cat-like"]
    found = judge.likeness(IMAGES, texts)
    assert judge.label == "clip"
    assert str(judge.protocol["clip_revision"]).startswith("sha256 ")
    for row, image in zip(found, IMAGES, strict=True):
        for value, text in zip(row, texts, strict=True):
            assert judge.likeness([image], [text])[0][0] == pytest.approx(value, abs=1e-5)
            assert -1 <= value <= 1


def test_a_text_longer_than_clip_reads_is_refused_and_not_cut(checkpoints):
    judge = ClipLikeness(checkpoints[1], "cpu")
    with pytest.raises(ValueError, match=r"at most 77 tokens for clip, got 82 in 'aaaa"):
        judge.likeness(IMAGES[:1], ["a" * 80])


def test_a_picture_is_wholly_like_itself_by_both_networks(checkpoints):
    judge = SubjectLikeness(*checkpoints, "cpu")
    assert judge.label == "dino+clip"
    seen = judge.see([*IMAGES, IMAGES[0]])
    for vectors in seen.values():
        cosines = vectors @ vectors.T
        assert cosines[0, 2] == pytest.approx(1, abs=1e-5)
        assert cosines[0, 1] < 0.9999
    told = judge.read(["a dog", "a cat"])
    np.testing.assert_allclose((told**2).sum(1), 1, rtol=1e-5)

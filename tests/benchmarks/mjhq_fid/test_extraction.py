"""A folder of images to features: layouts, bad images by name, parts that are not judged again."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import mjhq_fid
from benchmarks.mjhq_fid import extraction, read_features
from benchmarks.mjhq_fid.folder import find_images, read_meta
from benchmarks.records import MissingItemsError, read_json, write_json

META = {
    "a1": {"category": "animals", "prompt": "a cat"},
    "a2": {"category": "animals", "prompt": "a dog"},
    "f1": {"category": "food", "prompt": "soup"},
}


class Means:
    """An extractor whose two features are the mean of red and of green; it counts its images."""

    label = "means"

    def __init__(self, version="1"):
        self.protocol = {"extractor": "means", "version": version}
        self.seen = 0

    def features(self, images):
        self.seen += len(images)
        return np.array([image[..., :2].mean((0, 1)) for image in images], np.float32)


def draw(path, red, size=(6, 4)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (red, 2 * red, 0)).save(path)


@pytest.fixture
def folder(tmp_path):
    write_json(tmp_path / "meta_data.json", META)
    images = tmp_path / "images"
    draw(images / "animals/a1.png", 10)
    draw(images / "animals/a2.webp", 20, size=(9, 5))
    draw(images / "f1.png", 30)
    return images


def judged(folder, judge, out="out", **settings):
    out_dir = folder.parent / out
    mjhq_fid.judge(judge, folder, folder.parent / "meta_data.json", out_dir, **settings)
    return read_features(out_dir / "features.npz")


def test_images_in_categories_or_flat_of_any_size_and_kind_become_features_in_the_metas_order(
    folder,
):
    found = judged(folder, Means())
    assert list(found) == ["a1", "a2", "f1"]
    np.testing.assert_allclose(found["a1"], [10, 20])
    np.testing.assert_allclose(found["f1"], [30, 60])
    manifest = read_json(folder.parent / "out/manifest.json")
    assert manifest["label"] == "means"
    assert manifest["prompts"]["file"] == "meta_data.json"


def test_a_finished_step_judges_nothing_again_and_a_changed_image_costs_its_part(
    folder, monkeypatch
):
    monkeypatch.setattr(extraction, "PART", 1)
    judge = Means()
    first = (judged(folder, judge), (folder.parent / "out/features.npz").read_bytes())
    assert judge.seen == 3
    again = (judged(folder, judge), (folder.parent / "out/features.npz").read_bytes())
    assert judge.seen == 3
    assert first[1] == again[1]
    draw(folder / "f1.png", 40)
    np.testing.assert_allclose(judged(folder, judge)["f1"], [40, 80])
    assert judge.seen == 4
    judged(folder, other := Means(version="2"))
    assert other.seen == 3  # another extractor's features are not these


def test_an_interrupted_step_goes_on_where_it_stopped(folder, monkeypatch):
    monkeypatch.setattr(extraction, "PART", 1)

    class Interrupted(Means):
        def features(self, images):
            if self.seen == 2:
                raise KeyboardInterrupt
            return super().features(images)

    with pytest.raises(KeyboardInterrupt):
        judged(folder, Interrupted())
    assert not (folder.parent / "out/features.npz").exists()
    judge = Means()
    assert list(judged(folder, judge)) == ["a1", "a2", "f1"]
    assert judge.seen == 1
    assert not (folder.parent / "out/parts").exists()


def test_a_missing_image_is_counted_and_named_and_can_be_allowed(folder):
    (folder / "animals/a1.png").unlink()
    with pytest.raises(MissingItemsError, match=r"got 1 of 3 missing or unreadable: a1\."):
        judged(folder, Means())
    assert list(judged(folder, Means(), allow_missing=True)) == ["a2", "f1"]


def test_a_truncated_png_is_counted_and_named_and_can_be_allowed(folder):
    path = folder / "animals/a1.png"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(MissingItemsError, match=r"got 1 of 3 damaged: a1\.png"):
        judged(folder, Means())
    assert list(judged(folder, Means(), allow_missing=True)) == ["a2", "f1"]


def test_an_image_of_no_prompt_or_in_another_category_is_counted_and_named(folder):
    draw(folder / "animals/f9.png", 1)
    draw(folder / "food/a1.png", 1)
    expected = "got 2 that do not: animals/f9.png, food/a1.png"
    with pytest.raises(ValueError, match=expected):
        find_images(folder, META)


def test_two_images_of_one_id_are_refused(folder):
    draw(folder / "a1.jpg", 1)
    with pytest.raises(ValueError, match="must hold one image an id"):
        judged(folder, Means())


def test_features_that_are_no_numbers_are_refused_with_their_image(folder):
    class Broken(Means):
        def features(self, images):
            return super().features(images) * np.nan

    with pytest.raises(ValueError, match="must hold numbers, got NaN for a1"):
        judged(folder, Broken())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "must map ids to category and prompt"),
        ('{"a": {"category": "food"}}', "must give 'a' a category and a prompt"),
        (
            '{"a": {"category": "f", "prompt": ""}, "a": {"category": "f", "prompt": ""}}',
            "must name each id once, got 1 again",
        ),
    ],
)
def test_a_meta_file_of_another_form_is_refused(tmp_path, text, message):
    (tmp_path / "meta.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_meta(tmp_path / "meta.json")

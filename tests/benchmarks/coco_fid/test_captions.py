"""COCO's annotations and the sample of captions, and what is refused by name."""

import pytest

from benchmarks.coco_fid.captions import read_captions, sample
from tests.benchmarks.coco_fid.annotations import STEMS, annotations, written


def test_each_image_has_its_captions_on_one_line(tmp_path):
    captions = read_captions(written(tmp_path, annotations()))
    assert list(captions) == STEMS
    assert captions[STEMS[7]] == [f"image 7, caption {number}" for number in range(3)]


def test_a_sample_has_each_image_once_with_one_of_its_captions(tmp_path):
    captions = read_captions(written(tmp_path, annotations()))
    texts = sample(captions, 25)
    assert len(texts) == 25
    assert list(texts) == [stem for stem in STEMS if stem in texts]
    assert all(text in captions[stem] for stem, text in texts.items())
    assert len({text.partition("caption")[2] for text in texts.values()}) == 3


def test_a_sample_is_a_function_of_its_seed_and_holds_the_smaller_ones(tmp_path):
    captions = read_captions(written(tmp_path, annotations()))
    assert sample(captions, 25) == sample(captions, 25)
    assert sample(captions, 10).items() <= sample(captions, 25).items()
    assert sample(captions, 25, seed=1) != sample(captions, 25)


def test_a_sample_of_more_images_than_there_are_is_refused(tmp_path):
    captions = read_captions(written(tmp_path, annotations()))
    with pytest.raises(ValueError, match=r"number of captioned images, 40, got 30000"):
        sample(captions)


def without(part, field):
    document = annotations()
    del document[part][3][field]
    return document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "must hold COCO's captions, got no list 'images'"),
        ({"images": [{"id": 1, "file_name": "1.jpg"}]}, "got no list 'annotations'"),
        (without("images", "file_name"), "images 3 must have 'file_name'"),
        (without("annotations", "caption"), "annotations 3 must have 'caption'"),
        ({**annotations(), "annotations": annotations(39)["annotations"]}, f"1: {STEMS[39]}"),
        ({**annotations(), "images": annotations(39)["images"]}, "its own images, got image 39"),
        (
            {**annotations(), "images": annotations()["images"] * 2},
            "must name each image once, got 40 again",
        ),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, document, message):
    with pytest.raises(ValueError, match=message):
        read_captions(written(tmp_path, document))

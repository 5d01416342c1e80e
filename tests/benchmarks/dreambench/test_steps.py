"""Subjects drawn from their pictures and judged: round trips, resumption, and what is refused."""

import numpy as np
import pytest

from benchmarks.dreambench import generate, judge, score
from benchmarks.dreambench.steps import mutual
from benchmarks.images import write_image
from benchmarks.records import MissingItemsError, read_json, read_lines
from tests.benchmarks.dreambench.data_set import SHADES, write_data


class Copier:
    """Draws the picture that it is given."""

    draws_from_images = True

    def __init__(self, fails_at=None):
        self.asked, self.fails_at, self.protocol = [], fails_at, {"model": "copier"}

    def generate(self, requests):
        if self.fails_at is not None and len(self.asked) >= self.fails_at:
            raise ConnectionError("the machine went away")
        self.asked += requests
        return [self.drawn(request) for request in requests]

    def drawn(self, request):
        return request.images[0]


class Blank(Copier):
    """Does not look at its prompt."""

    def drawn(self, request):
        return np.full((4, 4, 3), 120, np.uint8)


class Shades:
    """Sees how bright an image is, as an angle: 0 black, a right angle white."""

    label = "shades"
    protocol = {"judge": "shades"}  # noqa: RUF012

    def __init__(self):
        self.seen = 0

    def see(self, images):
        self.seen += len(images)
        vectors = np.stack([direction(image.mean()) for image in images])
        return {"dino": vectors, "clip": vectors}

    def read(self, texts):
        return np.stack([direction(0 if "dog" in text else 255) for text in texts])


def direction(shade):
    angle = shade / 255 * np.pi / 2
    return np.array([np.cos(angle), np.sin(angle)])


def cosine(shade, other):
    return float(direction(shade) @ direction(other))


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "dataset")


def round_trip(model, data):
    folder = data.parent
    generate(model, data, folder / "images", 1)
    judge(Shades(), folder / "images", data, folder / "records")
    return score(folder / "records/records.jsonl", data)


def values(results):
    names = (name.removesuffix("@shades") for name in results.metrics)
    return dict(zip(names, (one.value for one in results.metrics.values()), strict=True))


def test_a_model_that_copies_is_wholly_like_what_it_was_given_and_like_the_others_as_those_are(
    data,
):
    found = values(round_trip(Copier(), data))
    assert found["dreambench.dino_given"] == pytest.approx(1)
    live = np.mean([cosine(10, shade) for shade in SHADES["dog2"]])
    objects = np.mean([cosine(200, shade) for shade in SHADES["vase"]])
    assert found["dreambench.dino.live"] == pytest.approx(live)
    assert found["dreambench.clip_i.object"] == pytest.approx(objects)
    assert found["dreambench.dino"] == pytest.approx((live + objects) / 2)
    assert found["dreambench.clip_t.live"] == pytest.approx(cosine(10, 0))
    assert found["dreambench.dino_real.live"] == pytest.approx(cosine(10, 30))
    others = [cosine(200, 220), cosine(200, 240), cosine(220, 240)]
    assert found["dreambench.clip_i_real.object"] == pytest.approx(np.mean(others))


def test_a_model_that_does_not_look_is_as_like_as_grey_is(data):
    found = values(round_trip(Blank(), data))
    assert found["dreambench.dino_given.live"] == pytest.approx(cosine(120, 10))
    assert found["dreambench.clip_t.object"] == pytest.approx(cosine(120, 255))


def test_a_picture_alone_is_like_no_other():
    assert mutual(np.array([[0.6, 0.8]])) is None
    assert mutual(np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])) == pytest.approx(1.4 / 3)


def test_a_request_is_the_prompt_with_the_first_picture_and_a_seed_of_its_own(data):
    model = Copier()
    generate(model, data, data.parent / "images", 2)
    assert [one.seed for one in model.asked] == list(range(2 * 25 * 2))
    first, last = model.asked[0], model.asked[-1]
    assert (first.text, len(first.images)) == ("a dog wearing hat 0", 1)
    assert last.text == "a vase on table 24"
    assert last.images[0][0, 0, 0] == 200
    manifest = read_json(data.parent / "images/manifest.json")
    assert manifest["prompts"]["file"] == "prompts_and_classes.txt"
    assert manifest["given"] == "the subject's first picture by name"


def test_a_model_that_reads_text_alone_is_refused_by_name(data):
    model = Copier()
    model.draws_from_images = False
    message = "draw from images in its prompt for dreambench, got copier, which cannot"
    with pytest.raises(ValueError, match=message):
        generate(model, data, data.parent / "images")


def test_a_record_holds_the_cosine_with_each_picture(data):
    round_trip(Copier(), data)
    rows = read_lines(data.parent / "records/records.jsonl")
    assert len(rows) == 50
    assert rows[49]["filename"] == "vase/24-0.png"
    expected = {f"{n:02d}.png": cosine(200, shade) for n, shade in enumerate(SHADES["vase"])}
    assert rows[49]["dino"] == pytest.approx(expected)
    assert rows[49]["prompt"] == "a vase on table 24"


def test_pictures_are_seen_once_a_subject_and_what_is_judged_is_not_judged_again(data):
    folder = data.parent
    generate(Copier(), data, folder / "images", 1)
    first = Shades()
    judge(first, folder / "images", data, folder / "records")
    assert first.seen == 50 + 2 + 3
    again = Shades()
    judge(again, folder / "images", data, folder / "records")
    assert again.seen == 0


def test_an_interrupted_step_goes_on_where_it_stopped(data):
    folder = data.parent
    with pytest.raises(ConnectionError):
        generate(Copier(fails_at=10), data, folder / "images", 1, at_once=10)
    second = Copier()
    generate(second, data, folder / "images", 1)
    assert [one.seed for one in second.asked] == list(range(10, 50))

    class Tired(Shades):
        def read(self, texts):
            if "vase" in texts[0]:
                raise TimeoutError("no reply")
            return super().read(texts)

    with pytest.raises(TimeoutError):
        judge(Tired(), folder / "images", data, folder / "records")
    rest = Shades()
    judge(rest, folder / "images", data, folder / "records")
    assert rest.seen == 25 + 3  # the vases and their pictures


def test_images_from_other_pictures_are_refused(data):
    folder = data.parent
    generate(Copier(), data, folder / "images", 1)
    write_image(data / "vase/00.png", np.full((4, 4, 3), 7, np.uint8))
    with pytest.raises(ValueError, match=r"must be drawn from the pictures of .* got others"):
        judge(Shades(), folder / "images", data, folder / "records")
    with pytest.raises(ValueError, match="same step, got pictures_sha256"):
        generate(Copier(), data, folder / "images", 1)


def test_missing_and_odd_images_and_a_damaged_picture_are_named(data):
    folder = data.parent
    generate(Copier(), data, folder / "images", 1)
    paths = folder / "images", data, folder / "records"
    (folder / "images/vase/03-0.png").unlink()
    with pytest.raises(MissingItemsError, match=r"1 of 50 .*: vase/03-0.png"):
        judge(Shades(), *paths)
    write_image(folder / "images/dog2/00-1.png", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match=r"got 1 more: dog2/00-1.png"):
        judge(Shades(), *paths)
    picture = data / "dog2/00.png"
    picture.write_bytes(picture.read_bytes()[:30])
    with pytest.raises(OSError, match=r"dog2/00.png must be a whole image"):
        generate(Copier(), data, folder / "others", 1)

"""DINO, CLIP-I and CLIP-T of cosines worked out by hand."""

import pytest

from benchmarks.dreambench import score
from benchmarks.dreambench.scoring import measures
from benchmarks.dreambench.subjects import read_subjects
from benchmarks.records import MissingItemsError, write_json, write_lines
from tests.benchmarks.dreambench.data_set import write_data


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "dataset")


def row(subject, prompt, dino, clip_i=(0.5,), clip_t=0.3):
    """Return a record; of few cosines, the last stands for the pictures that are left."""
    names = {"dog2": ["00.png", "01.png"], "vase": ["00.png", "01.png", "02.png"]}[subject]

    def spread(values):
        return dict(zip(names, [*values, *[values[-1]] * (len(names) - len(values))], strict=True))

    return {
        "filename": f"{subject}/{prompt:02d}-0.png",
        "dino": spread(dino),
        "clip_i": spread(clip_i),
        "clip_t": clip_t,
    }


@pytest.fixture
def scored(data):
    def run(rows, **options):
        write_lines(data.parent / "records.jsonl", rows)
        manifest = {"label": "dino+clip", "judge": {}, "images_per_prompt": 1}
        write_json(data.parent / "manifest.json", manifest)
        return score(data.parent / "records.jsonl", data, **options)

    return run


def test_an_image_is_compared_with_all_pictures_and_with_the_one_it_was_drawn_from(data):
    vase = read_subjects(data)[1]
    found = measures(vase, row("vase", 0, [0.9, 0.3, 0.6], [0.8, 0.5, 0.2], 0.25))
    assert found == pytest.approx(
        {"dino": 0.6, "clip_i": 0.5, "clip_t": 0.25, "dino_given": 0.9, "clip_i_given": 0.8}
    )


def test_the_pictures_likeness_to_each_other_stands_beside_where_there_is_more_than_one(data):
    vase = read_subjects(data)[1]
    record = {**row("vase", 0, [0.9]), "real": {"dino": 0.75, "clip_i": None}}
    found = measures(vase, record)
    assert found["dino_real"] == 0.75
    assert "clip_i_real" not in found


def test_images_count_alike_however_many_pictures_their_subject_has(scored):
    dogs = [row("dog2", number, [0.4, 0.8], clip_t=0.2) for number in range(25)]
    vases = [row("vase", number, [0.9, 0.3, 0.0], clip_t=0.4) for number in range(25)]
    results = scored([*dogs, *vases])
    values = {name: metric.value for name, metric in results.metrics.items()}
    label = "@dino+clip"
    assert values == pytest.approx(
        {
            f"dreambench.dino{label}": 0.5,  # (0.6 + 0.4) / 2, not the mean of all five cosines
            f"dreambench.dino.live{label}": 0.6,
            f"dreambench.dino.object{label}": 0.4,
            f"dreambench.dino_given{label}": 0.65,
            f"dreambench.dino_given.live{label}": 0.4,
            f"dreambench.dino_given.object{label}": 0.9,
            f"dreambench.clip_i{label}": 0.5,
            f"dreambench.clip_i.live{label}": 0.5,
            f"dreambench.clip_i.object{label}": 0.5,
            f"dreambench.clip_i_given{label}": 0.5,
            f"dreambench.clip_i_given.live{label}": 0.5,
            f"dreambench.clip_i_given.object{label}": 0.5,
            f"dreambench.clip_t{label}": 0.3,
            f"dreambench.clip_t.live{label}": 0.2,
            f"dreambench.clip_t.object{label}": 0.4,
        }
    )
    assert results.n_expected == results.n_scored == 50
    dino = results.metrics[f"dreambench.dino{label}"]
    assert dino.n == 50
    # two subjects: 0.4 to 0.6, of which t of one degree makes 0.1 * 12.706 / 1.960 * sqrt(2)
    assert (dino.ci_low, dino.ci_high) == pytest.approx((0.5 - 0.917, 0.5 + 0.917), abs=1e-3)
    (live,) = [m for name, m in results.metrics.items() if name.startswith("dreambench.dino.live")]
    assert (live.ci_low, live.ci_high) == (None, None)  # of one subject


def test_an_image_without_a_record_is_named_and_can_be_allowed(scored):
    rows = [row(name, number, [0.5]) for name in ("dog2", "vase") for number in range(25)]
    with pytest.raises(MissingItemsError, match=r"1 of 50 .*: vase/24-0"):
        scored(rows[:-1])
    results = scored(rows[:-1], allow_missing=True)
    assert (results.n_scored, results.protocol["missing"]) == (49, ["vase/24-0"])


def test_a_record_of_no_image_or_of_other_pictures_is_refused(scored):
    rows = [row(name, number, [0.5]) for name in ("dog2", "vase") for number in range(25)]
    odd = {**row("dog2", 0, [0.5]), "filename": "dog2/25-0.png"}
    with pytest.raises(ValueError, match="must belong to the prompts, got dog2/25-0"):
        scored([*rows, odd])
    short = {**rows[0], "dino": {"00.png": 0.5}}
    with pytest.raises(ValueError, match=r"dino of dog2/00-0.png must be of the subject's 2"):
        scored([short, *rows[1:]])


@pytest.mark.parametrize("value", [float("nan"), None, 50.0])
def test_what_is_no_cosine_is_refused_with_file_and_image(scored, value):
    message = r"records\.jsonl must give dog2/00-0\.png a cosine in \[-1, 1\], got"
    whole = row("dog2", 0, [0.5])
    for broken in (
        {**whole, "dino": {"00.png": 0.5, "01.png": value}},
        {**whole, "clip_i": {"00.png": value, "01.png": 0.5}},
        {**whole, "clip_t": value},
    ):
        with pytest.raises(ValueError, match=message):
            scored([broken])
    if value is not None:  # of a single picture there is none
        with pytest.raises(ValueError, match=message):
            scored([{**whole, "real": {"dino": value, "clip_i": None}}])
    with pytest.raises(ValueError, match=r"dog2/00-0\.png its dino by picture, got \[0\.5"):
        scored([{**whole, "dino": [0.5, 0.5]}])


def test_two_records_of_one_image_are_refused_whatever_their_suffix(scored):
    one = row("dog2", 0, [0.5])
    with pytest.raises(ValueError, match=r"got dog2/00-0\.png and dog2/00-0\.jpg"):
        scored([one, {**one, "filename": "dog2/00-0.jpg"}])

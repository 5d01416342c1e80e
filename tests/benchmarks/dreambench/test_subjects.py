"""The official data set as it is read, and what is refused by name."""

import shutil

import pytest

from benchmarks.dreambench.subjects import read_subjects, slots
from tests.benchmarks.dreambench.data_set import LIVE, OBJECTS, prompts_file, write_data

SUBJECTS = {"dog2": "dog", "vase": "vase"}


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "dataset")


def test_a_subject_has_the_prompts_of_its_kind_without_the_unique_token(data):
    dog, vase = read_subjects(data)
    assert (dog.name, dog.kind, vase.name, vase.kind) == ("dog2", "live", "vase", "object")
    assert len(dog.prompts) == len(vase.prompts) == 25
    assert dog.prompts[3] == "a dog wearing hat 3"
    assert vase.prompts[24] == "a vase on table 24"
    assert [path.name for path in vase.pictures] == ["00.png", "01.png", "02.png"]
    assert vase.given.name == "00.png"


def test_every_prompt_of_every_subject_has_its_images(data):
    places = slots(read_subjects(data), 4)
    assert len(places) == 2 * 25 * 4
    assert places[0].name == "dog2/00-0"
    assert places[-1].name == "vase/24-3"
    assert places[-1].text == "a vase on table 24"


def test_a_subject_without_pictures_is_named(data):
    shutil.rmtree(data / "vase")
    with pytest.raises(ValueError, match=r"folder of pictures for each subject, .* 1: vase"):
        read_subjects(data)
    (data / "vase").mkdir()
    with pytest.raises(ValueError, match=r"got none for 1: vase"):
        read_subjects(data)


def test_a_folder_of_no_subject_is_named(data):
    shutil.copytree(data / "vase", data / "wolf")
    with pytest.raises(ValueError, match="alone, got wolf too"):
        read_subjects(data)


def test_a_folder_without_the_prompts_is_refused(tmp_path):
    with pytest.raises(OSError, match=r"prompts_and_classes\.txt"):
        read_subjects(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (prompts_file(SUBJECTS, objects=OBJECTS[:24]), "must have 25 Object Prompts, got 24"),
        (prompts_file(SUBJECTS, live=[*LIVE, LIVE[0]]), "25 Live Subject Prompts, got 26"),
        (
            prompts_file(SUBJECTS, live=["a {0} dog"] * 25),
            r"say \{1\} once in each prompt, got 'a d",
        ),
        (prompts_file({}), "must name at least one subject"),
        (prompts_file({"dog2": ""}), "each subject once with its class, got 'dog2,'"),
        ("dog2,dog\ndog2,dog", "must hold the table 'subject_name,class'"),
    ],
)
def test_another_number_of_prompts_or_another_form_is_refused(data, text, message):
    (data / "prompts_and_classes.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_subjects(data)

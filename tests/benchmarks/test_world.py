"""Every benchmark's round trip through files, with models whose scores are known beforehand."""

from collections import Counter
from typing import ClassVar

import numpy as np
import pytest

from benchmarks import dpg, geneval, mjhq_fid, wise
from benchmarks.fitting import truth
from benchmarks.judges.world import WorldJudge
from benchmarks.prompt_files import ANNOTATIONS, PROMPT_FILES
from benchmarks.protocol import Request
from benchmarks.records import MissingItemsError, read_json, read_lines, write_lines
from benchmarks.references import Ceiling, Floor
from benchmarks.vqa import exact_match
from benchmarks.world import (
    COLUMNS,
    OFFICIAL,
    PromptConfig,
    read_world,
    write_prompts,
    write_references,
)
from datamodules.world import World, WorldConfig
from datamodules.world.judges.template import TemplateJudge

CONFIG = PromptConfig(geneval_per_tag=4, dpg_items=6, mjhq_images=24, vqa_per_kind=6)
LABEL = "world-6x4-32px-template"
DRAWN = {"geneval": geneval, "dpg": dpg, "wise": wise}


class Means:
    """Features in which likeness is known: the mean colours of sixteen patches."""

    label = "means"
    protocol: ClassVar[dict] = {"extractor": "means"}

    def features(self, images):
        patches = np.stack(images).reshape(len(images), 4, 8, 4, 8, 3).mean((2, 4))
        return patches.reshape(len(images), -1) / 255


class Witness(Ceiling):
    """The perfect model, and the detector that knows what it drew."""

    name = "witness"

    def generate(self, requests):
        images = super().generate(requests)
        scenes = [self.draw[request.text](request.seed) for request in requests]
        self.seen = getattr(self, "seen", {})
        for image, scene in zip(images, scenes, strict=True):
            self.seen[image.tobytes()] = truth(scene)
        return images

    def detect(self, images):
        return [self.seen[image.tobytes()] for image in images]


class Monotonous:
    """The chance model: draws one red dog, and says yes."""

    protocol: ClassVar[dict] = {"guidance": None}

    def __init__(self, world):
        self.image = world.render(world.compose([("dog", "red", "top left")], 0))

    def generate(self, requests):
        return [self.image for _ in requests]

    def answer(self, requests):
        return ["yes" for _ in requests]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The prompt files of a small world."""
    folder = tmp_path_factory.mktemp("prompts")
    world = World(WorldConfig(classes=6, colours=4))
    write_prompts(world, CONFIG, folder)
    write_references(world, CONFIG, folder, Means())
    return folder


@pytest.fixture(scope="module")
def world(folder):
    return read_world(folder)


@pytest.fixture(scope="module")
def judge(world):
    return WorldJudge(TemplateJudge(world), world, opinion="template")


def measured(name, model, judge, folder, out):
    """Return the results of one benchmark after generate, judge and score."""
    module, prompts = DRAWN[name], folder / PROMPT_FILES[name]
    module.generate(model, prompts, out / "images")
    module.judge(judge, out / "images", prompts, out / "records")
    return module.score(out / "records" / "records.jsonl", prompts)


@pytest.mark.parametrize(("name", "full"), [("geneval", 1.0), ("dpg", 100.0), ("wise", 1.0)])
def test_the_ceiling_has_full_marks_from_a_judge_that_knows(name, full, folder, world, tmp_path):
    witness = Witness(folder)
    results = measured(name, witness, WorldJudge(witness, world, "template"), folder, tmp_path)
    assert results.n_scored == results.n_expected
    values = [metric.value for metric in results.metrics.values()]
    assert values == pytest.approx([full] * len(values))
    assert all(metric.endswith(f"@{LABEL}") for metric in results.metrics)


def test_one_red_dog_on_every_image_satisfies_what_asks_for_no_more(world, folder, judge, tmp_path):
    metrics = measured("geneval", Monotonous(world), judge, folder, tmp_path).metrics
    records = read_lines(folder / PROMPT_FILES["geneval"])
    for tag in ("single_object", "colors"):
        wanted = [record["include"][0] for record in records if record["tag"] == tag]
        met = [
            clause["class"] == "dog" and clause.get("color", "red") == "red" for clause in wanted
        ]
        assert metrics[f"geneval.{tag}@{LABEL}"].value == pytest.approx(np.mean(met))
    for tag in ("two_object", "counting", "position", "color_attr"):
        assert metrics[f"geneval.{tag}@{LABEL}"].value == 0.0


def test_one_red_dog_answers_wise_where_the_dog_is_meant(world, folder, judge, tmp_path):
    metrics = measured("wise", Monotonous(world), judge, folder, tmp_path).metrics
    prompts = read_json(folder / PROMPT_FILES["wise"])
    for category in {prompt["Category"] for prompt in prompts}:
        group = [prompt["target"] == "dog" for prompt in prompts if prompt["Category"] == category]
        assert metrics[f"wise.{wise.group(category)}@{LABEL}"].value == pytest.approx(
            np.mean(group)
        )


def test_blank_images_have_no_mark_at_all(world, folder, judge, tmp_path):
    model = Monotonous(world)
    model.image = np.full((32, 32, 3), 255, np.uint8)
    for name in DRAWN:
        metrics = measured(name, model, judge, folder, tmp_path / name).metrics
        assert {metric.value for metric in metrics.values()} == {0.0}


def test_answering_yes_is_right_as_often_as_yes_is(world, folder, tmp_path):
    exact_match.generate(Monotonous(world), folder / PROMPT_FILES["vqa"], tmp_path)
    results = exact_match.score(tmp_path / "records.jsonl", folder / ANNOTATIONS)
    annotations = read_json(folder / ANNOTATIONS)["annotations"]
    yes, all_of_it = Counter(), Counter()
    for row in annotations:
        all_of_it[row["question_type"]] += 1
        yes[row["question_type"]] += row["multiple_choice_answer"] == "yes"
    assert results.n_scored == len(annotations) > 0
    for kind, number in all_of_it.items():
        metric = results.metrics[f"vqa.{kind}@world-6x4-32px"]
        assert metric.value == pytest.approx(yes[kind] / number)


def test_the_ceiling_answers_every_question(folder, tmp_path):
    exact_match.generate(Ceiling(folder), folder / PROMPT_FILES["vqa"], tmp_path)
    results = exact_match.score(tmp_path / "records.jsonl", folder / ANNOTATIONS)
    assert {metric.value for metric in results.metrics.values()} == {1.0}


def test_real_scenes_are_nearer_to_the_reference_than_one_red_dog(world, folder, tmp_path):
    prompts, distances = folder / PROMPT_FILES["mjhq_fid"], []
    for name, model in (("ceiling", Ceiling(folder)), ("dog", Monotonous(world))):
        images, records = tmp_path / name / "images", tmp_path / name / "records"
        mjhq_fid.generate(model, prompts, images)
        mjhq_fid.judge(Means(), images, prompts, records)
        metrics = mjhq_fid.score(records / "features.npz", prompts).metrics
        distances.append(metrics[f"mjhq.kd@means-n{CONFIG.mjhq_images}"])
    assert distances[0].ci_low < 0 < distances[0].ci_high
    assert distances[1].ci_low > distances[0].ci_high


def test_the_ceiling_goes_through_the_tokenizer(folder, world, judge, tmp_path):
    blind = Ceiling(folder, reconstruct=lambda images: np.full_like(images, 255))
    results = measured("wise", blind, judge, folder, tmp_path)
    assert results.metrics[f"wise.overall@{LABEL}"].value == 0.0


def test_the_floor_sees_no_prompt_and_no_image(world, folder, tmp_path):
    floor = Floor(world, scenes=200)
    first, second = (floor.generate([Request(text, seed=7)])[0] for text in ("a dog", "a cat"))
    assert np.array_equal(first, second)
    question = Request("is there a dog ?")
    seeing = Request("is there a dog ?", (first,))
    assert floor.answer([question]) == floor.answer([seeing])
    assert floor.answer([question])[0] in ("yes", "no")


def test_a_deleted_and_a_truncated_image_fail_the_judging_unless_allowed(
    world, folder, judge, tmp_path
):
    prompts = folder / PROMPT_FILES["wise"]
    wise.generate(Ceiling(folder), prompts, tmp_path / "images")
    images = sorted((tmp_path / "images").glob("*.png"))
    images[0].unlink()
    images[1].write_bytes(images[1].read_bytes()[:40])
    arguments = judge, tmp_path / "images", prompts, tmp_path / "records"
    with pytest.raises(MissingItemsError, match="got 2 of") as caught:
        wise.judge(*arguments)
    assert all(image.name in str(caught.value) for image in images[:2])
    assert not (tmp_path / "records" / "records.jsonl").exists()
    wise.judge(*arguments, allow_missing=True)
    results = wise.score(tmp_path / "records" / "records.jsonl", prompts, allow_missing=True)
    assert results.n_scored == results.n_expected - 2


def test_official_prompts_that_the_world_can_show_are_a_further_column(world, tmp_path):
    dog = {"tag": "single_object", "include": [{"class": "dog", "count": 1}], "prompt": "a dog"}
    skis = {"tag": "single_object", "include": [{"class": "skis", "count": 1}], "prompt": "skis"}
    write_lines(tmp_path / "official.jsonl", [skis, dog])
    write_prompts(world, CONFIG, tmp_path, official=tmp_path / "official.jsonl")
    records = read_lines(tmp_path / PROMPT_FILES["geneval"])
    assert {record["column"] for record in records} == {*COLUMNS, OFFICIAL}
    assert records[-1] == {**dog, "column": OFFICIAL}


def test_a_prompt_count_below_one_is_refused():
    with pytest.raises(ValueError, match=r"prompts.dpg_items must be at least 1, got 0"):
        PromptConfig(dpg_items=0)

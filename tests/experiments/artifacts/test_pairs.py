"""A user's own pictures train an arm: through the config, the suite's tokenizer, and the plan."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from datamodules.pairs.config import PairsConfig
from datamodules.pairs.sources import SourceConfig
from datamodules.sequences import PromptDrop, SequenceData, SequenceStore
from experiments.artifacts.pairs import training_data
from experiments.config import ConfigError, dotlist_layer
from experiments.planning.plan import Request
from experiments.planning.planner import Planner, Project
from experiments.planning.suite import load_preset, load_suite, resolve_arm
from experiments.schema import load_schema
from experiments.store.markers import write_marker
from experiments.train import train
from models.batch import check
from models.image_tokens import ImageTokenizer
from models.training import TrainConfig
from tests.experiments.artifacts.world_pairs import WORDS, WORLD, write_shard
from tests.experiments.builders import cell_folders, tiny_config
from tests.experiments.fakes import EntryAlone


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return write_shard(tmp_path / "0.tar", 24, lambda index, told: told)


@pytest.fixture
def cell(tmp_path: Path, shard: Path) -> tuple[SimpleNamespace, dict[str, Path]]:
    """A tiny arm on the shard, and the folders of its tokenizer and data."""
    source = SourceConfig(form="webdataset", path=str(shard))
    config = tiny_config(
        world=WORLD.config,
        pairs=PairsConfig(understand=[source], generate=[source], sequences=24, longest=64),
        train=TrainConfig(
            init="scratch",
            steps=4,
            understand_batch=4,
            generate_batch=4,
            warmup_steps=1,
            precision="32-true",
        ),
    )
    return config, cell_folders(config, tmp_path, "data")


def test_an_arm_trains_on_a_users_shards(
    cell: tuple[SimpleNamespace, dict[str, Path]], tmp_path: Path
) -> None:
    config, inputs = cell
    training_data(config, {"tokenizer": inputs["tokenizer"]}, inputs["data"])
    write_marker(inputs["data"], {})
    out = tmp_path / "out"
    out.mkdir()
    train(config, inputs, out)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["sequences"] == {"understand": 16, "generate": 16}
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    losses = [one["value"] for one in lines if one["name"].endswith("/loss")]
    assert len(losses) >= 2
    assert all(np.isfinite(losses))


def test_the_stores_hold_the_shards_texts_and_codes(
    cell: tuple[SimpleNamespace, dict[str, Path]],
) -> None:
    config, inputs = cell
    training_data(config, {"tokenizer": inputs["tokenizer"]}, inputs["data"])
    codec = ImageTokenizer.load(str(inputs["tokenizer"] / "tokenizer.pt"))
    scenes = [WORLD.scene("train", index) for index in range(24)]
    images = np.stack([WORLD.render(scene) for scene in scenes])
    codes = codec.encode(images) + len(WORDS)
    wanted = {
        (WORLD.caption("train", index, scene), tuple(code.tolist()))
        for index, (scene, code) in enumerate(zip(scenes, codes, strict=True))
    }
    store = SequenceStore.load(inputs["data"], "generate")
    found = set()
    for index in range(len(store)):
        tokens, predicted = store.row(index)
        image = tuple(tokens[predicted].tolist())
        found.add((WORDS.decode(tokens[1 : -len(image) - 1].tolist()), image))
    assert found == wanted
    asked = SequenceStore.load(inputs["data"], "understand")
    tokens, predicted = asked.row(0)
    assert tuple(tokens[2:18].tolist()) in {image for _, image in wanted}
    assert WORDS.decode(tokens[predicted].tolist())
    assert not predicted[:19].any()


def test_the_batches_are_those_that_the_models_declare(
    cell: tuple[SimpleNamespace, dict[str, Path]],
) -> None:
    config, inputs = cell
    training_data(config, {"tokenizer": inputs["tokenizer"]}, inputs["data"])
    stores = {t: SequenceStore.load(inputs["data"], t) for t in ("understand", "generate")}
    dealt = SequenceData(stores, dict.fromkeys(stores, 4), PromptDrop(0.5, 6), 0, 3)
    batch = dealt.batches(0)[2]
    check(batch)
    assert batch["generate"]["predicted"].sum(1).tolist() == [16] * 4


def test_texts_outside_the_vocabulary_are_broken_samples(
    cell: tuple[SimpleNamespace, dict[str, Path]], tmp_path: Path
) -> None:
    config, inputs = cell
    path = write_shard(
        tmp_path / "1.tar", 24, lambda n, told: "a zeppelin" if n in (3, 8) else told
    )
    source = SourceConfig(form="webdataset", path=str(path))
    config.pairs = replace(config.pairs, understand=[], generate=[source], max_broken=0.1)
    training_data(config, {"tokenizer": inputs["tokenizer"]}, inputs["data"])
    assert len(SequenceStore.load(inputs["data"], "generate")) == 22
    assert not (inputs["data"] / "understand.json").exists()
    about = json.loads((inputs["data"] / "generate.broken.json").read_text())
    assert about["read"] == 24
    assert sorted(one["name"] for one in about["broken"]) == ["1.tar/0003", "1.tar/0008"]
    assert "['zeppelin']" in about["broken"][0]["reason"]
    config.pairs = replace(config.pairs, max_broken=0.05)
    with pytest.raises(ValueError, match=r"at most 5\.0% of 24 samples may be broken, got 2"):
        training_data(config, {"tokenizer": inputs["tokenizer"]}, inputs["data"])


def test_a_sequence_that_is_too_long_is_a_broken_sample(
    cell: tuple[SimpleNamespace, dict[str, Path]],
) -> None:
    config, inputs = cell
    config.pairs = replace(config.pairs, longest=20)
    with pytest.raises(ValueError, match=r"0\.tar/.*: a sequence must have at most 20 tokens, got"):
        training_data(config, {"tokenizer": inputs["tokenizer"]}, inputs["data"])


def planned(
    *overrides: str, arm: str = "shared", suite: str = "conflict"
) -> tuple[Planner, Mapping[str, str]]:
    """A planner, and the steps of one cell."""
    request = Request(suite, "smoke", (0,), (arm,), overrides)
    planner = Planner(Project(sources=EntryAlone()), request)
    return planner, planner.cell(arm, 0).steps


def test_a_plan_makes_the_data_of_the_users_sources_and_moves_no_other_artifact() -> None:
    source = "[{form: webdataset, path: shards/*.tar, weight: 2.0}]"
    _, plain = planned()
    planner, steps = planned(f"pairs.understand={source}", f"pairs.generate={source}")
    assert planner.steps[steps["data"]].entry == "experiments.artifacts.pairs:training_data"
    moved = {name for name in plain if steps[name] != plain[name]}
    assert {"data", "train", "tune", "curve"} <= moved
    assert moved.isdisjoint({"tokenizer", "judge", "texts", "stage0", "brackets"})


def test_other_sources_make_another_data_step() -> None:
    drawn = [f"pairs.generate=[{{form: mjhq, path: {name}.json}}]" for name in ("a", "b")]
    first, second = (planned(one, arm="generate_only")[1] for one in drawn)
    assert first["data"] != second["data"]
    assert first["tokenizer"] == second["tokenizer"]


def test_a_task_without_sources_is_named_in_the_plan() -> None:
    message = r"pairs\.understand must name sources, as shared trains it, got none\."
    with pytest.raises(ConfigError, match=message):
        planned("pairs.generate=[{form: webdataset, path: a.tar}]")


def test_an_arm_whose_encoder_sees_the_world_takes_no_sources() -> None:
    source = "[{form: webdataset, path: a.tar}]"
    with pytest.raises(ConfigError, match=r"pairs must name none for double_encoder: its encoder"):
        planned(
            f"pairs.understand={source}",
            f"pairs.generate={source}",
            arm="double_encoder",
            suite="decoupling",
        )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("pairs.generate=[{form: zip, path: a}]", r"form must be one of webdataset, .* got 'zip'"),
        (
            "pairs.generate=[{form: mjhq, path: a, weight: 0}]",
            r"weight must be above 0 and .* got 0\.0 ",
        ),
        (
            "pairs.generate=[{form: mjhq, path: a, wight: 1}]",
            r"wight must be a known key\. Did you mean: 'weight'",
        ),
        ("pairs.generate=[{form: mjhq}]", r"path must name the data of form mjhq, got nothing"),
        ("pairs.sequences=0", r"pairs\.sequences must be at least 1, got 0"),
        ("pairs.max_broken=1", r"pairs\.max_broken must lie in \[0, 1\), got 1\.0"),
    ],
)
def test_a_source_that_cannot_be_is_refused_before_anything_runs(override, message) -> None:
    suite, preset = load_suite("architectures"), load_preset("smoke")
    with pytest.raises(ConfigError, match=message):
        resolve_arm(load_schema(), suite, preset, "shared", dotlist_layer([override]))

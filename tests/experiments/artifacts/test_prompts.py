"""GenEval's own prompts in the suite: asked for by a path, keyed by content."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.records import read_lines
from benchmarks.world import PromptConfig
from datamodules.world import WorldConfig
from experiments.__main__ import official_prompts
from experiments.artifacts.prompts import prompts_geneval
from experiments.config import ConfigError, nest
from experiments.planning.sources import ROOT
from experiments.running.ablate import Ablation

Make = Callable[..., Ablation]
DOG = {"tag": "single_object", "include": [{"class": "dog", "count": 1}], "prompt": "a dog"}


@pytest.fixture
def official(tmp_path: Path) -> Path:
    path = tmp_path / "evaluation_metadata.jsonl"
    path.write_text(json.dumps(DOG) + "\n")
    return path


def values(path: Path) -> dict[str, str]:
    """The fields that a path on the command line sets."""
    pairs = (one.split("=") for one in official_prompts(path))
    return nest(dict(pairs))["benchmark"]


def config(path: Path) -> SimpleNamespace:
    counts = PromptConfig(geneval_per_tag=1, **values(path))
    return SimpleNamespace(world=WorldConfig(classes=4, colours=4), benchmark=counts)


def test_a_path_becomes_a_place_and_a_hash(official: Path) -> None:
    assert values(official) == {
        "official_prompts": os.path.relpath(official, ROOT),
        "official_sha256": hashlib.sha256(official.read_bytes()).hexdigest(),
    }
    assert official_prompts(None) == ()
    with pytest.raises(ConfigError, match=r"--geneval must be GenEval's .*, got nowhere"):
        official_prompts(Path("nowhere"))


def test_official_prompts_are_a_column_of_the_scores_and_not_of_the_curve(
    official: Path, tmp_path: Path
) -> None:
    prompts_geneval(config(official), {}, tmp_path)
    columns = {
        part: {one["column"] for one in read_lines(next((tmp_path / part).rglob("*.jsonl")))}
        for part in ("full", "small")
    }
    assert columns["small"] == {"seen", "paraphrase", "unseen"}
    assert columns["full"] == columns["small"] | {"official"}


def test_a_file_that_has_changed_since_is_refused(official: Path, tmp_path: Path) -> None:
    before = config(official)
    official.write_text(json.dumps({**DOG, "prompt": "a cat"}) + "\n")
    with pytest.raises(ValueError, match="must have the SHA-256"):
        prompts_geneval(before, {}, tmp_path)


def test_other_official_prompts_redo_geneval_alone(ablation: Make, official: Path) -> None:
    first = official_prompts(official)
    official.write_text(json.dumps(DOG) + "\n\n")
    before, after = (
        ablation(arms=("control",), overrides=overrides).plan.cells[0].steps
        for overrides in (first, official_prompts(official))
    )
    moved = {name for name in before if before[name] != after[name]}
    geneval = {name for name in before if name.endswith("geneval")}
    assert moved == geneval | {"score_judges", "curve", "brackets"}


def test_a_place_without_a_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="official_sha256 must be given with"):
        PromptConfig(official_prompts="somewhere")

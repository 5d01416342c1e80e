"""A recipe's file: what it says is checked, and errors name file and field."""

from pathlib import Path

import pytest

from experiments.bridging.command import recipe_path
from experiments.bridging.config import read_recipe
from experiments.config import ConfigError

TEXT = """
parts: {reader: there, decoder: here}
stages:
  first: {sources: [{form: mined, path: pairs.jsonl}], train: {steps: 5}}
  second: {train: {drop_references: 0.1}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(TEXT)
    return tmp_path / "mine.yaml"


def test_stages_follow_each_other_and_the_command_line_has_the_last_word(path: Path) -> None:
    data = "stages.second.sources=[{form: parquet, path: 'a/*.parquet', weight: 2}]"
    recipe = read_recipe(path, ["stages.second.train.steps=7", "model.queries=8", data])
    assert list(recipe.stages) == ["first", "second"]
    assert recipe.before("first") is None
    assert recipe.before("second") == "first"
    assert recipe.stages["first"].train.steps == 5
    assert recipe.stages["second"].train.steps == 7
    assert recipe.model.queries == 8
    (named,) = recipe.stages["second"].sources
    assert (named.form, named.path, named.weight) == ("parquet", "a/*.parquet", 2.0)
    assert recipe.stages["first"].sources[0].form == "mined"


def test_metaquerys_recipe_says_what_the_paper_did_in_two_stages() -> None:
    recipe = read_recipe(recipe_path("metaquery"))
    first, second = recipe.stages.values()
    assert list(recipe.stages) == ["pretrain", "instruct"]
    assert (recipe.model.queries, recipe.model.connector_depth) == (256, 24)
    assert first.train.steps == 25_000_000 * 8 // first.train.batch
    assert first.train.rate(48_828) == pytest.approx(0.1)
    dropped = (second.train.drop_text, second.train.drop_both, second.train.drop_references)
    assert dropped == (0.1, 0.1, 0.1)
    assert all(stage.published and stage.deviations for stage in recipe.stages.values())


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("parts.reader=''", r"mine\.yaml: parts\.reader must be a folder or hub id, got nothing"),
        ("parts.reader_precision=fp8", r"reader_precision must be bf16 or fp32, got 'fp8'"),
        ("stages.second.train.steps=0", r"mine\.yaml: train\.steps must be at least 1, got 0"),
        ("stages.second.train.step=1", r"stages\.second\.train\.step must be a known key"),
    ],
)
def test_a_wrong_value_is_refused_by_name(path: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_recipe(path, [override])


def test_a_recipe_without_stages_or_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.yaml").write_text("parts: {reader: a, decoder: b}")
    with pytest.raises(ConfigError, match="stages must name at least one stage, got none"):
        read_recipe(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"RECIPE must be .* one of .*metaquery.*, got 'metaq'"):
        recipe_path("metaq")

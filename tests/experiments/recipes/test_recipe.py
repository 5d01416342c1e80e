"""What a recipe's file may say; each mistake is named with its file, field and rule."""

import re

import pytest

from experiments.config import ConfigError
from experiments.planning.plan import Request
from experiments.recipes.recipe import (
    HEADLINE,
    PAPERS,
    PUBLISHED,
    load,
    load_recipe,
    recipe_names,
    recipe_suite,
)
from tests.experiments.recipes.conftest import TOY, Papers, planned


def test_stages_become_arms_that_start_from_each_other_and_the_last_is_scored(
    papers: Papers,
) -> None:
    suite = recipe_suite("toy", load_recipe("toy", papers(TOY)), "smoke")
    assert list(suite.arms) == ["heads", "branch"]
    assert suite.arms["branch"].needs == {"start": "heads"}
    assert suite.config.control == "branch"
    assert suite.config.headline == HEADLINE
    assert suite.arms["heads"].layer.values["stage"]["name"] == "heads"


def test_a_stages_own_sizes_come_last(papers: Papers) -> None:
    text = TOY + "    sizes: {smoke: {train: {steps: 3, understand_batch: 1}}}\n"
    values = (
        recipe_suite("toy", load_recipe("toy", papers(text)), "smoke").arms["branch"].layer.values
    )
    assert values["train"]["steps"] == 3
    assert values["train"]["understand_batch"] == 1
    assert values["train"]["generate_batch"] == 2


def test_what_a_paper_states_stands_above_every_preset() -> None:
    """The preset `cpu` weighs answering twice; UniFork adds both losses as they are."""
    plan = planned(PAPERS, "unifork", preset="cpu")
    weights = {
        (one["train"]["understand_weight"], one["train"]["generate_weight"])
        for one in plan.configs.values()
    }
    assert weights == {(1.0, 1.0)}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("paper: A", "papr: A", "papers/toy.yaml: papr must be a known key"),
        ("about: two stages", "", "papers/toy.yaml: about must be given, got nothing"),
        (
            "after: {start: heads}",
            "afer: {start: heads}",
            "papers/toy.yaml: stages.branch.afer must be a known key. Did you mean: 'after'",
        ),
        (
            "start: heads",
            "start: head",
            "papers/toy.yaml: stages.branch.after.start must name an earlier stage "
            "(there are: heads), got 'head'",
        ),
        (
            "start: heads",
            "start: branch",
            "must name an earlier stage (there are: heads), got 'branch'",
        ),
        ("smoke:\n", "smok:\n", "papers/toy.yaml: sizes.smok must name a preset of"),
        (
            "    after: {start: heads}\n",
            "",
            "papers/toy.yaml: stages.heads must be named by a later stage's after",
        ),
    ],
)
def test_a_recipe_that_breaks_its_form_is_refused(
    papers: Papers, old: str, new: str, message: str
) -> None:
    assert old in TOY
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_recipe("toy", papers(TOY.replace(old, new)))


def test_a_recipe_without_stages_is_refused(papers: Papers) -> None:
    with pytest.raises(ConfigError, match=r"toy\.yaml: stages must hold a stage, got none"):
        load_recipe("toy", papers(TOY.partition("stages:")[0]))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "rate: 0.01",
            "rat: 0.01",
            r"papers/toy\.yaml: rat must be a known key\. Did you mean: 'rate'",
        ),
        ("rate: 0.01", "rate: 0.0", r"stage\.groups\.rate must be above 0, got 0\.0"),
        ("weight: 2.0", "weight: 0.0", r"mixture weight must be above 0, got 0\.0 for questions"),
        ("source: facts", "source: fact", r"mixture\.understand must have sources of .*'fact'"),
        ("{classes: 4", "{clases: 4", r"papers/toy\.yaml: world\.clases must be a known key"),
        (
            "stage: {groups: [{match: [model.image_head.*], rate: 0.01}]}",
            "train: {steps: 9}",
            r"stage\.groups must say what heads trains, got none",
        ),
        ("groups: [{match: [mo", "trainer: x, groups: [{match: [mo", r"stage\.trainer must be one"),
    ],
)
def test_a_stages_config_is_checked_before_anything_runs(
    papers: Papers, old: str, new: str, message: str
) -> None:
    assert old in TOY
    with pytest.raises(ConfigError, match=message):
        planned(papers(TOY.replace(old, new)))


def test_a_recipe_without_published_sizes_cannot_be_planned_at_them(papers: Papers) -> None:
    with pytest.raises(ConfigError, match=r"sizes\.published must be given .* got nothing"):
        load(Request("recipe-toy", PUBLISHED), papers(TOY))


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_states_paper_deviations_and_what_each_stage_published(name: str) -> None:
    recipe = load_recipe(name)
    assert "arXiv" in recipe.paper
    assert recipe.deviations
    assert all(stage.published for stage in recipe.stages.values())
    assert {"smoke", "cpu", PUBLISHED} <= set(recipe.sizes)

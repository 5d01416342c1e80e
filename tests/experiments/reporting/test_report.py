"""What the report says in words, and what it shows of probes: figures or why there are none."""

import base64
import gzip
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest

from experiments.config import flatten
from experiments.evidence.claims_record import when_recorded
from experiments.evidence.collect import Gathered
from experiments.evidence.scores import Score, Standing
from experiments.evidence.statistics import Difference
from experiments.evidence.verdicts import Verdict
from experiments.planning.claims import Claim
from experiments.probing.figures import probe_figures
from experiments.reporting.answer import suite_answer
from experiments.reporting.methods import (
    FIELD,
    SENTENCES,
    control_model,
    filled,
    listed,
    methods,
)
from experiments.schema import load_schema
from experiments.store.steps import Store
from tests.experiments.reporting.planted_report import METRIC, cell, plan, row

CLAIM = Claim(id="c", text="A fork draws better.", arm="fork", against="shared", metric="g.all")


@pytest.fixture
def found() -> Gathered:
    """Two arms of one seed; the fork draws better."""
    final = [row("shared", 0.25), row("fork", 0.5)]
    return Gathered(plan(cell("shared"), cell("fork")), final=final)


STANDINGS = [
    Standing("ceiling", scores={METRIC: Score(1.0)}),
    Standing("shared", n_seeds=1, scores={METRIC: Score(0.25)}),
    Standing("fork", n_seeds=1, scores={METRIC: Score(0.5)}),
]


def verdict(seeds: str, difference: Difference | None = None) -> Verdict:
    return Verdict(claim=CLAIM, items="better", seeds=seeds, by_seeds=difference)


def test_an_undecided_suite_says_so_and_names_its_leaders_as_description(found: Gathered) -> None:
    verdicts = [verdict("undecided: seeds"), verdict("precondition absent")]
    assert suite_answer(found, verdicts, STANDINGS) == (
        "Nothing is decided on 2 claims over 1 seed (1 undecided: seeds, 1 precondition absent); "
        "among these checkpoints, which is description, fork leads on g.all (0.500)."
    )


def test_an_arm_that_inherits_a_task_does_not_lead_in_it(found: Gathered) -> None:
    bridge = replace(cell("fork"), inherits=("generate",))
    inherited = Gathered(plan(cell("shared"), bridge), final=found.final)
    assert suite_answer(inherited, [], STANDINGS).endswith("shared leads on g.all (0.250).")


def test_arms_of_one_score_are_level_and_none_leads(found: Gathered) -> None:
    level = [replace(one, scores={METRIC: Score(0.5)}) for one in STANDINGS[1:]]
    assert suite_answer(found, [], level).endswith("shared, fork are level on g.all (0.500).")


def test_nobody_leads_among_arms_at_the_floor(found: Gathered) -> None:
    floor = Standing("floor", scores={METRIC: Score(0.46)})
    assert suite_answer(found, [], [*STANDINGS, floor]).endswith(
        "all lie at the floor on g.all (at most 0.500)."
    )
    lower = replace(floor, scores={METRIC: Score(0.44)})
    assert suite_answer(found, [], [*STANDINGS, lower]).endswith("fork leads on g.all (0.500).")


def test_a_decided_claim_stands_in_the_answer_with_its_interval(found: Gathered) -> None:
    better = Difference(value=0.25, low=0.1, high=0.4, inner_low=0.12, inner_high=0.38)
    verdicts = [verdict("better", better), verdict("undecided")]
    assert suite_answer(found, verdicts, []) == (
        "Decided on 1 of 2 claims over 1 seed (A fork draws better: better, +0.250 [+0.100, "
        "+0.400]; the others: 1 undecided)."
    )


def test_methods_are_made_of_the_runs_own_values_and_leave_out_what_it_lacks(
    found: Gathered,
) -> None:
    config = {"tokenizer": {"levels": [8, 5], "patch": 4, "steps": 9, "batch_size": 2}}
    text = methods(found, config)
    assert text.startswith(
        "We compare shared and fork in Forkroad's suite toy (preset tiny, seed 0)"
    )
    assert "levels 8, 5 codes patches of 4 x 4 pixels after 9 steps of 2 images." in text
    assert "Benchmarks: g (40 items, judge exact)." in text
    assert "(SHA-256 0123456789abcdef) were recorded at a time that is not known and" in text
    late = methods(found, config, when_recorded({"cells_trained_before": 3, "cells": 6}))
    assert "were recorded when 3 of 6 cells had been trained and" in late
    first = methods(found, config, when_recorded({"cells_trained_before": 0, "cells": 6}))
    assert "were recorded before any cell was trained and" in first
    assert "decoder" not in text  # this config has no trunk
    assert "{" not in text


def test_methods_name_the_tokenizer_and_the_encoder_that_the_run_has(found: Gathered) -> None:
    own = {"levels": [8, 5], "patch": 4, "steps": 9, "batch_size": 2, "depths": 3}
    deep = methods(found, {"tokenizer": {**own, "kind": "residual", "path": ""}})
    assert "levels 8, 5 codes patches" in deep
    assert "A patch has 3 such codes" in deep
    janus = {**own, "kind": "janus", "path": "a/janus"}
    tower = {"kind": "vision_tower", "path": "a/siglip"}
    text = methods(found, {"tokenizer": janus, "encoder": tower})
    assert "pretrained tokenizer (janus, a/janus)" in text
    assert "second encoder, frozen (a/siglip)" in text
    assert "levels" not in text
    assert "second encoder" not in deep


def test_methods_of_a_recipe_state_the_rates_that_its_stage_is_trained_at(found: Gathered) -> None:
    found.summaries["shared", 0] = {"parameters": {"total": 3e6}, "tokens": 2e6}
    train = {"steps": 9, "optimizer": "adamw", "learning_rate": 0.5, "muon_learning_rate": 0.25}
    train |= {"weight_decay": 0.125, "warmup_steps": 50, "decay_share": 0.5, "clip_norm": 1.0}
    train |= {"understand_batch": 64, "generate_batch": 0, "precision": "bf16"}
    train |= {"understand_weight": 1.0, "generate_weight": 1.0}
    stage = {"groups": [], "schedule": "cosine", "warmup": 0.03, "weight_decay": 0.0}
    plain = methods(found, {"train": train, "stage": stage})
    assert "optimiser adamw (learning rate 0.5, of block matrices 0.25" in plain
    groups = [{"match": ["trunk.*", "head"], "rate": 2e-5}, {"match": ["codes"], "rate": 1e-4}]
    text = methods(found, {"train": train, "stage": {**stage, "groups": groups, "rate_scale": 20}})
    assert "9 steps of 64 understanding sequences (2.0 M" in text
    assert "AdamW (learning rates by name: trunk.* head at 0.0004 and codes at 0.002" in text
    assert "weight decay 0.0, cosine schedule after a warm-up over the first 0.03" in text
    assert "0.5" not in text


def test_a_run_from_scratch_does_not_claim_a_text_model(found: Gathered) -> None:
    stage0 = {"steps": 7, "understand_batch": 3}
    assert "7 steps of 3 texts" in methods(found, {"stage0": stage0, "train": {"init": "text"}})
    assert "texts" not in methods(found, {"stage0": stage0, "train": {"init": "scratch"}})


def test_methods_say_that_a_bridge_bridges_and_draws_alone(found: Gathered) -> None:
    trunk = {"depth": 6, "width": 128, "heads": 4, "feed_forward": 384}
    train = {"steps": 9, "understand_batch": 64, "generate_batch": 32, "understand_weight": 1.0}
    parts = {"language_model": "frozen", "decoder_depth": 4, "queries": 16}
    model = {"name": "frozen_bridge", "conditions": "queries", "trunk": trunk, **parts}
    found.summaries["shared", 0] = {"parameters": {"total": 3e6}, "tokens": 2e6}
    text = methods(found, {"model": model, "train": train})
    assert "The control bridges a frozen causal decoder of 6 layers, 128 wide" in text
    assert "transformer of 4 blocks by 16 learnt queries behind them (3.00 M" in text
    assert "The control is a causal decoder" not in text
    by_states = methods(found, {"model": {**model, "conditions": "last_layer"}, "train": train})
    assert "of 4 blocks by its last states (3.00 M" in by_states


def test_methods_count_the_sequences_of_the_tasks_that_the_control_trains() -> None:
    train = {"understand_batch": 64, "generate_batch": 32, "understand_weight": 2.0}
    values = {f"train.{key}": str(value) for key, value in train.items()}
    assert control_model({**values, "train.generate_weight": "0.0"})["sequences"] == (
        "64 understanding"
    )
    both = control_model({**values, "train.generate_weight": "1.0"})
    assert both["sequences"] == "64 understanding and 32 generation"
    bridge = {"language_model": "tuned", "decoder_depth": "4", "conditions": "last_layer"}
    named = {f"model.{key}": value for key, value in {"name": "frozen_bridge", **bridge}.items()}
    assert control_model({**values, **named})["sequences"] == "32 generation"


def test_a_published_language_model_stands_in_the_place_of_the_text_model(found: Gathered) -> None:
    stage0, train = {"steps": 7, "understand_batch": 3}, {"init": "text"}
    config = {"stage0": stage0, "train": train, "language": {"checkpoint": "a/model"}}
    text = methods(found, config)
    assert "starts from the published language model a/model" in text
    assert "7 steps" not in text


def test_every_config_key_that_the_methods_name_exists() -> None:
    """A renamed field would take its sentence out of every paper without a word."""
    schema = load_schema()
    sections = {**schema.sections, "model": schema.models["shared"]}
    known = {key for name, kind in sections.items() for key, _ in flatten({name: defaults(kind)})}
    named = {key for sentence in SENTENCES for key in FIELD.findall(sentence) if "." in key}
    assert named
    assert named <= known


def defaults(kind: type) -> dict:
    """The defaults of a config by field, nested."""
    config = kind()
    values = {one.name: getattr(config, one.name) for one in fields(config)}
    return {k: defaults(type(v)) if is_dataclass(v) else v for k, v in values.items()}


def test_a_list_reads_as_prose_and_a_sentence_without_its_field_is_empty() -> None:
    assert [listed(one) for one in ([], ["a"], ["a", "b", "c"])] == ["", "a", "a, b and c"]
    assert filled("{a.b} steps", {}) == ""


def test_probes_are_shown_by_arm_with_the_reason_where_they_do_not_apply(tmp_path: Path) -> None:
    store = Store(tmp_path)
    drawn, silent = "probe_routing-a", "probe_routing-b"
    for folder, table in (
        (drawn, "layer,load,note\n0,0.5,\n"),
        (silent, "note\nno experts\nno experts\n"),
    ):
        store.path(folder).mkdir(parents=True)
        (store.path(folder) / "routing.csv").write_text(table)
    (store.path(drawn) / "routing.svg").write_text("<svg/>")
    cells = [
        cell("experts", probe_routing=drawn),
        cell("experts", 1, probe_routing="probe_routing-c"),
        cell("shared", probe_routing=silent),
        cell("late", probe_routing="probe_routing-d", train="train-d"),
    ]
    figures = probe_figures(Gathered(plan(*cells)), store)
    assert list(figures) == ["routing"]
    experts, shared = figures["routing"]
    address, *others = experts.pictures
    assert not others
    packed = base64.b64decode(address.removeprefix("data:application/gzip;base64,"))
    assert gzip.decompress(packed) == b"<svg/>"
    assert (experts.arm, experts.seed, experts.notes) == ("experts", 0, ())
    assert experts.tables == ("steps/probe_routing-a/routing.csv",)
    assert (shared.pictures, shared.notes) == ((), ("no experts",))


def test_a_run_without_probes_shows_none(tmp_path: Path) -> None:
    assert probe_figures(Gathered(plan(cell("shared", train="train-a"))), Store(tmp_path)) == {}

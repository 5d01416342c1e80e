"""Plans: shared steps, dependencies, caching without torch."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.__main__ import parsed, request
from experiments.config import ConfigError
from experiments.planning.estimate import UNKNOWN_SECONDS, Estimate, timings_path
from experiments.planning.plan import Plan, Request
from experiments.planning.planner import Planner, Project
from experiments.planning.sources import ROOT
from experiments.planning.suite import EXPERIMENTS
from experiments.planning.timetable import Timetable
from experiments.running.ablate import Ablation
from experiments.store.markers import write_json
from experiments.store.progress_file import PROGRESS
from experiments.store.steps import Store
from tests.experiments.fakes import EntryAlone

Make = Callable[..., Ablation]


def cells(ablation: Ablation) -> dict[str, dict[str, str]]:
    return {cell.label: dict(cell.steps) for cell in ablation.plan.cells}


def test_cells_share_artifacts_and_seeds_share_all_but_what_depends_on_them(ablation: Make) -> None:
    found = cells(ablation(arms=("control", "fork"), seeds=(0, 1)))
    control, fork, again = (
        found[label] for label in ("control, seed 0", "fork, seed 0", "control, seed 1")
    )
    for name in ("tokenizer", "data", "judge", "prompts_vqa", "brackets", "texts"):
        assert control[name] == fork[name] == again[name]
    assert control["stage0"] == fork["stage0"] != again["stage0"]
    assert len({control["train"], fork["train"], again["train"]}) == 3


def test_a_fork_at_full_depth_shares_every_step_with_the_control(ablation: Make, suites) -> None:
    (suites / "suites/toy/fork.yaml").write_text("model: {name: fork, fork_at: 4}")
    found = cells(ablation(arms=("control", "fork")))
    assert found["control, seed 0"] == found["fork, seed 0"]


def test_a_changed_field_moves_the_keys_of_what_it_reaches_alone(ablation: Make) -> None:
    before, after = (
        cells(ablation(arms=("control",), overrides=overrides))["control, seed 0"]
        for overrides in ((), ("sampling.guidance=2.0",))
    )
    moved = {name for name in before if before[name] != after[name]}
    assert {"tune", "curve", "generate_vqa", "judge_geneval", "score_vqa"} <= moved
    assert not moved & {"tokenizer", "data", "stage0", "train", "judge", "brackets"}


def test_a_plans_stamp_names_what_was_changed_in_its_preset(ablation: Make) -> None:
    asked = ("sampling.guidance=2.0", "world.classes=4")
    plain, changed = (ablation(arms=("control",), overrides=one).plan.stamp for one in ((), asked))
    assert plain == "toy"
    assert changed == "toy; changed: sampling.guidance=2.0, world.classes=4"


def test_the_thread_count_is_part_of_every_key(ablation: Make) -> None:
    one, two = (cells(ablation(arms=("control",), threads=n))["control, seed 0"] for n in (1, 2))
    assert all(one[name] != two[name] for name in one)


def test_a_cell_of_one_task_has_no_step_of_the_other(ablation: Make) -> None:
    steps = cells(ablation(arms=("reader",)))["reader, seed 0"]
    assert "score_vqa" in steps
    assert [name for name in steps if name.endswith("geneval")] == ["prompts_geneval"]


def test_a_cached_plan_equals_a_fresh_one(ablation: Make) -> None:
    fresh, cached = ablation(seeds=(0, 1)), ablation(seeds=(0, 1))
    assert cached.plan == fresh.plan
    assert list(cached.plan.units) == list(fresh.plan.units)


def test_a_plan_is_made_anew_where_its_suite_has_changed(ablation: Make, suites) -> None:
    before = cells(ablation(arms=("fork",)))["fork, seed 0"]
    (suites / "suites/toy/fork.yaml").write_text("model: {name: fork, fork_at: 3}")
    after = cells(ablation(arms=("fork",)))["fork, seed 0"]
    assert before["train"] != after["train"]
    assert before["stage0"] == after["stage0"]


def test_an_arm_starts_from_the_cell_of_its_own_seed(ablation: Make) -> None:
    plan = ablation(arms=("frozen", "reader"), seeds=(0, 1)).plan
    for frozen, reader in zip(plan.cells_of("frozen"), plan.cells_of("reader"), strict=True):
        inputs = plan.steps[frozen.steps["train"]].inputs
        assert (frozen.seed, inputs["language_model"]) == (reader.seed, reader.steps["train"])


def test_a_cut_plan_file_is_made_again(ablation: Make) -> None:
    first = ablation()
    whole = first.plan_path.read_text()
    first.plan_path.write_text(whole[:100])
    assert ablation().plan == first.plan
    assert first.plan_path.read_text() == whole


def test_the_reader_is_trained_before_the_control_as_a_bridge_waits_for_it(ablation: Make) -> None:
    run = ablation(arms=("control", "reader", "frozen"))
    table = Timetable(run.plan, Estimate(run.plan, run.store), jobs=1)
    assert table.chain("reader, seed 0") > table.chain("control, seed 0")
    assert table.order[0] == "artifacts"


def test_stage_0_and_the_judge_are_units_of_their_own_and_only_the_judge_waits_for_the_tokenizer(
    ablation: Make,
) -> None:
    run = ablation(arms=("control",))
    steps = cells(run)["control, seed 0"]
    assert run.plan.outside("stage 0, seed 0") == set()
    assert run.plan.units["judge"] == (steps["judge"],)
    assert run.plan.outside("judge") == {steps["tokenizer"]}


def test_a_stopped_training_is_expected_to_take_what_it_had_left(ablation: Make) -> None:
    run = ablation(arms=("control",))
    for name in ("train", "judge"):  # a judge starts over
        folder = run.store.partial(cells(run)["control, seed 0"][name])
        folder.mkdir(parents=True)
        write_json(folder / PROGRESS, {"step": 3, "steps": 4, "seconds_left": 0.25})
    estimate, steps = Estimate(run.plan, run.store), cells(run)["control, seed 0"]
    assert estimate.seconds(steps["train"]) == 0.25
    assert estimate.seconds(steps["judge"]) == UNKNOWN_SECONDS


def test_a_stage_is_expected_to_take_its_part_of_the_training(ablation: Make, suites) -> None:
    preset = "preset: {expected_seconds: {train: 90}}"
    (suites / "presets/tiny.yaml").write_text(preset)
    whole, part = (ablation(arms=("control",), overrides=(f"train.stages={n}",)) for n in (1, 3))
    seconds = [
        Estimate(one.plan, one.store).seconds(cells(one)["control, seed 0"]["train"])
        for one in (whole, part)
    ]
    assert seconds == [90, 30]


def test_a_training_is_expected_to_take_what_the_preset_says_of_its_model_or_its_one_task(
    ablation: Make, suites
) -> None:
    expected = "{train: 90, train_understand: 50, train_fork: 70}"
    (suites / "presets/tiny.yaml").write_text(f"preset: {{expected_seconds: {expected}}}")
    run = ablation(arms=("control", "reader", "fork"))
    estimate, folders = Estimate(run.plan, run.store), cells(run)
    assert estimate.seconds(folders["control, seed 0"]["train"]) == 90
    assert estimate.seconds(folders["reader, seed 0"]["train"]) == 50
    assert estimate.seconds(folders["fork, seed 0"]["train"]) == 70


def test_a_suite_that_trains_for_less_is_expected_to_end_sooner(ablation: Make, suites) -> None:
    (suites / "presets/tiny.yaml").write_text("preset: {expected_seconds: {train: 90}}")
    run = ablation(arms=("control",))
    shorter = replace(run.plan, suite={**run.plan.suite, "steps_share": 0.5})
    train = cells(run)["control, seed 0"]["train"]
    assert Estimate(shorter, run.store).seconds(train) == 45


def test_a_step_that_the_preset_does_not_name_is_expected_to_be_like_its_kind(
    ablation: Make, suites
) -> None:
    (suites / "presets/tiny.yaml").write_text(
        "preset: {expected_seconds: {judge: 60, judge_dpg: 3, judge_wise: 5, score_geneval: 7}}"
    )
    run = ablation(arms=("control",))
    estimate, steps = Estimate(run.plan, run.store), cells(run)["control, seed 0"]
    asked = ("judge", "judge_geneval", "score_geneval", "tune")
    assert [estimate.seconds(steps[one]) for one in asked] == [60, 4, 7, UNKNOWN_SECONDS]


def test_what_was_timed_here_sets_the_pace_of_what_was_not(ablation: Make, suites) -> None:
    (suites / "presets/tiny.yaml").write_text(
        "preset: {expected_seconds: {tokenizer: 10, data: 30, texts: 40, judge: 50, score_vqa: 2}}"
    )
    run = ablation(arms=("control",))
    timed = {"tokenizer": 35.0, "data": 90.0, "texts": 20.0, "score_vqa": 40.0}
    labels = {f"control/{name}": {"seconds": seconds} for name, seconds in timed.items()}
    write_json(timings_path(run.plan, run.store.runs), labels)
    estimate, steps = Estimate(run.plan, run.store), cells(run)["control, seed 0"]
    assert estimate.pace == 3.0  # the median of 3.5, 3 and 0.5; a step of seconds does not count
    assert [estimate.seconds(steps[one]) for one in ("data", "judge", "tune")] == [
        90.0,
        150.0,
        3 * UNKNOWN_SECONDS,
    ]


def test_a_unit_asks_for_the_devices_that_its_training_is_spread_over(ablation: Make) -> None:
    one, two = (
        ablation(arms=("control",), overrides=(f"execution.devices={n}",)).plan for n in (1, 2)
    )
    assert one.devices("control, seed 0") == 1
    assert two.devices("control, seed 0") == 2
    steps = [plan.cells[0].steps for plan in (one, two)]
    moved = {name for name in steps[0] if steps[0][name] != steps[1][name]}
    assert {"stage0", "train", "generate_vqa", "judge_geneval"} <= moved
    assert not moved & {"tokenizer", "data", "judge", "brackets"}


def test_an_override_of_an_unknown_key_is_refused_before_anything_runs(ablation: Make) -> None:
    with pytest.raises(ConfigError, match=r"command line: train\.lrr must be a known key"):
        ablation(overrides=("train.lrr=1",))


def test_a_word_in_the_place_of_a_model_is_refused(ablation: Make) -> None:
    with pytest.raises(ConfigError, match="command line: model must fit its declared type"):
        ablation(overrides=("model=rename",))


def test_a_suite_that_names_no_model_is_refused(ablation: Make, suites) -> None:
    base = suites / "suites/toy/base.yaml"
    base.write_text(base.read_text().replace("model: {name: shared}", ""))
    with pytest.raises(ConfigError, match=r"model\.name must be one of shared, fork, got None"):
        ablation(arms=("control",))


def test_an_arm_that_is_asked_for_twice_is_one() -> None:
    asked = request(parsed("ablate", ["--arms", "fork,control,fork", "--device", "cpu"]))
    assert asked.arms == ("fork", "control")


def test_overrides_may_stand_between_options() -> None:
    options = parsed("ablate", ["train.lr=1", "--jobs", "2", "world.classes=4"])
    assert options.overrides == ["train.lr=1", "world.classes=4"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=5", "seed must be given by --seeds"),
        ("model=null", "model must hold fields or entries, got null"),
        ("train=null", "train must hold fields or entries, got null"),
    ],
)
def test_an_override_that_would_be_lost_is_refused(
    ablation: Make, override: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=f"command line: {message}"):
        ablation(overrides=(override,))


def test_disk_is_known_of_steps_whose_like_have_been_timed(ablation: Make) -> None:
    made = ablation(arms=("control", "fork"))
    estimate = Estimate(made.plan, made.store)
    steps = [made.plan.steps[folder].name for folder in estimate.missing]
    estimate.timings = {"train": {"seconds": 1.0, "bytes": 5.0}}
    assert estimate.disk_bytes() == (10.0, len(steps) - steps.count("train"))
    assert steps.count("train") == 2


def test_a_reader_that_stops_early_ends_a_command_without_a_word() -> None:
    command = [sys.executable, "-m", "experiments", "list"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as one:
        one.stdout.close()
        assert (one.stderr.read(), one.wait(60)) == (b"", 0)


def test_a_request_names_its_results_folder() -> None:
    assert Request("architectures", "cpu").run == "architectures-cpu"


@pytest.mark.parametrize("arguments", [["--help"], ["ablate", "--help"], ["list"]])
def test_help_and_list_import_neither_torch_nor_mlflow(arguments: list[str]) -> None:
    script = (
        "import sys, json; from experiments.__main__ import main\n"
        "try: main(json.loads(sys.argv[1]))\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'mlflow', 'lightning'} & set(sys.modules), 'imported too much'\n"
    )
    command = [sys.executable, "-c", script, json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def planned(suite: str) -> Plan:
    return Planner(Project(sources=EntryAlone()), Request(suite, "cpu")).plan()


class Finished(Store):
    """Has the steps of a plan, and no other."""

    def __init__(self, plan: Plan, runs: Path) -> None:
        super().__init__(runs)
        self.plan = plan

    def exists(self, folder: str) -> bool:
        return folder in self.plan.steps


@pytest.mark.slow
def test_a_seed_of_a_suite_is_expected_to_take_an_hour_and_from_nothing_hardly_more(
    tmp_path: Path,
) -> None:
    from_nothing = {"experts": 75, "knowledge": 61}
    from_nothing |= dict.fromkeys(("decoupling", "fork_depth", "synergy"), 65)
    finished = Finished(planned("architectures"), tmp_path)
    for suite in sorted(path.parent.name for path in (EXPERIMENTS / "suites").glob("*/base.yaml")):
        plan = planned(suite)
        assert len(plan.cells) <= 9, suite
        assert Timetable(plan, Estimate(plan, finished), jobs=2).seconds <= 60 * 60, suite
        nothing = Timetable(plan, Estimate(plan, Store(tmp_path)), jobs=2).seconds
        assert nothing <= 60 * from_nothing.get(suite, 60), suite

"""Stages as steps: each starts where its predecessor ended, resumes, and is not done twice."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from datamodules.pairs.mixture import Mixture
from datamodules.sequences import SequenceData, SequenceStore
from experiments.build import build_module, trained_module
from experiments.config import view
from experiments.planning.plan import cell_config
from experiments.recipes.mixed_data import Scenes
from experiments.store.steps import StepError
from models.text_tokens import BEGIN_IMAGE, END
from tests.experiments.recipes.conftest import TOY, Papers, Runs, planned

HEAD = "model.image_head.weight"


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "model.pt", weights_only=True)


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Training ends with an error when `step` asks for its batch."""
    deal = SequenceData.batches

    def deadly(self: SequenceData, first: int):
        batches = deal(self, first)
        sequences = batches.sequences

        def dealt(task: str, at: int):
            if at == step:
                raise KeyError("stopped")
            return sequences(task, at)

        batches.sequences = dealt
        return batches

    monkeypatch.setattr(SequenceData, "batches", deadly)


def inputs(runs: Runs, stage: str) -> dict[str, Path]:
    return {name: runs.store.path(one) for name, one in runs.step(stage, "train").inputs.items()}


def test_a_stage_leaves_what_it_does_not_train_bit_equal_to_its_predecessor(finished: Runs) -> None:
    before, after = (weights(finished.run(stage, "train")) for stage in ("heads", "branch"))
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed
    assert all(".generate_layers." in name or ".generate_norm." in name for name in changed)
    config = cell_config(finished.plan, finished.step("heads", "train"))
    start = build_module(config, inputs(finished, "heads")).state_dict()
    assert {name for name in before if not torch.equal(before[name], start[name])} == {HEAD}


def test_a_stage_starts_exactly_from_the_weights_of_its_predecessor(finished: Runs) -> None:
    config = cell_config(finished.plan, finished.step("branch", "train"))
    start = build_module(config, inputs(finished, "branch")).state_dict()
    for name, value in weights(finished.run("heads", "train")).items():
        assert torch.equal(value, start[name]), name


def test_what_the_last_stage_left_is_an_ordinary_arm_of_both_tasks(finished: Runs) -> None:
    step = finished.step("branch", "train")
    config = view(cell_config(finished.plan, step), step.parts)
    folder = finished.store.path(step.folder)
    arm = trained_module(config, {**inputs(finished, "branch"), "train": folder})
    assert arm.trained_tasks == ("understand", "generate")
    assert finished.cells["branch"].tasks == ("understand", "generate")
    assert {"score_vqa", "score_geneval"} <= set(finished.cells["branch"].steps)


def test_costs_add_up_over_the_stages(finished: Runs) -> None:
    folders = [finished.run(stage, "train") for stage in ("heads", "branch")]
    first, second = (json.loads((one / "summary.json").read_text()) for one in folders)
    assert [one["stage"] for one in (first, second)] == ["heads", "branch"]
    assert first["flops_before"] == 7
    assert second["flops_before"] == first["flops"]
    assert second["tokens_before"] == first["tokens"]
    assert second["tokens_by_task"]["understand"] == 0
    assert second["sequences"] == {"understand": 0, "generate": 20}
    fork = first["parameters"]
    assert fork["trainable"] == weights(folders[0])[HEAD].numel()
    assert fork["total"] == second["parameters"]["total"]


def test_updates_that_were_merged_are_no_parameters_of_the_arm(
    papers: Papers, tmp_path: Path
) -> None:
    lora = "{rank: 8, alpha: 8, match: [attention.query]}"
    plain = "stage: {groups: [{match: [model.image_head.*], rate: 0.01}]}"
    text = TOY.replace(
        plain, f"stage: {{groups: [{{match: ['*lora_*'], rate: 0.01}}], lora: {lora}}}"
    )
    runs = Runs(planned(papers(text)), tmp_path / "runs")
    folder = runs.train("heads")
    counts = json.loads((folder / "summary.json").read_text())["parameters"]
    kept = weights(folder)
    assert counts["total"] == sum(value.numel() for value in kept.values())
    tasks = (counts["active_understand"], counts["active_generate"])
    one_branch = sum(v.numel() for n, v in kept.items() if "generate_" not in n)
    assert all(active < one_branch for active in tasks)
    assert counts["trainable"] == 3 * 2 * 8 * 16  # shared layer and two branches; two factors


def test_a_stage_that_was_stopped_goes_on_and_leaves_the_finished_one_alone(
    finished: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(finished.store.runs, tmp_path / "runs")
    runs = Runs(finished.plan, tmp_path / "runs")
    whole = runs.store.path(runs.step("branch", "train").folder)
    kept = weights(whole)
    shutil.rmtree(whole)
    first = runs.store.path(runs.step("heads", "train").folder)
    made = (first / "DONE").stat().st_mtime_ns
    with monkeypatch.context() as patched:
        stop_at(patched, 6)
        with pytest.raises(KeyError, match="stopped"):
            runs.train("branch")
    partial = runs.store.partial(runs.step("branch", "train").folder)
    assert (partial / "resume.ckpt").exists()
    with monkeypatch.context() as patched:
        stop_at(patched, 3)  # a step that is behind it: it must not be asked for again
        again = runs.train("branch")
    assert all(torch.equal(value, kept[name]) for name, value in weights(again).items())
    assert (first / "DONE").stat().st_mtime_ns == made


def test_a_stage_whose_predecessor_is_not_there_says_so(runs: Runs) -> None:
    runs.run("branch", "data")
    with pytest.raises(StepError, match=r"train must have its input start finished"):
        runs.run("branch", "train")


def test_each_sequence_is_of_the_source_that_the_mixture_has_at_its_place(finished: Runs) -> None:
    store = SequenceStore.load(finished.run("branch", "data"), "understand")
    sources = [Scenes("questions", 6), Scenes("facts", 6)]
    mixture = Mixture(sources, [2.0, 1.0], seed=0)
    shown = [int(store.row(index)[0][1]) == BEGIN_IMAGE for index in range(6)]
    assert shown == [mixture.at(position)[0] == 0 for position in range(6)]
    assert set(shown) == {True, False}


def test_an_image_is_told_by_its_caption_and_drawn_from_it(finished: Runs) -> None:
    folder = finished.run("heads", "data")
    told, drawn = (SequenceStore.load(folder, task).row(0) for task in ("understand", "generate"))
    caption = told[0][told[1]].tolist()
    assert caption[-1] == END
    assert drawn[0][1 : len(caption)].tolist() == caption[:-1]
    assert int(drawn[1].sum()) == 64

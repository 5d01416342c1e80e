"""The step `train` of a stage: an arm goes on from its predecessor, trained as `stage` says."""

import json
from pathlib import Path
from types import SimpleNamespace

from datamodules.sequences import SequenceData
from experiments.build import build_module
from experiments.fitting.fit import Spent, parameter_counts
from experiments.parallel.fit import fit_on_ranks
from experiments.parallel.launch import on_ranks
from experiments.store.markers import write_json
from experiments.train import spent_before
from experiments.training_sequences import training_sequences
from models.module import UnifiedModule
from models.staged import StagedModule

Inputs = dict[str, Path]


def train(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Starts from the cell `start`, or from stage 0 without one."""
    on_ranks(config.execution, train_stage, out, out, config, inputs)


def train_stage(out: Path, home: Path, config: SimpleNamespace, inputs: Inputs) -> None:
    """What each of the processes does that train the stage."""
    arm = build_module(config, inputs)
    data = training_sequences(config, inputs, arm.trained_tasks)
    run_stage(arm, data, config, (out, home), spent_before(config, inputs))


def run_stage(
    arm: UnifiedModule,
    data: SequenceData,
    config: SimpleNamespace,
    folders: tuple[Path, Path],
    before: Spent,
) -> None:
    """Trains `arm` by `config.stage` and leaves what training without stages leaves.

    `folders`: where this process writes, and the run's folder, from which all processes resume.
    """
    out, home = folders
    counts = parameter_counts(arm)  # before updates are added, which are merged at the end
    staged = StagedModule(arm, config.stage, config.seed)
    fit_on_ranks(staged, data, out, home, before, config.execution)
    for weights in (out / "model.pt", *(out / "checkpoints").glob("*.pt")):
        staged.leave_arm(weights)
    summary = json.loads((out / "summary.json").read_text())
    counts["trainable"] = summary["parameters"]["trainable"]
    about = {"parameters": counts, "stage": config.stage.name}
    write_json(out / "summary.json", {**summary, **about})

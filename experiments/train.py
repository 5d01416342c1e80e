"""The step `train` of a cell: one arm on the tasks that it trains."""

from pathlib import Path
from types import SimpleNamespace

from experiments.build import build_module
from experiments.control_masses import with_measured_targets
from experiments.fitting.fit import Spent
from experiments.parallel.fit import fit_on_ranks
from experiments.parallel.launch import on_ranks
from experiments.training_sequences import training_sequences

Inputs = dict[str, Path]


def train(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Trains one arm; what it starts from counts towards its FLOPs and tokens."""
    config = with_measured_targets(config, inputs, out)
    on_ranks(config.execution, train_arm, out, out, config, inputs)


def train_arm(out: Path, home: Path, config: SimpleNamespace, inputs: Inputs) -> None:
    """What each of the processes does that train the arm."""
    module = build_module(config, inputs)
    if "understand" not in module.trained_tasks:  # nobody looks at the pictures
        inputs = {name: folder for name, folder in inputs.items() if name != "features"}
    data = training_sequences(config, inputs, module.trained_tasks)
    fit_on_ranks(module, data, out, home, spent_before(config, inputs), config.execution)


def spent_before(config: SimpleNamespace, inputs: Inputs) -> Spent:
    """What the arm starts from, and what its encoder spent on the training pictures.

    What a published language model has cost is not known and does not count.
    """
    sources = [name for name in ("frozen", "start", "decoder", "features") if name in inputs]
    brought = getattr(config.model, "brings", ())
    if config.train.init == "text" and not {"frozen", "start"} & {*sources, *brought}:
        sources.append("stage0")
    spent = [Spent.read(inputs[name]) for name in sources]
    return Spent(sum(one.flops for one in spent), sum(one.tokens for one in spent))

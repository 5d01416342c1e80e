"""The step `train` of a cell: one arm on the tasks that it trains."""

from pathlib import Path
from types import SimpleNamespace

from datamodules.sequences import PromptDrop, SequenceData, SequenceStore
from experiments.build import build_module
from experiments.control_masses import with_measured_targets
from experiments.fit import Spent, fit
from models.text_tokens import DROP


def train(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Trains one arm; what it starts from counts towards its FLOPs and tokens."""
    config = with_measured_targets(config, inputs, out)
    module = build_module(config, inputs)
    stores = {task: SequenceStore.load(inputs["data"], task) for task in module.trained_tasks}
    sizes = {
        "understand": config.train.understand_batch,
        "generate": config.train.generate_batch,
    }
    drop = PromptDrop(config.train.prompt_drop, DROP)
    data = SequenceData(stores, sizes, drop, config.seed, config.train.steps)
    before = Spent.read(inputs["frozen" if "frozen" in inputs else "stage0"])
    fit(module, data, out, before if config.train.init == "text" else Spent())

"""The step `train` of a cell: one arm on the tasks that it trains."""

from pathlib import Path
from types import SimpleNamespace

from datamodules.sequences import PromptDrop, SequenceData, SequenceStore
from experiments.build import build_module
from experiments.fit import Spent, fit
from models.text_tokens import DROP


def train(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Trains one arm; what it starts from counts towards its FLOPs and tokens."""
    module = build_module(config, inputs)
    stores = {task: SequenceStore.load(inputs["data"], task) for task in module.trained_tasks}
    sizes = {
        "understand": config.train.understand_batch,
        "generate": config.train.generate_batch,
    }
    drop = PromptDrop(config.train.prompt_drop, DROP)
    data = SequenceData(stores, sizes, drop, config.seed, config.train.steps)
    fit(module, data, out, Spent() if config.train.init == "scratch" else spent_before(inputs))


def spent_before(inputs: dict[str, Path]) -> Spent:
    """What the cells that the arm needs have cost, or stage 0 in the place of a frozen model."""
    folders = [inputs.get("frozen", inputs["stage0"])]
    folders += [inputs["decoder"]] if "decoder" in inputs else []
    spent = [Spent.read(folder) for folder in folders]
    return Spent(sum(one.flops for one in spent), sum(one.tokens for one in spent))

"""Training by several processes, or by micro-batches: what fit.py leaves in a folder, and the same
losses.

    ddp     each process holds the module; gradients are averaged
    fsdp    each process holds its shard of parameters, gradients, optimiser and average
"""

import os
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy

from datamodules.sequences import SequenceData
from experiments.fitting.fit import (
    Spent,
    fit,
    new_trainer,
    save_weights,
    weight_average,
)
from experiments.fitting.resuming import RESUME, discard, resume_point
from experiments.flops.step import batch_flops
from experiments.parallel.average import TrainedAverage
from experiments.parallel.execution import ONE_DEVICE, ExecutionConfig
from experiments.parallel.pieces import Cutting, PieceData
from experiments.parallel.recorder import RankRecorder
from experiments.parallel.sharded import NoEmptyGradients, ShardedStrategy
from experiments.store.markers import write_json
from models.block_execution import compile_blocks, recompute_blocks
from models.module import UnifiedModule
from models.shards import whole
from models.training import TrainConfig
from models.unified import UnifiedModel

ADDS_UP = ("sum", "loss_weights")
"""How the tasks' objectives may become one where a step's gradient is the mean of its pieces'."""


def fit_on_ranks(
    module: UnifiedModule,
    data: SequenceData,
    out: Path,
    home: Path,
    before: Spent,
    execution: ExecutionConfig,
) -> None:
    """Trains as `fit` does, by the processes that `on_ranks` has started.

    `home` is the run's folder, from which all go on; `out` is where this process writes. Raises
    ValueError where the pieces of a step do not add up to it.
    """
    config = module.train_config
    if execution == ONE_DEVICE:
        return fit(module, data, out, before)
    if execution.pieces > 1 and config.combine not in ADDS_UP:
        raise ValueError(
            f"train.combine must be {' or '.join(ADDS_UP)} where a step is cut into "
            f"{execution.pieces} pieces (execution.devices * execution.accumulate), "
            f"got {config.combine!r}."
        )
    flops = batch_flops(module, data.batches(0)[0])
    recorder = RankRecorder(out, module, flops, before, execution)
    execute_blocks(module, execution)
    rank = int(os.environ.get("LOCAL_RANK", 0)) if execution.devices > 1 else 0
    pieces = PieceData(data, Cutting(execution, rank, text_ids(module)))
    strategy, averaging = spread(config, execution)
    trainer = new_trainer(
        config,
        [*averaging, recorder],
        devices=execution.devices,
        accumulate_grad_batches=execution.accumulate,
        **strategy,
    )
    trainer.fit(module, pieces, ckpt_path=resume_point(home))
    state = {name: whole(value) for name, value in module.state_dict().items()}
    save_weights(state, out / "model.pt")
    write_json(out / "summary.json", recorder.summary())
    discard(out / RESUME)


def execute_blocks(module: UnifiedModule, execution: ExecutionConfig) -> None:
    if execution.compiler != "none":
        compile_blocks(module, execution.compiler)
    if execution.recompute:
        recompute_blocks(module)


def spread(
    config: TrainConfig, execution: ExecutionConfig
) -> tuple[dict[str, Any], list[Callback]]:
    """Lightning's strategy, and who averages the weights under it."""
    if execution.strategy == "fsdp":
        sharded = ShardedStrategy(execution.devices)
        return {"strategy": sharded}, [TrainedAverage(config.ema_decay), NoEmptyGradients()]
    if execution.strategy == "ddp":
        strategy = DDPStrategy(find_unused_parameters=True)  # experts that no token chose
        return {"strategy": strategy}, [weight_average(config)]
    return {}, [weight_average(config)]


def text_ids(module: UnifiedModule) -> int:
    """How many ids are text."""
    models = (one for one in module.modules() if isinstance(one, UnifiedModel))
    return next(models).vocabulary.text

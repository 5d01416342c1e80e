"""The dataclass of each section of a cell's config: the one place that names them all."""

from benchmarks.world import PromptConfig
from datamodules.sequences import DataConfig
from datamodules.world import WorldConfig
from experiments.build import trained_tasks
from experiments.config import Schema
from experiments.match import match
from models.frozen_bridge import FrozenBridgeConfig
from models.image_tokens import ImageTokenizerConfig
from models.sampling import SamplingConfig
from models.shared import SharedConfig
from models.task_moe import TaskMoEConfig
from models.training import TrainConfig
from models.unifork import UniForkConfig

SECTIONS: dict[str, type] = {
    "world": WorldConfig,
    "tokenizer": ImageTokenizerConfig,
    "data": DataConfig,
    "stage0": TrainConfig,
    "train": TrainConfig,
    "sampling": SamplingConfig,
    "benchmark": PromptConfig,
}

MODELS: dict[str, type] = {
    "shared": SharedConfig,
    "unifork": UniForkConfig,
    "task_moe": TaskMoEConfig,
    "frozen_bridge": FrozenBridgeConfig,
}


def load_schema() -> Schema:
    return Schema(SECTIONS, MODELS, tasks=lambda config: trained_tasks(config.train), match=match)

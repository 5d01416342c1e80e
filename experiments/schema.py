"""The dataclass of each section of a cell's config: the one place that names them all."""

from benchmarks.probes.config import ProbeConfig
from benchmarks.world import PromptConfig
from datamodules.sequences import DataConfig
from datamodules.world import WorldConfig
from experiments.build import trained_tasks
from experiments.config import Schema
from experiments.language import LanguageConfig
from experiments.match import match
from models.architectures import architecture, names
from models.image_tokens import ImageTokenizerConfig
from models.sampling import SamplingConfig
from models.training import TrainConfig

SECTIONS: dict[str, type] = {
    "world": WorldConfig,
    "tokenizer": ImageTokenizerConfig,
    "language": LanguageConfig,
    "data": DataConfig,
    "stage0": TrainConfig,
    "train": TrainConfig,
    "sampling": SamplingConfig,
    "benchmark": PromptConfig,
    "probe": ProbeConfig,
}


def load_schema() -> Schema:
    models = {name: architecture(name).config for name in names()}
    return Schema(SECTIONS, models, tasks=lambda config: trained_tasks(config.train), match=match)

"""The dataclass of each section of a cell's config: the one place that names them all."""

from benchmarks.probes.config import ProbeConfig
from benchmarks.world import PromptConfig
from datamodules.pairs.config import PairsConfig
from datamodules.sequences import DataConfig
from datamodules.world import WorldConfig
from experiments.build import trained_tasks
from experiments.conditioned.config import ConditionedConfig
from experiments.config import Schema
from experiments.language import LanguageConfig
from experiments.match import match
from experiments.parallel.execution import ExecutionConfig
from experiments.recipes.config import MixtureConfig, RecipeStageConfig
from models.architectures import architecture, names
from models.image_tokens import ImageTokenizerConfig
from models.sampling import SamplingConfig
from models.tokenizers.encoders import EncoderConfig
from models.training import TrainConfig

SECTIONS: dict[str, type] = {
    "world": WorldConfig,
    "tokenizer": ImageTokenizerConfig,
    "encoder": EncoderConfig,
    "language": LanguageConfig,
    "data": DataConfig,
    "pairs": PairsConfig,
    "stage0": TrainConfig,
    "train": TrainConfig,
    "sampling": SamplingConfig,
    "benchmark": PromptConfig,
    "probe": ProbeConfig,
    "execution": ExecutionConfig,
    "conditioned": ConditionedConfig,
    "stage": RecipeStageConfig,
    "mixture": MixtureConfig,
}


def load_schema() -> Schema:
    models = {name: architecture(name).config for name in names()}
    return Schema(SECTIONS, models, tasks=lambda config: trained_tasks(config.train), match=match)

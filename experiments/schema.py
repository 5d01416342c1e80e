"""The dataclass of each section of a cell's config: the one place that names them all."""

from benchmarks.probes.config import ProbeConfig
from benchmarks.world import PromptConfig
from datamodules.pairs.config import PairsConfig
from datamodules.sequences import DataConfig
from datamodules.world import WorldConfig
from experiments.conditioned.config import ConditionedConfig
from experiments.config import CellConfig, ConfigError, Schema
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
    return Schema(SECTIONS, models, tasks=cell_tasks, match=match)


def cell_tasks(config: CellConfig) -> tuple[str, ...]:
    """The tasks that a cell trains, and is scored on.

    Raises ConfigError for one without sequences; a stage of a recipe may leave its task to others.
    """
    tasks = config.train.tasks
    for task in tasks:
        if not config.train.batch(task) and not config.stage.name:
            raise ConfigError(
                f"train.{task}_batch must be at least 1 where train.{task}_weight is not 0, got 0."
            )
    return tasks

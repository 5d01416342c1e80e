"""How the steps of a cell differ that has a config section with a `variant`, or sources of pairs.

A section names its variant (`features`, `merge`, `pictures`, …); each takes the steps of a plain
cell (graph.py) and gives those of such a cell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from experiments.config import CellConfig, ConfigError
from experiments.language import bridged_to
from experiments.planning.graph import ARM, SAMPLER, START, Kind
from experiments.recipes.trainers import TRAINERS


def with_features(steps: dict[str, Kind]) -> dict[str, Kind]:
    """Training reads what a second encoder sees in the training pictures."""
    features = Kind("experiments.artifacts.features:features", ("world", "encoder", "data"))
    train = steps["train"]
    train = replace(train, inputs=(*train.inputs, "features"))
    return {"features": features, **steps, "train": train}


def with_pairs(
    steps: Mapping[str, Kind], arm: str, config: CellConfig, trained: Sequence[str]
) -> dict[str, Kind]:
    """The training set is made of the sources that the config's section `pairs` names.

    Raises ConfigError where the arm cannot be trained on them.
    """
    for task in trained:
        if task not in config.pairs.tasks:
            raise ConfigError(f"pairs.{task} must name sources, as {arm} trains it, got none.")
    if "features" in variants(config):
        raise ConfigError(f"pairs must name none for {arm}: its encoder sees the world's scenes.")
    if getattr(config.tokenizer, "kind", "") == "autoencoder":
        raise ConfigError(f"pairs must name none for {arm}: its latents are the world's scenes'.")
    entry = "experiments.artifacts.pairs:training_data"
    parts = ("world", "tokenizer", "language", "pairs")
    return {**steps, "data": Kind(entry, parts, ("tokenizer",))}


def with_merging(steps: dict[str, Kind]) -> dict[str, Kind]:
    """Trained cells are merged in place of training."""
    merge = Kind("experiments.merge:merge", ARM, START)
    return {**steps, "train": merge}


CONDITIONED = "experiments.conditioned"
PICTURE_BENCHMARKS = ("reconstruction", "editing", "interleaved")
IN_CONTEXT = "in_context"
CAPTIONS = "captions"
CONDITIONED_BRACKETS = "conditioned_brackets"


def with_pictures(steps: dict[str, Kind]) -> dict[str, Kind]:
    """Prompts that hold pictures in training, and the three benchmarks of such prompts."""
    steps = with_conditioned_data(steps)
    for benchmark in PICTURE_BENCHMARKS:
        steps = with_benchmark(steps, benchmark, ("world", "conditioned.per_kind"))
    brackets = Kind(
        f"{CONDITIONED}.brackets:{CONDITIONED_BRACKETS}",
        ("world", "tokenizer"),
        ("tokenizer", "judge", *(f"prompts_{benchmark}" for benchmark in PICTURE_BENCHMARKS)),
    )
    return {**steps, CONDITIONED_BRACKETS: brackets}


def with_examples(steps: dict[str, Kind]) -> dict[str, Kind]:
    """Prompts by example in training, and WISE after examples."""
    return with_benchmark(with_conditioned_data(steps), IN_CONTEXT, ("world",))


def with_conditioned_data(steps: dict[str, Kind]) -> dict[str, Kind]:
    """A share of the training prompts for drawing holds pictures."""
    parts = (*steps["data"].parts, "conditioned")
    data = Kind(f"{CONDITIONED}.data:conditioned_data", parts, steps["data"].inputs)
    return {**steps, "data": data}


def with_benchmark(
    steps: dict[str, Kind], benchmark: str, asked: tuple[str, ...]
) -> dict[str, Kind]:
    """A benchmark whose prompts hold pictures; `asked` is what of the config its prompts depend
    on."""
    verbs = ("prompts", "generate", "judge", "score")
    prompts, generate, judge, score = (f"{verb}_{benchmark}" for verb in verbs)
    entry = f"{CONDITIONED}.steps:"
    steps = {**steps, prompts: Kind(entry + prompts, asked)}
    if "generate_geneval" in steps:
        inputs = (*START, "train", "tune", prompts)
        steps[generate] = Kind(entry + generate, SAMPLER, inputs)
        steps[judge] = Kind(entry + judge, ("world",), (generate, "judge", prompts))
        steps[score] = Kind(entry + score, (), (judge, prompts))
    return steps


def check_pictures_are_read(arm: str, config: CellConfig) -> None:
    """Raises ConfigError where prompts hold pictures that an arm's language model cannot see."""
    prompts = getattr(getattr(config, "conditioned", None), "prompts", CAPTIONS)
    if prompts != CAPTIONS and bridged_to(config):
        raise ConfigError(
            f"conditioned.prompts must be {CAPTIONS} for {arm}, whose published language model "
            f"sees no image, got {prompts!r}; leave the arm out by --arms."
        )


def with_mixture(steps: dict[str, Kind]) -> dict[str, Kind]:
    """The training set mixes sources of the world by weights."""
    parts = ("world", "tokenizer", "language", "data", "mixture")
    return {
        **steps,
        "data": Kind("experiments.recipes.mixed_data:mixed_data", parts, ("tokenizer",)),
    }


def with_stage(entry: str, steps: dict[str, Kind]) -> dict[str, Kind]:
    """Training is a stage of a recipe (experiments/recipes/)."""
    train = steps["train"]
    return {**steps, "train": replace(train, entry=entry, parts=(*train.parts, "stage"))}


VARIANTS = {
    "features": with_features,
    "merge": with_merging,
    "pictures": with_pictures,
    "examples": with_examples,
    "mixture": with_mixture,
    **{f"stage_{name}": partial(with_stage, entry) for name, entry in TRAINERS.items()},
}
"""The function of each variant."""


def varied(
    graph: Mapping[str, Kind], arm: str, config: CellConfig, tasks: Sequence[str]
) -> dict[str, Kind]:
    """The steps of the arm's cells as its config has them.

    Raises ConfigError where the arm cannot be trained on what the config names.
    """
    steps = dict(graph)
    if (pairs := getattr(config, "pairs", None)) and pairs.tasks:
        steps = with_pairs(steps, arm, config, tasks)
    check_pictures_are_read(arm, config)
    for variant in variants(config):
        steps = VARIANTS[variant](steps)
    return steps


def variants(config: CellConfig) -> list[str]:
    """The variants that sections of a config name, each once: one may follow from two of them."""
    named = (getattr(section, "variant", None) for section in vars(config).values())
    return list(dict.fromkeys(variant for variant in named if variant))

"""The steps of a cell: the function of each, its part of the config, and its inputs.

    tokenizer ─┬─ data ──────┬─ train ─── tune ─┬─ curve
               ├─ judge      │                  └─ generate_<b> ── judge_<b> ── score_<b>
    texts ─────┼─ stage0 ────┘
    prompts_<b> ─ brackets                  probe_<p>

<b> is a benchmark; its prompts are an input of its three steps as well.
<p> is a probe; it looks into the trained model, and the drawn pictures are an input of one.
A suite may ask for benchmarks whose prompts hold pictures; their steps are the same.

Steps that two cells share have equal keys and run once. A step sees nothing of the config but
`parts`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from experiments.config import CellConfig, ConfigError
from experiments.recipes.trainers import TRAINERS


@dataclass(frozen=True)
class Kind:
    """A kind of step. A `resumable` one that was interrupted finds its unfinished folder again."""

    entry: str
    parts: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    resumable: bool = False


TASK_OF_BENCHMARK = {
    "geneval": "generate",
    "dpg": "generate",
    "wise": "generate",
    "mjhq_fid": "generate",
    "vqa": "understand",
}

PROMPT_COUNTS = {
    "geneval": (
        "benchmark.geneval_per_tag",
        "benchmark.official_prompts",
        "benchmark.official_sha256",
    ),
    "dpg": ("benchmark.dpg_items",),
    "wise": (),
    "mjhq_fid": ("benchmark.mjhq_images",),
    "vqa": ("benchmark.vqa_per_kind",),
}
"""What of the config's section `benchmark` is about the prompts of each."""

PROMPTS = {
    f"prompts_{benchmark}": Kind(
        f"experiments.artifacts.prompts:prompts_{benchmark}", ("world", *counts)
    )
    for benchmark, counts in PROMPT_COUNTS.items()
}

ARTIFACTS = {
    "tokenizer": Kind(
        "experiments.artifacts.tokenizer:tokenizer", ("world", "tokenizer"), resumable=True
    ),
    "data": Kind(
        "experiments.artifacts.data:training_data",
        ("world", "tokenizer", "language", "data"),
        ("tokenizer",),
    ),
    "texts": Kind("experiments.artifacts.data:texts", ("world", "language", "data")),
    **PROMPTS,
    "judge": Kind(
        "experiments.artifacts.judge:world_judge", ("world", "tokenizer"), ("tokenizer",)
    ),
    "brackets": Kind(
        "experiments.artifacts.brackets:brackets",
        ("world", "tokenizer"),
        ("tokenizer", "judge", *PROMPTS),
    ),
    "stage0": Kind(
        "experiments.artifacts.stage0:stage0",
        ("world", "tokenizer", "language", "model.trunk", "stage0", "seed", "execution"),
        ("tokenizer", "texts"),
        resumable=True,
    ),
}

ARM = (
    *("world", "tokenizer", "encoder", "language", "data"),
    *("model", "stage0", "train", "seed", "execution"),
)
SAMPLER = (*ARM, "sampling")
JUDGE = ("world", "execution")
START = ("tokenizer", "stage0")
"""What a module is built from; an arm that needs another cell gets that too."""

TRAINING = {
    "train": Kind("experiments.train:train", ARM, (*START, "data"), resumable=True),
    "tune": Kind("experiments.tune:tune", SAMPLER, (*START, "train", "judge")),
    "curve": Kind(
        "experiments.curve:curve",
        SAMPLER,
        (*START, "train", "tune", "judge", "prompts_geneval", "prompts_vqa"),
    ),
}


def meets_model(name: str, kind: Kind) -> bool:
    """Whether a step builds the arm's module."""
    return name == "train" or "train" in kind.inputs


def benchmark_steps(benchmark: str) -> dict[str, Kind]:
    """generate, judge and score of one benchmark; answers to questions need no judge."""
    generate, judge, score = (f"{verb}_{benchmark}" for verb in ("generate", "judge", "score"))
    prompts = f"prompts_{benchmark}"
    steps = {generate: evaluate(generate, SAMPLER, *START, "train", "tune", prompts)}
    if TASK_OF_BENCHMARK[benchmark] == "generate":
        steps[judge] = evaluate(judge, JUDGE, generate, "judge", prompts)
    steps[score] = evaluate(score, (), judge if judge in steps else generate, prompts)
    return steps | (SECOND_OPINION if benchmark == "geneval" else {})


def evaluate(name: str, parts: tuple[str, ...], *inputs: str) -> Kind:
    """A step of experiments/evaluate.py; its function has its name."""
    return Kind(f"experiments.evaluate:{name}", parts, inputs)


SECOND_OPINION = {
    "judge2_geneval": evaluate("judge2_geneval", JUDGE, "generate_geneval", "prompts_geneval"),
    "score_judges": evaluate(
        "score_judges", (), "judge_geneval", "judge2_geneval", "prompts_geneval"
    ),
}
"""The second judge on the cell's own GenEval images, and how far the two agree."""


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
    if "features" in (getattr(one, "recipe", None) for one in (config.model, config.encoder)):
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
CONDITIONED_BRACKETS = "conditioned_brackets"


def with_pictures(steps: dict[str, Kind]) -> dict[str, Kind]:
    """Prompts that hold pictures in training, and the three benchmarks of such prompts."""
    steps = with_conditioned_data(steps)
    for benchmark in PICTURE_BENCHMARKS:
        steps |= conditioned_steps(
            benchmark, ("world", "conditioned.per_kind"), "generate_geneval" in steps
        )
    brackets = Kind(
        f"{CONDITIONED}.brackets:{CONDITIONED_BRACKETS}",
        ("world", "tokenizer"),
        ("tokenizer", "judge", *(f"prompts_{benchmark}" for benchmark in PICTURE_BENCHMARKS)),
    )
    return {**steps, CONDITIONED_BRACKETS: brackets}


def with_examples(steps: dict[str, Kind]) -> dict[str, Kind]:
    """Prompts by example in training, and WISE after examples."""
    steps = with_conditioned_data(steps)
    return steps | conditioned_steps(IN_CONTEXT, ("world",), "generate_geneval" in steps)


def with_conditioned_data(steps: dict[str, Kind]) -> dict[str, Kind]:
    """A share of the training prompts for drawing holds pictures."""
    parts = (*steps["data"].parts, "conditioned")
    data = Kind(f"{CONDITIONED}.data:conditioned_data", parts, steps["data"].inputs)
    return {**steps, "data": data}


def conditioned_steps(benchmark: str, asked: tuple[str, ...], draws: bool) -> dict[str, Kind]:
    """The steps of one benchmark whose prompts hold pictures; `asked` is what of the config its
    prompts depend on."""
    prompts, generate, judge = (f"{verb}_{benchmark}" for verb in ("prompts", "generate", "judge"))
    entry = f"{CONDITIONED}.steps:"
    steps = {prompts: Kind(entry + prompts, asked)}
    if draws:
        inputs = (*START, "train", "tune", prompts)
        steps[generate] = Kind(entry + generate, SAMPLER, inputs)
        steps[judge] = Kind(entry + judge, ("world",), (generate, "judge", prompts))
        score = f"score_{benchmark}"
        steps[score] = Kind(entry + score, (), (judge, prompts))
    return steps


def with_mixture(steps: dict[str, Kind]) -> dict[str, Kind]:
    """The training set mixes sources of the world by weights."""
    parts = ("world", "tokenizer", "language", "data", "mixture")
    return {
        **steps,
        "data": Kind("experiments.recipes.mixed_data:mixed_data", parts, ("tokenizer",)),
    }


def with_stage(entry: str, steps: dict[str, Kind]) -> dict[str, Kind]:
    """Training is a stage of a recipe."""
    train = steps["train"]
    return {**steps, "train": replace(train, entry=entry, parts=(*train.parts, "stage"))}


RECIPES = {
    "features": with_features,
    "merge": with_merging,
    "pictures": with_pictures,
    "examples": with_examples,
    "mixture": with_mixture,
    **{f"stage_{name}": partial(with_stage, entry) for name, entry in TRAINERS.items()},
}
"""How the steps of a cell differ that has a config section with a `recipe`."""


def probe_steps(tasks: tuple[str, ...]) -> dict[str, Kind]:
    """The probes of a finished cell; one that draws shows its own pictures too."""
    drawn = ("generate_geneval",) if "generate" in tasks else ()
    looked_at = {
        "alignment": ("prompts_geneval", *drawn),
        "interaction": ("prompts_geneval",),
        "gradients": ("data",),
        "routing": ("prompts_geneval",),
    }
    return {
        f"probe_{probe}": Kind(
            f"experiments.probing.steps:probe_{probe}", (*ARM, "probe"), (*START, "train", *inputs)
        )
        for probe, inputs in looked_at.items()
    }


BOTH = {"understand", "generate"}


def with_answers(steps: dict[str, Kind]) -> dict[str, Kind]:
    """WISE's facts asked as well as drawn, and drawn by the answers, for a cell of both tasks."""
    inputs = (*START, "train", "tune", "prompts_wise")
    ask, draw, judge = "answer_wise", "generate_answered_wise", "judge_answered_wise"
    score = steps.pop("score_wise")  # it follows the answers
    return {
        ask: evaluate(ask, SAMPLER, *inputs),
        draw: evaluate(draw, SAMPLER, *inputs, ask),
        judge: evaluate(judge, JUDGE, draw, "judge"),
        "score_wise": replace(score, inputs=(*score.inputs, ask, draw, judge)),
    }


def cell_steps(tasks: tuple[str, ...]) -> dict[str, Kind]:
    """Every step of a cell that trains `tasks`, in an order in which each follows its inputs."""
    steps = {**ARTIFACTS, **TRAINING}
    for benchmark, task in TASK_OF_BENCHMARK.items():
        if task in tasks:
            steps |= benchmark_steps(benchmark)
    if set(tasks) == BOTH:
        steps |= with_answers(steps)
    return steps | probe_steps(tasks)

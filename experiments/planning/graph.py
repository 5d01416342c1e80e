"""The steps of a cell: the function of each, its part of the config, and its inputs.

    texts ─────── stage0 ────┐
    tokenizer ─┬─ data ──────┴─ train ─── tune ─┬─ curve
               └─ judge ─┐                      └─ generate_<b> ── judge_<b> ── score_<b>
    prompts_<b> ─────────┴─ brackets        probe_<p>

<b> is a benchmark; its prompts are an input of its three steps as well.
<p> is a probe; it looks into the trained model, and the drawn pictures are an input of one.
A suite may ask for benchmarks whose prompts hold pictures; their steps are the same.

Steps that two cells share have equal keys and run once. A step sees nothing of the config but
`parts`.
"""

from dataclasses import dataclass, replace


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
        "experiments.artifacts.judge:train_judge", ("world", "tokenizer"), ("tokenizer",)
    ),
    "brackets": Kind(
        "experiments.artifacts.brackets:brackets",
        ("world", "tokenizer"),
        ("tokenizer", "judge", *PROMPTS),
    ),
    "stage0": Kind(
        "experiments.artifacts.stage0:stage0",
        ("world", "tokenizer", "language", "model.trunk", "stage0", "seed", "execution"),
        ("texts",),
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
    "tune": Kind("experiments.scoring.tune:tune", SAMPLER, (*START, "train", "judge")),
    "curve": Kind(
        "experiments.scoring.curve:curve",
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
    """A step of experiments/scoring/evaluate.py; its function has its name."""
    return Kind(f"experiments.scoring.evaluate:{name}", parts, inputs)


SECOND_OPINION = {
    "judge2_geneval": evaluate("judge2_geneval", JUDGE, "generate_geneval", "prompts_geneval"),
    "score_judges": evaluate(
        "score_judges", (), "judge_geneval", "judge2_geneval", "prompts_geneval"
    ),
}
"""The second judge on the cell's own GenEval images, and how far the two agree."""


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

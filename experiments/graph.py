"""The steps of a cell: which function runs each, which part of the config and which inputs it needs.

    tokenizer ─┬─ data ──────┬─ train ─── tune ─┬─ curve
               ├─ judge      │                  └─ generate_<b> ── judge_<b> ── score_<b>
    texts ─────│─ stage0 ────┘
    prompts ───┴─ brackets

Steps that two cells share have equal keys and run once. A step sees nothing of the config but `parts`.
"""

from dataclasses import dataclass


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

ARTIFACTS = {
    "tokenizer": Kind(
        "experiments.artifacts.tokenizer:tokenizer", ("world", "tokenizer"), resumable=True
    ),
    "data": Kind(
        "experiments.artifacts.data:training_data", ("world", "tokenizer", "data"), ("tokenizer",)
    ),
    "texts": Kind("experiments.artifacts.data:texts", ("world", "data")),
    "prompts": Kind("experiments.artifacts.benchmarks:prompts", ("world", "benchmark")),
    "judge": Kind(
        "experiments.artifacts.judge:world_judge", ("world", "tokenizer"), ("tokenizer",)
    ),
    "brackets": Kind(
        "experiments.artifacts.benchmarks:brackets",
        ("world", "tokenizer", "data", "benchmark"),
        ("tokenizer", "judge", "prompts"),
    ),
    "stage0": Kind(
        "experiments.artifacts.stage0:stage0",
        ("world", "tokenizer", "model.trunk", "train", "seed"),
        ("texts",),
        resumable=True,
    ),
}

MODEL = ("world", "tokenizer", "data", "model", "train", "sampling", "benchmark", "seed")

TRAINING = {
    "train": Kind(
        "experiments.train:train",
        ("world", "tokenizer", "data", "model", "train", "seed"),
        ("tokenizer", "data", "stage0"),
        resumable=True,
    ),
    "tune": Kind("experiments.evaluate:tune", MODEL, ("train", "tokenizer", "judge", "prompts")),
    "curve": Kind(
        "experiments.evaluate:curve", MODEL, ("train", "tokenizer", "tune", "judge", "prompts")
    ),
}


def benchmark_steps(benchmark: str) -> dict[str, Kind]:
    """generate, judge and score of one benchmark; answers to questions need no judge."""
    generate, judge, score = (f"{verb}_{benchmark}" for verb in ("generate", "judge", "score"))
    model = ("train", "tokenizer", "tune", "prompts")
    steps = {generate: Kind(f"experiments.evaluate:{generate}", MODEL, model, resumable=True)}
    if TASK_OF_BENCHMARK[benchmark] == "generate":
        inputs = (generate, "judge", "prompts")
        steps[judge] = Kind(f"experiments.evaluate:{judge}", ("world", "benchmark"), inputs)
    records = judge if judge in steps else generate
    steps[score] = Kind(
        f"experiments.evaluate:{score}", ("world", "benchmark"), (records, "prompts")
    )
    return steps


def cell_steps(tasks: tuple[str, ...]) -> dict[str, Kind]:
    """Every step of a cell that trains `tasks`, in an order in which each follows its inputs."""
    steps = {**ARTIFACTS, **TRAINING}
    for benchmark, task in TASK_OF_BENCHMARK.items():
        if task in tasks:
            steps |= benchmark_steps(benchmark)
    return steps

"""A small stand-in for the real schema and steps: the runner is tested without models or torch."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from experiments.config import Schema
from experiments.planning.graph import Kind, cell_steps
from experiments.planning.sources import Sources

TOKENS = (100, 200, 300, 400, 500)
PROMPTS = 12
QUALITY = "quality"


@dataclass(frozen=True, kw_only=True)
class World:
    classes: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.classes <= 24:
            raise ValueError(f"world.classes must lie in [1, 24], got {self.classes}.")


@dataclass(frozen=True, kw_only=True)
class Tokenizer:
    levels: int = 8


@dataclass(frozen=True, kw_only=True)
class Language:
    checkpoint: str = ""


@dataclass(frozen=True, kw_only=True)
class Encoder:
    kind: str = "none"


@dataclass(frozen=True, kw_only=True)
class Data:
    scenes: int = 100


@dataclass(frozen=True, kw_only=True)
class Stage0:
    steps: int = 3


@dataclass(frozen=True, kw_only=True)
class Trunk:
    depth: int = 4
    width: int = 8


@dataclass(frozen=True, kw_only=True)
class Shared:
    name: str = "shared"
    trunk: Trunk = field(default_factory=Trunk)


@dataclass(frozen=True, kw_only=True)
class Fork:
    name: str = "fork"
    trunk: Trunk = field(default_factory=Trunk)
    fork_at: int = 2

    def canonical(self) -> "Shared | Fork":
        return Shared(trunk=self.trunk) if self.fork_at == self.trunk.depth else self


@dataclass(frozen=True, kw_only=True)
class Train:
    tasks: tuple[str, ...] = ("understand", "generate")
    lr: float = 0.001
    quality: float = 0.5
    behaviour: str = "works"
    stages: int = 1


@dataclass(frozen=True, kw_only=True)
class Execution:
    devices: int = 1


@dataclass(frozen=True, kw_only=True)
class Sampling:
    guidance: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    geneval_per_tag: int = 2
    vqa_per_kind: int = 2
    official_prompts: str = ""
    official_sha256: str = ""


class EntryAlone(Sources):
    """Takes a step's code for the name of its function: plans of real suites at little cost."""

    def __init__(self) -> None:
        self.entry_hash = lambda entry, *modules: entry


def load_schema() -> Schema:
    sections = {
        "world": World,
        "tokenizer": Tokenizer,
        "encoder": Encoder,
        "language": Language,
        "data": Data,
        "stage0": Stage0,
        "train": Train,
        "sampling": Sampling,
        "benchmark": Benchmark,
        "execution": Execution,
    }
    return Schema(sections, {"shared": Shared, "fork": Fork}, tasks=lambda one: one.train.tasks)


def graph(tasks: tuple[str, ...]) -> dict[str, Kind]:
    """The real graph with the fakes as its functions, and two of the benchmarks."""
    names = {"tune", "curve", "train", "brackets"}
    kept = {}
    for name, kind in cell_steps(tasks).items():
        if is_left_out(name):
            continue
        function = name if name in names else name.partition("_")[0]
        function = function if function in (*names, "generate", "judge", "score") else "artifact"
        entry = f"tests.experiments.fakes:{function}"
        inputs = tuple(one for one in kind.inputs if not is_left_out(one))
        kept[name] = Kind(entry, kind.parts, inputs, kind.resumable)
    return kept


def is_left_out(step: str) -> bool:
    return step.split("_")[-1] in ("dpg", "wise", "fid") or step.startswith("probe_")


def artifact(config: object, inputs: Mapping[str, Path], out: Path) -> None:
    """Passes on how good the model is, so that what scores it can tell."""
    (out / "artifact.json").write_text(json.dumps(sorted(vars(config))))
    for folder in inputs.values():
        if (folder / QUALITY).exists():
            (out / QUALITY).write_text((folder / QUALITY).read_text())


judge = tune = artifact


def generate(config: object, inputs: Mapping[str, Path], out: Path) -> None:
    """Two prompts in GenEval's layout; their text would be markup if a page did not escape it."""
    (out / QUALITY).write_text(str(config.train.quality))
    for index, column in enumerate(("seen", "unseen")):
        folder = out / f"{index:05d}"
        (folder / "samples").mkdir(parents=True, exist_ok=True)
        record = {"tag": "colors", "column": column, "prompt": "a <script>alert(1)</script> dog"}
        (folder / "metadata.jsonl").write_text(json.dumps(record) + "\n")
        Image.new("RGB", (8, 8), (200, 40 * index, 90)).save(folder / "samples" / "0000.png")


def train(config: object, inputs: Mapping[str, Path], out: Path) -> None:
    """Ten resumable steps; `train.behaviour` makes it fail, wait to be killed, or work."""
    train = config.train
    if train.behaviour == "fails":
        raise ValueError("train.loss must be finite, got nan at step 3.")
    metrics = out / "metrics.jsonl"
    start = len(metrics.read_text().splitlines()) if metrics.exists() else 0
    (out / "starts.txt").open("a").write(f"{start}\n")
    for step in range(start, 10):
        if train.behaviour == "waits" and step == 5 and start == 0:
            (out / "waiting").write_text(str(os.getpid()))
            time.sleep(60)
        line = {"step": step, "tokens": 50 * step, "name": "train/loss", "value": 1 / (1 + step)}
        with metrics.open("a") as file:
            file.write(json.dumps(line) + "\n")
    parameters = {"total": 1000, "trainable": 900}
    parameters |= {f"active_{task}": 800 for task in train.tasks}
    summary = {
        "parameters": parameters,
        "flops": 1e12,
        "tokens": TOKENS[-1],
        "sequences": dict.fromkeys(train.tasks, 10),
        "wall_seconds": 12.0,
        "peak_bytes": 1 << 20,
    }
    (out / "summary.json").write_text(json.dumps(summary))


def items(quality: float, count: int) -> list[dict]:
    """Half in each column and stratum; a share `quality` of each cluster is right."""
    return [
        {
            "name": f"{index}",
            "cluster": f"{index // 2}",
            "stratum": "even" if index % 2 == 0 else "odd",
            "column": "seen" if index < count // 2 else "unseen",
            "value": float((index * 7 % 10) / 10 < quality),
        }
        for index in range(count)
    ]


def results(benchmark: str, quality: float, count: int) -> tuple[dict, list[dict]]:
    scored = items(quality, count)
    value = sum(one["value"] for one in scored) / count
    metric = {"value": value, "ci_low": value - 0.1, "ci_high": value + 0.1, "n": count}
    name = f"{benchmark}.overall@world-4x4-8px"
    metrics = {name: {**metric, "higher_is_better": True}}
    about = {"benchmark": benchmark, "protocol": {"judge": "exact"}, "items": "items.jsonl"}
    return {**about, "n_expected": count, "n_scored": count, "metrics": metrics}, scored


def score(config: object, inputs: Mapping[str, Path], out: Path) -> None:
    benchmark = "geneval" if "judge_geneval" in inputs else "vqa"
    benchmark = "judges" if "judge2_geneval" in inputs else benchmark
    document, scored = results(benchmark, quality_of(inputs), PROMPTS)
    (out / "results.json").write_text(json.dumps(document))
    (out / "items.jsonl").write_text("".join(json.dumps(one) + "\n" for one in scored))


def quality_of(inputs: Mapping[str, Path]) -> float:
    files = (folder / QUALITY for folder in inputs.values())
    return next(float(file.read_text()) for file in files if file.exists())


def curve(config: object, inputs: Mapping[str, Path], out: Path) -> None:
    lines = []
    for tokens in TOKENS:
        for benchmark in ("geneval", "vqa"):
            quality = config.train.quality * tokens / TOKENS[-1]
            document, _ = results(benchmark, quality, PROMPTS)
            lines.append(json.dumps({**document, "tokens_seen": tokens}))
    (out / "results.jsonl").write_text("\n".join(lines) + "\n")
    (out / "samples").mkdir()
    for step in (10, 20):
        Image.new("RGB", (16, 8), (10, 4 * step, 10)).save(out / "samples" / f"step-{step:06d}.png")


def brackets(config: object, inputs: Mapping[str, Path], out: Path) -> None:
    lines = []
    for row, quality in (("ceiling", 1.0), ("floor", 0.2), ("chance", 0.1)):
        for benchmark in ("geneval", "vqa"):
            document, _ = results(benchmark, quality, PROMPTS)
            lines.append(json.dumps({**document, "row": row}))
    (out / "results.jsonl").write_text("\n".join(lines) + "\n")

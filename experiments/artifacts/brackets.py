"""The rows that bracket every leaderboard: ceiling, floor, and chance by kind of question."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace

from benchmarks import dpg, geneval, mjhq_fid, wise
from benchmarks.chance import Chance
from benchmarks.judges.efficientnet import EfficientNetFeatures
from benchmarks.prompt_files import PROMPT_FILES
from benchmarks.protocol import Model
from benchmarks.records import RECORDS
from benchmarks.references import Ceiling, Floor
from benchmarks.results import Results
from benchmarks.vqa import exact_match
from benchmarks.world import write_world
from datamodules.world import World
from experiments.scoring.judging import world_judge
from experiments.scoring.prompt_folders import annotation_file, prompt_file
from experiments.scoring.result_lines import result_line
from experiments.store.markers import write_text
from models.tokenizers.kinds import load_codec

Inputs = dict[str, Path]
DRAWING: dict[str, ModuleType] = {"geneval": geneval, "dpg": dpg, "wise": wise}
"""The benchmarks whose images the world's judge sees."""


def brackets(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Writes `results.jsonl`, a line a row and benchmark."""
    world = World(config.world)
    codec = load_codec(inputs["tokenizer"])
    with all_prompts(world, inputs) as prompts:
        rows: dict[str, Model] = {
            "ceiling": Ceiling(prompts, codec.reconstruct),
            "floor": Floor(world),
        }
    lines = [
        result_line(results, row=row)
        for row, model in rows.items()
        for results in reference_results(config, inputs, model, out / row)
    ]
    chance = Chance(prompt_file(inputs, "vqa"), annotation_file(inputs))
    lines.append(result_line(answered(inputs, chance, out / "chance"), row="chance"))
    write_text(out / "results.jsonl", "".join(lines))


@contextmanager
def all_prompts(world: World, inputs: Mapping[str, Path]) -> Iterator[Path]:
    """One folder with every benchmark's prompts, as `python -m benchmarks prompts` writes it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_world(world, folder)
        for benchmark, file in PROMPT_FILES.items():
            link = (folder / file).parent
            link.symlink_to(prompt_file(inputs, benchmark).parent.resolve())
        yield folder


def reference_results(
    config: SimpleNamespace, inputs: Inputs, model: Model, out: Path
) -> Iterator[Results]:
    """One reference model through all five benchmarks."""
    judge = world_judge(config, inputs)
    for name, benchmark in DRAWING.items():
        prompts, images, judged = prompt_file(inputs, name), out / name, out / f"{name}_judged"
        benchmark.generate(model, prompts, images)
        benchmark.judge(judge, images, prompts, judged)
        yield benchmark.score(judged / RECORDS, prompts)
    prompts, images = prompt_file(inputs, "mjhq_fid"), out / "mjhq_fid"
    mjhq_fid.generate(model, prompts, images)
    mjhq_fid.judge(EfficientNetFeatures(), images, prompts, out / "mjhq_fid_judged")
    yield mjhq_fid.score(out / "mjhq_fid_judged" / mjhq_fid.FEATURES, prompts)
    yield answered(inputs, model, out)


def answered(inputs: Inputs, model: Model, out: Path) -> Results:
    """One reference model asked VQA's questions."""
    exact_match.generate(model, prompt_file(inputs, "vqa"), out / "vqa")
    return exact_match.score(out / "vqa" / RECORDS, annotation_file(inputs))

"""The rows that bracket the benchmarks whose prompts hold images: ceiling, floor and copy."""

from pathlib import Path
from types import SimpleNamespace

from benchmarks import conditioned
from benchmarks.conditioned.references import references
from benchmarks.records import RECORDS
from datamodules.world import World
from datamodules.world.picture_benchmarks import BENCHMARK_KINDS
from experiments.conditioned.steps import picture_prompt_file
from experiments.scoring.judging import world_judge
from experiments.scoring.result_lines import result_line
from experiments.store.markers import write_text
from models.tokenizers.kinds import load_codec


def conditioned_brackets(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes `results.jsonl`, a line a row and benchmark."""
    world, lines = World(config.world), []
    reconstruct = load_codec(inputs["tokenizer"]).reconstruct
    judge = world_judge(config, inputs)
    for benchmark in BENCHMARK_KINDS:
        prompts = picture_prompt_file(inputs, benchmark)
        for row, model in references(world, prompts, reconstruct).items():
            images, judged = out / row / benchmark, out / row / f"{benchmark}_judged"
            conditioned.generate(model, prompts, images)
            conditioned.judge(judge, images, prompts, judged)
            results = conditioned.score(judged / RECORDS, prompts)
            lines.append(result_line(results, row=row))
    write_text(out / "results.jsonl", "".join(lines))

"""`python -m benchmarks world`: the embedded world's prompts, its references and its judges."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import mjhq_fid
from benchmarks.conditioned.prompts import PROMPTS, write_benchmark
from benchmarks.conditioned.references import references
from benchmarks.judges.world import WorldJudge
from benchmarks.prompt_files import ANNOTATIONS, PROMPT_FILES
from benchmarks.protocol import Model
from benchmarks.records import RECORDS
from benchmarks.references import Ceiling, Floor
from benchmarks.registry import load
from benchmarks.world import PromptConfig, read_world, write_prompts, write_references
from datamodules.world import World, WorldConfig
from datamodules.world.picture_benchmarks import BENCHMARK_KINDS

Config = TypeVar("Config", WorldConfig, PromptConfig)

MODULES = {
    "geneval": "benchmarks.geneval",
    "dpg": "benchmarks.dpg",
    "wise": "benchmarks.wise",
    "mjhq_fid": "benchmarks.mjhq_fid",
    "vqa": "benchmarks.vqa.exact_match",
    **dict.fromkeys(BENCHMARK_KINDS, "benchmarks.conditioned"),
}


def arguments(verb: str) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """Return the flags of one step."""
    out = (("--out",), {"type": Path, "required": True, "help": "folder to write"})
    if verb == "prompts":
        pairs = {"nargs": "*", "default": [], "metavar": "FIELD=NUMBER"}
        official = {"type": Path, "help": "the official evaluation_metadata.jsonl"}
        return [(("--world",), pairs), (("--count",), pairs), (("--geneval",), official), out]
    models, folder = ("ceiling", "floor", "copy"), {"type": Path, "required": True}
    flags: list[tuple[tuple[str, ...], dict[str, Any]]] = [
        (("benchmark",), {"choices": MODULES}),
        (("--prompts",), {**folder, "help": "folder of prompts"}),
        (("--allow-missing",), {"action": "store_true"}),
        out,
    ]
    if verb in ("generate", "run"):
        flags.append((("--model",), {"choices": models, "default": "ceiling"}))
    if verb == "judge":
        flags.append((("--images",), {**folder, "help": "folder of images"}))
    if verb in ("judge", "run"):
        flags.append((("--judge",), {"default": "template", "help": "template, or learnt:FILE"}))
    if verb == "score":
        flags.append((("--records",), {**folder, "help": "folder of records"}))
    return flags


def run_verb(verb: str, options: Namespace) -> None:
    """Run one step."""
    {"prompts": prompts, "generate": generate, "judge": judge, "score": score, "run": run}[verb](
        options
    )


def prompts(options: Namespace) -> None:
    """Write the prompt files and the features of the real images."""
    from benchmarks.judges.efficientnet import EfficientNetFeatures  # heavy: imports torch

    world = World(_configured(WorldConfig, options.world))
    config = _configured(PromptConfig, options.count)
    write_prompts(world, config, options.out, options.geneval)
    write_references(world, config, options.out, EfficientNetFeatures())
    for benchmark in BENCHMARK_KINDS:
        write_benchmark(world, benchmark, config.geneval_per_tag, options.out / benchmark)


def generate(options: Namespace) -> None:
    """Draw the prompts with one of the world's references."""
    module = _module(options.benchmark)
    model = _model(options)
    module.generate(model, _prompt_file(options), options.out)


def judge(options: Namespace) -> None:
    """Judge a folder of images."""
    if options.benchmark == "vqa":
        raise ValueError("judge must have images to look at, got vqa, whose answers are scored.")
    judge = _judge(options)
    missing = options.allow_missing
    _module(options.benchmark).judge(
        judge, options.images, _prompt_file(options), options.out, missing
    )


def score(options: Namespace) -> None:
    """Score a folder of records and print the metrics."""
    name = mjhq_fid.FEATURES if options.benchmark == "mjhq_fid" else RECORDS
    path = options.prompts / ANNOTATIONS if options.benchmark == "vqa" else _prompt_file(options)
    results = _module(options.benchmark).score(options.records / name, path, options.allow_missing)
    results.write(options.out)
    print(results.table())


def run(options: Namespace) -> None:
    """Generate, judge and score under one folder."""
    images, records = options.out / "images", options.out / "records"
    answers = options.benchmark == "vqa"
    generate(Namespace(**{**vars(options), "out": records if answers else images}))
    if not answers:
        judge(Namespace(**{**vars(options), "images": images, "out": records}))
    score(Namespace(**{**vars(options), "records": records}))


def _module(benchmark: str) -> Any:
    return load(MODULES[benchmark])


def _prompt_file(options: Namespace) -> Path:
    name = options.benchmark
    return options.prompts / PROMPT_FILES.get(name, f"{name}/{PROMPTS}")


def _model(options: Namespace) -> Model:
    """Return the reference of `--model`; ValueError for a copy where no prompt holds an image."""
    name, folder = options.model, options.prompts
    if options.benchmark in BENCHMARK_KINDS:
        return references(read_world(folder), _prompt_file(options))[name]
    if name == "copy":
        raise ValueError(f"--model copy must have images in its prompts, got {options.benchmark}.")
    return Ceiling(folder) if name == "ceiling" else Floor(read_world(folder))


def _judge(options: Namespace) -> Any:
    """Return the feature extractor, or the world's judge that `--judge` names."""
    if options.benchmark == "mjhq_fid":
        from benchmarks.judges.efficientnet import EfficientNetFeatures  # heavy: imports torch

        return EfficientNetFeatures()
    world = read_world(options.prompts)
    if options.judge == "template":
        from datamodules.world.judges.template import TemplateJudge

        return WorldJudge(TemplateJudge(world), world, opinion="template")
    kind, _, path = options.judge.partition(":")
    if kind != "learnt" or not path:
        raise ValueError(f"--judge must be template or learnt:FILE, got {options.judge!r}.")
    from datamodules.world.judges.learnt import LearntJudge  # heavy: imports torch

    return WorldJudge(LearntJudge.load(Path(path), world), world)


def _configured(kind: Callable[..., Config], settings: list[str]) -> Config:
    """Return a configuration with FIELD=NUMBER settings over its defaults."""
    names = {entry.name for entry in fields(kind())}
    numbers = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in names or not value.isdigit():
            known = ", ".join(sorted(names))
            raise ValueError(f"a setting must be FIELD=NUMBER of {known}, got {setting!r}.")
        numbers[name] = int(value)
    return kind(**numbers)

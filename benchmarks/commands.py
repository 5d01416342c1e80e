"""The commands of `python -m benchmarks`, one function a verb."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import mjhq_fid
from benchmarks.judges.world import WorldJudge
from benchmarks.protocol import Model
from benchmarks.records import RECORDS
from benchmarks.references import Ceiling, Floor
from benchmarks.world import (
    ANNOTATIONS,
    PROMPT_FILES,
    PromptConfig,
    read_world,
    write_prompts,
    write_references,
)
from datamodules.world import World, WorldConfig

Config = TypeVar("Config", WorldConfig, PromptConfig)

MODULES = {"vqa": "benchmarks.vqa.exact_match"}


def prompts(options: Namespace) -> None:
    """Write the prompt files and the features of the real images."""
    from benchmarks.judges.efficientnet import EfficientNetFeatures  # heavy: imports torch

    world = World(_configured(WorldConfig, options.world))
    config = _configured(PromptConfig, options.count)
    write_prompts(world, config, options.out, options.geneval)
    write_references(world, config, options.out, EfficientNetFeatures())


def generate(options: Namespace) -> None:
    """Draw the prompts with one of the world's references."""
    module = _module(options.benchmark)
    model = _model(options.model, options.prompts)
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
    for metric, found in results.metrics.items():
        interval = "" if found.ci_low is None else f"  [{found.ci_low:.4g}, {found.ci_high:.4g}]"
        print(f"{metric:60} {found.value:8.4g}{interval}  n={found.n}")


def run(options: Namespace) -> None:
    """Generate, judge and score under one folder."""
    images, records = options.out / "images", options.out / "records"
    answers = options.benchmark == "vqa"
    generate(Namespace(**{**vars(options), "out": records if answers else images}))
    if not answers:
        judge(Namespace(**{**vars(options), "images": images, "out": records}))
    score(Namespace(**{**vars(options), "records": records}))


def _module(benchmark: str) -> Any:
    return import_module(MODULES.get(benchmark, f"benchmarks.{benchmark}"))


def _prompt_file(options: Namespace) -> Path:
    return options.prompts / PROMPT_FILES[options.benchmark]


def _model(name: str, folder: Path) -> Model:
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

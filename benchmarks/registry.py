"""Which module serves which word of the command line; none is imported before it is asked for.

A benchmark's module has `arguments(verb)`, the flags and keywords of that step (empty if there is
no such step), and `run_verb(verb, options)`. An adapter's module has `open_model(name)`.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from benchmarks.protocol import Model

VERBS = {
    "generate": "draw the prompts, or answer the questions",
    "judge": "turn images into records",
    "score": "turn records into results.json",
    "run": "generate, judge and score",
}
BENCHMARKS = {
    "geneval": "benchmarks.geneval.command",
    "dpg": "benchmarks.dpg.command",
    "wise": "benchmarks.wise.commands",
    "mjhq_fid": "benchmarks.mjhq_fid.commands",
    "coco_fid": "benchmarks.coco_fid.command",
    "commonsense_t2i": "benchmarks.commonsense_t2i.command",
    "dreambench": "benchmarks.dreambench.command",
    "vqav2": "benchmarks.vqa.vqav2",
    "gqa": "benchmarks.vqa.gqa",
    "pope": "benchmarks.vqa.pope",
    "mme": "benchmarks.vqa.mme",
    "mmbench": "benchmarks.vqa.mmbench",
    "seed_bench": "benchmarks.vqa.seed_bench",
    "textvqa": "benchmarks.vqa.textvqa",
    "mmmu": "benchmarks.vqa.mmmu",
    "mm_vet": "benchmarks.vqa.mm_vet",
}
COMMANDS = {
    "compare": ("benchmarks.compare", "test two results of one protocol against each other"),
    "contamination": (
        "benchmarks.contamination",
        "find captions of training data that are GenEval's prompts",
    ),
    "probe": ("benchmarks.probes.command", "look into a public model, layer by layer"),
    "exchange": ("benchmarks.exchange_command", "bring lmms-eval's and official files in and out"),
}
WORLD = "benchmarks.world_commands"
WORLD_VERBS = {"prompts": "write the world's prompt files", **VERBS}
FOLDER = "folder"
"""The scheme of images made elsewhere, which need no model."""
ADAPTERS = {
    "diffusers": "benchmarks.adapters.diffusers_pipeline",
    "hf": "benchmarks.adapters.transformers_model",
    "openai": "benchmarks.adapters.chat_server",
}
"""Scheme of a model's name (`hf` of `hf:PATH`) -> module of its adapter."""


def load(path: str) -> ModuleType:
    """Return a module of one of the tables above."""
    return import_module(path)


def images_made_elsewhere(model: str) -> Path | None:
    """Return DIR of `folder:DIR`, or None for another scheme; ValueError if there is no DIR."""
    scheme, _, name = model.partition(":")
    if scheme != FOLDER:
        return None
    if not Path(name).is_dir() or not name:
        raise ValueError(f"--model folder:DIR must name a folder of images, got {model!r}.")
    return Path(name)


def open_model(model: str) -> Model:
    """Return the model that SCHEME:NAME names; ValueError for a scheme that nothing serves."""
    scheme, _, name = model.partition(":")
    if scheme not in ADAPTERS or not name:
        known = ", ".join(f"{one}:NAME" for one in (*ADAPTERS, FOLDER))
        raise ValueError(f"--model must be one of {known}, got {model!r}.")
    return load(ADAPTERS[scheme]).open_model(name)

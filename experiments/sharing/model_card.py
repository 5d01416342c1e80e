"""The model card of an exported arm: what it is, how it was trained, how well it does, its limits.

Everything that it says of the arm is read from the run.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.config import CellConfig
from experiments.evidence.collect import Gathered, Row
from experiments.language import bridged_to, checkpoint_of
from experiments.planning.plan import Cell
from experiments.reporting.leaderboard import stages_of
from experiments.reporting.markdown import markdown_table
from models.architectures import architecture

HEAD = """---
{origin}
tags: [forkroad, {architecture}, {tags}]
---

# {arm} of Forkroad's suite {suite}, seed {seed}

{idea}

It {abilities}, {world.pixels} x {world.pixels} pixels. It was trained on {data}. Suite and preset:
{suite}, {preset}{stamp}.
"""
WORLD = (
    "a small world: scenes of up to {world.max_objects} objects of {world.classes} classes in "
    "{world.colours} colours"
)
OWN_DATA = "pictures with texts of its user's own"
TAGS = {"generate": "image-generation", "understand": "visual-question-answering"}
ABILITIES = {"generate": "draws a prompt", "understand": "answers a question about an image"}
USE = """
## Use

From the root of a checkout of Forkroad:

    from pathlib import Path
    from benchmarks.protocol import Request
    from experiments.sharing.exported import load_arm

    model = load_arm(Path("this/folder"))
"""
USES = {
    "generate": '    [image] = model.generate([Request("a photo of a dog", seed=0)])\n',
    "understand": '    [answer] = model.answer([Request("is there a dog ?", images=(image,))])\n',
}
IMAGE = "\nAn image is uint8, height x width x 3{drawn}.\n"
DRAWN = """
    python -m experiments benchmarks generate geneval --model arm:this/folder --seeds running \
      --prompts evaluation_metadata.jsonl --out images
"""
OWN_WORDS = (
    "Its words are those of `tokenizer.json`, in lower case, each sign apart; any other is refused."
)
PUBLISHED_WORDS = (
    "Its words and its first weights are those of {origin}, under whose licence they stand."
)
BRIDGED_WORDS = (
    f"{OWN_WORDS} Its language model is {{origin}}, under whose licence that part stands."
)
LIMITS = """
## Limits

- {words}
- It knows no other pictures. It is made to compare architectures, not to be put to use.
- The scores are those of one seed; whether the architecture is better than another, the run's
  claims say.

## Credit

The world's pictures are made of [Twemoji](https://github.com/jdecked/twemoji), © Twitter,
Inc and other contributors, licensed under
[CC-BY 4.0](https://creativecommons.org/licenses/by/4.0/).
"""


def model_card(found: Gathered, cell: Cell, config: CellConfig) -> str:
    """The card as Markdown."""
    plan, origin = found.plan, origin_of(config)
    own = has_own_data(plan.configs[cell.config])
    licence = "other" if own else "apache-2.0"  # whose pictures these are, their user knows
    tasks = [task for task in ABILITIES if task in cell.tasks]
    head = HEAD.format(
        tags=", ".join(TAGS[task] for task in tasks),
        abilities=" and ".join(ABILITIES[task] for task in tasks),
        data=OWN_DATA if own else WORLD.format(world=config.world),
        origin=f"base_model: {origin}" if origin else f"license: {licence}",
        architecture=cell.architecture,
        arm=cell.arm,
        suite=plan.request.suite,
        seed=cell.seed,
        idea=idea(cell.architecture),
        world=config.world,
        preset=plan.request.preset,
        stamp=f" ({plan.stamp})" if plan.stamp else "",
    )
    training = markdown_table(("", ""), training_rows(found, cell, config))
    scores = markdown_table(("score", "value", "95% interval", "items"), score_rows(found, cell))
    parts = (head, f"## Training\n\n{training}", f"## Scores\n\n{scores}")
    words = (BRIDGED_WORDS if bridged_to(config) else PUBLISHED_WORDS) if origin else OWN_WORDS
    return "\n".join(parts) + use(tasks) + LIMITS.format(words=words.format(origin=origin))


def has_own_data(stated: Mapping[str, Any]) -> bool:
    """Whether the arm has learnt from its user's pictures, by the config that its cell states."""
    return any(stated.get("pairs", {}).get(task) for task in ABILITIES)


def use(tasks: Sequence[str]) -> str:
    """How the arm is asked for what it can do."""
    asked = "".join(USES[task] for task in tasks)
    if "generate" not in tasks:
        return USE + asked + IMAGE.format(drawn="")
    drawn = ", and depends on its prompt and its seed alone"
    return USE + asked + DRAWN + IMAGE.format(drawn=drawn)


def origin_of(config: CellConfig) -> str:
    """The published model that an arm started from or is a bridge to, without its place on a disk;
    empty without one."""
    checkpoint = checkpoint_of(config) or bridged_to(config)
    return Path(checkpoint).name if Path(checkpoint).exists() else checkpoint


def idea(name: str) -> str:
    """What the architecture's own file says first."""
    text = sys.modules[architecture(name).config.__module__].__doc__ or ""
    return text.partition("\n")[0]


def training_rows(found: Gathered, cell: Cell, config: CellConfig) -> Iterator[tuple[str, ...]]:
    summary: Mapping[str, Any] = found.summaries[cell.arm, cell.seed]
    for name, count in summary["parameters"].items():
        yield f"parameters, {name.replace('_', ' for ')}", f"{count:,}"
    yield "training FLOPs", f"{summary['flops']:.3g}"
    yield "tokens", f"{summary['tokens']:,}"
    if getattr(config.model, "variant", "") == "merge":
        yield "weights", "merged from two trained arms"
    else:
        if stages := stages_of(found, cell.arm):
            yield "stages", ", ".join(stages)
        yield "steps of the last stage" if stages else "steps", f"{config.train.steps:,}"
        yield "optimiser", f"{config.train.optimizer}, {config.train.precision}"
        yield "weights", "the exponential average at the end of training"
    for commit in sorted({row.git_commit for row in rows_of(found, cell) if row.git_commit}):
        yield "commit", commit


def rows_of(found: Gathered, cell: Cell) -> list[Row]:
    return [row for row in found.final if (row.arm, row.seed) == (cell.arm, cell.seed)]


def score_rows(found: Gathered, cell: Cell) -> Iterator[tuple[str, ...]]:
    """The suite's headline metrics; every other is in the run's long table."""
    headline = [name for names in found.plan.suite["headline"].values() for name in names]
    for row in rows_of(found, cell):
        if row.name in headline:
            known = row.ci_low is not None and row.ci_high is not None
            interval = f"{row.ci_low:.3f} to {row.ci_high:.3f}" if known else ""
            yield row.metric, f"{row.value:.3f}", interval, str(row.n)

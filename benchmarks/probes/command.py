"""`python -m benchmarks probe`: one of the probes on a public model, from pictures with prompts.

The pictures lie in a folder in GenEval's layout, whoever drew them. Give every model the same; what
a model drew itself (`python -m benchmarks generate geneval`) is UniFork's own recipe.
"""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import flags
from benchmarks.probes.alignment import OWN, WORLD, alignment
from benchmarks.probes.figures import write_figure
from benchmarks.probes.gradients import gradients
from benchmarks.probes.interaction import interaction
from benchmarks.probes.protocol import Inspectable, NotApplicableError, Sample
from benchmarks.probes.routing import routing
from benchmarks.probes.samples import folder_samples
from benchmarks.probes.tables import Tables, observations, reasons, write_tables
from benchmarks.records import MANIFEST, write_json
from benchmarks.registry import open_model

Pictures = Mapping[str, Sequence[Sample]]
PROBES: dict[str, Callable[[Inspectable, Pictures, int], Tables]] = {
    "alignment": lambda model, pictures, k: alignment(model, None, pictures, k),
    "interaction": lambda model, pictures, k: interaction(model, pictures[WORLD]),
    "gradients": lambda model, pictures, k: gradients(model),
    "routing": lambda model, pictures, k: routing(model, pictures[WORLD]),
}


def arguments(verb: str) -> list[flags.Flag]:
    """Return the flags of the command."""
    whole = {"type": flags.positive}
    return [
        (("probe",), {"choices": PROBES}),
        flags.MODEL,
        flags.IMAGES,
        (("--own",), {"type": Path, "help": "pictures that the model drew itself (alignment)"}),
        (("--per-kind",), {**whole, "default": 100, "help": "prompts of a tag (default: 100)"}),
        (("--neighbours",), {**whole, "default": 10, "help": "k of alignment (default: 10)"}),
        flags.OUT,
    ]


def run_verb(verb: str, options: Namespace) -> None:
    """Write the probe's tables and figure; NotApplicableError if nothing of it applies."""
    adapter: Any = open_model(options.model)
    if not hasattr(adapter, "inspected"):
        raise ValueError(f"--model must be hf:NAME to be looked into, got {options.model!r}.")
    model = adapter.inspected()
    folders = {WORLD: options.images} | ({OWN: options.own} if options.own else {})
    pictures = {name: folder_samples(one, options.per_kind) for name, one in folders.items()}
    tables = PROBES[options.probe](model, pictures, options.neighbours)
    if not any(observations(rows) for rows in tables.values()):
        raise NotApplicableError(
            f"{options.probe} must be asked of a model that has it, got: "
            f"{'; '.join(reasons(tables))}."
        )
    write_tables(tables, options.out)
    write_figure(options.probe, tables, options.out)
    about = {"probe": options.probe, "model": dict(adapter.protocol)}
    about |= {f"{name}_images": str(folder) for name, folder in folders.items()}
    write_json(options.out / MANIFEST, about)
    for note in reasons(tables):
        print(f"does not apply: {note}")
    print(options.out)

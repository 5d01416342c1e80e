"""The steps `probe_*` of a cell: benchmarks/probes on our checkpoints, a table and a figure each.

All arms of a suite see the same pictures of the world first: for each distinct GenEval prompt a
scene that shows what it asks for. Then each sees what it drew for the same prompts.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

from benchmarks.fitting import fitting_scene
from benchmarks.geneval.layout import slot_name
from benchmarks.images import read_image
from benchmarks.probes.alignment import OWN, WORLD, alignment
from benchmarks.probes.figures import write_figure
from benchmarks.probes.gradients import gradients
from benchmarks.probes.interaction import interaction
from benchmarks.probes.protocol import Sample
from benchmarks.probes.routing import routing
from benchmarks.probes.samples import distinct
from benchmarks.probes.tables import Row, Tables, write_tables
from benchmarks.records import read_lines
from datamodules.world import World
from experiments.probing.inspected import Inputs, InspectedModel
from experiments.scoring.prompt_folders import prompt_file

QUESTION = "describe the picture ."
"""The question of training that has to be answered with all that is in a picture."""
DRAWN = "generate_geneval"
FINAL = "model.pt"
"""The weights at the end of training, in its folder."""


def probe_alignment(
    config: SimpleNamespace, inputs: Inputs, out: Path, weights: str = FINAL
) -> None:
    samples = {WORLD: world_samples(config, inputs)}
    if DRAWN in inputs:
        samples[OWN] = own_samples(config, inputs)
    untrained = InspectedModel.untrained(config, inputs)

    def look(model: InspectedModel) -> Tables:
        return alignment(model, untrained, samples, config.probe.neighbours)

    write("alignment", look, (config, inputs, weights), out)


def probe_interaction(
    config: SimpleNamespace, inputs: Inputs, out: Path, weights: str = FINAL
) -> None:
    samples = world_samples(config, inputs)
    write("interaction", lambda model: interaction(model, samples), (config, inputs, weights), out)


def probe_gradients(
    config: SimpleNamespace, inputs: Inputs, out: Path, weights: str = FINAL
) -> None:
    write("gradients", gradients, (config, inputs, weights), out)


def probe_routing(config: SimpleNamespace, inputs: Inputs, out: Path, weights: str = FINAL) -> None:
    samples = world_samples(config, inputs)
    write("routing", lambda model: routing(model, samples), (config, inputs, weights), out)


def write(
    probe: str,
    look: Callable[[InspectedModel], Tables],
    cell: tuple[SimpleNamespace, Inputs, str],
    out: Path,
) -> None:
    """Writes a probe's tables and figure of a cell with these weights; with those at the end of
    training and `probe.curve` also its tables at every token count that training kept."""
    config, inputs, weights = cell
    tables = look(InspectedModel.trained(config, inputs, weights))
    write_tables(tables, out)
    write_figure(probe, tables, out)
    if config.probe.curve and weights == FINAL:
        write_tables(by_tokens(look, config, inputs), out)


def by_tokens(
    look: Callable[[InspectedModel], Tables], config: SimpleNamespace, inputs: Inputs
) -> Tables:
    """A probe's tables over the token counts that training kept."""
    found: dict[str, list[Row]] = {}
    for mark in sorted((inputs["train"] / "checkpoints").glob("step-*.json")):
        about = {"tokens": json.loads(mark.read_text())["tokens"]}
        tables = look(InspectedModel.trained(config, inputs, f"checkpoints/{mark.stem}.pt"))
        for name, rows in tables.items():
            found.setdefault(f"{name}_by_tokens", []).extend({**about, **row} for row in rows)
    return found


def asked(config: SimpleNamespace, inputs: Inputs) -> Iterator[tuple[int, dict]]:
    """Number and record of the prompts that are looked at."""
    records = read_lines(prompt_file(inputs, "geneval"), "tag", "include", "prompt")
    yield from distinct(records, config.probe.per_kind)


def world_samples(config: SimpleNamespace, inputs: Inputs) -> list[Sample]:
    """A scene of the world for each prompt, with its full caption as the answer."""
    world, samples = World(config.world), []
    for number, record in asked(config, inputs):
        scene = fitting_scene(world, record, number)
        about = (record["prompt"], record["tag"], QUESTION, world.full_caption(scene))
        samples.append(Sample(world.render(scene), *about))
    return samples


def own_samples(config: SimpleNamespace, inputs: Inputs) -> list[Sample]:
    """What the cell drew for the same prompts, nothing asked about it."""
    return [
        Sample(
            read_image(inputs[DRAWN] / slot_name((number, 0))),
            record["prompt"],
            record["tag"],
            QUESTION,
            record["prompt"],
        )
        for number, record in asked(config, inputs)
    ]

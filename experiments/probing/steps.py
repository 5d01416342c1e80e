"""The steps `probe_*` of a cell: benchmarks/probes on our checkpoints, a table and a figure each.

All arms of a suite see the same pictures of the world first: for each distinct GenEval prompt a
scene that shows what it asks for. Then each sees what it drew for the same prompts.
"""

from collections.abc import Iterator
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
from benchmarks.probes.tables import Tables, write_tables
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
    trained = InspectedModel.trained(config, inputs, weights)
    untrained = InspectedModel.untrained(config, inputs)
    write(out, "alignment", alignment(trained, untrained, samples, config.probe.neighbours))


def probe_interaction(
    config: SimpleNamespace, inputs: Inputs, out: Path, weights: str = FINAL
) -> None:
    model = InspectedModel.trained(config, inputs, weights)
    write(out, "interaction", interaction(model, world_samples(config, inputs)))


def probe_gradients(
    config: SimpleNamespace, inputs: Inputs, out: Path, weights: str = FINAL
) -> None:
    write(out, "gradients", gradients(InspectedModel.trained(config, inputs, weights)))


def probe_routing(config: SimpleNamespace, inputs: Inputs, out: Path, weights: str = FINAL) -> None:
    model = InspectedModel.trained(config, inputs, weights)
    write(out, "routing", routing(model, world_samples(config, inputs)))


def write(out: Path, probe: str, tables: Tables) -> None:
    write_tables(tables, out)
    write_figure(probe, tables, out)


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

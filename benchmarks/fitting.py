"""A scene of the embedded world that shows just what a GenEval prompt asks for."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any

from benchmarks.geneval_rules import judge_image
from datamodules.world import PLACES, Scene, World
from datamodules.world.judges.detection import Detection, geneval_detections


def fitting_scene(world: World, metadata: Mapping[str, Any], seed: int) -> Scene:
    """Return a scene of just the objects that a GenEval record asks for, placed so that it holds.

    ValueError if no placement does, as for more objects than places.
    """
    wanted = [
        (clause["class"], clause.get("color"))
        for clause in metadata["include"]
        for _ in range(clause["count"])
    ]
    for places in permutations(PLACES, len(wanted)):
        named = [(*pair, place) for pair, place in zip(wanted, places, strict=True)]
        scene = world.compose(named, seed)
        if judge_image(metadata, geneval_detections(truth(scene)))[0]:
            return scene
    raise ValueError(f"a prompt must be drawable in {len(PLACES)} places, got {metadata}.")


def truth(scene: Scene) -> list[Detection]:
    """Return the detections of a judge that makes no mistake."""
    return [Detection(one.name, one.box, 1.0, one.colour) for one in scene.placed]

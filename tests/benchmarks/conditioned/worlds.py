"""A small world, its picture prompts in files, and a judge that makes no mistake."""

from pathlib import Path

from benchmarks.conditioned.prompts import PROMPTS, write_benchmark
from benchmarks.fitting import truth
from benchmarks.prompt_files import COLUMNS
from datamodules.world import Scene, World, WorldConfig
from datamodules.world.judges.detection import geneval_detections
from datamodules.world.picture_benchmarks import BENCHMARK_KINDS, benchmark_prompts
from datamodules.world.picture_prompts import PicturePrompt

WORLD = World(WorldConfig(classes=6, colours=4))
PER_KIND = 3
TRAINING_SCENES = 400


class KnowsScenes:
    """Finds what the very scene shows that an image was rendered from, and in any other nothing."""

    label = "test"
    protocol = {"judge": "knows"}  # noqa: RUF012

    def __init__(self, scenes: list[Scene]) -> None:
        self.scenes = {WORLD.render(scene).tobytes(): scene for scene in scenes}

    def detect(self, images, prompts=()):
        return [
            geneval_detections(truth(scene)) if scene else {}
            for scene in (self.scenes.get(image.tobytes()) for image in images)
        ]


def asked(benchmark: str) -> list[PicturePrompt]:
    """The prompts of a benchmark, column by column."""
    kinds = BENCHMARK_KINDS[benchmark]
    return [
        prompt for column in COLUMNS for prompt in benchmark_prompts(WORLD, kinds, PER_KIND, column)
    ]


def written(benchmark: str, folder: Path) -> tuple[Path, list[PicturePrompt]]:
    """The prompts file of a benchmark in `folder`, and its prompts."""
    write_benchmark(WORLD, benchmark, PER_KIND, folder)
    return folder / PROMPTS, asked(benchmark)


def judge_of(prompts: list[PicturePrompt]) -> KnowsScenes:
    """A judge of all scenes of these prompts, and of the first training scenes."""
    scenes = [scene for one in prompts for scene in (*one.pictures, one.target)]
    return KnowsScenes([*scenes, *(WORLD.scene("train", i) for i in range(TRAINING_SCENES))])

"""The world's judge, trained once a world, and what it gets right where the truth is known."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from datamodules.world import World
from datamodules.world.judges.learnt import LearntJudge
from datamodules.world.judges.measure import agreement, measure
from datamodules.world.judges.template import TemplateJudge
from experiments.artifacts.tokenizer import render
from experiments.precision import multiplies_bf16
from experiments.store.markers import write_json
from models.tokenizers.kinds import load_codec

SEED = 0
SCENES = 1000
SECOND_OPINIONS = 200


def train_judge(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes `judge.pt` and `report.json`: accuracy on clean and coded scenes, and on nothing."""
    world = World(config.world)
    codec = load_codec(inputs["tokenizer"])
    judge = LearntJudge.train(world, SEED, codec.reconstruct, in_bf16=multiplies_bf16())
    judge.save(out / "judge.pt")
    scenes = [world.scene("test", index) for index in range(SCENES)]
    clean = render(world, "test", SCENES)
    coded = codec.reconstruct(clean)
    second = TemplateJudge(world)
    few = SECOND_OPINIONS
    report = {
        "clean": measure(judge, clean, scenes),
        "coded": measure(judge, coded, scenes),
        "found_in_nothing": found_in_nothing(judge, clean.shape[1]),
        "second": second.name,
        "second_clean": measure(second, clean[:few], scenes[:few]),
        "second_coded": measure(second, coded[:few], scenes[:few]),
        "agreement_coded": agreement(judge, second, coded[:few]),
    }
    write_json(out / "report.json", report)


def found_in_nothing(judge: LearntJudge, pixels: int) -> dict[str, float]:
    """Detections an image in uniform noise, in normal noise, and in one flat colour."""
    random = np.random.default_rng(SEED)
    shape = (256, pixels, pixels, 3)
    normal = random.normal(128, 64, shape).clip(0, 255)
    images = {
        "uniform_noise": random.integers(0, 256, shape),
        "normal_noise": normal,
        "blank": np.broadcast_to(random.integers(0, 256, (256, 1, 1, 3)), shape),
    }
    return {
        name: float(np.mean([len(found) for found in judge.detect(image.astype(np.uint8))]))
        for name, image in images.items()
    }

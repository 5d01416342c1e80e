import numpy as np
import pytest

from datamodules.world import Scene, World, WorldConfig
from datamodules.world.judges.learnt import LearntConfig, LearntJudge


@pytest.fixture(scope="session")
def small_world() -> World:
    return World(WorldConfig(classes=4, colours=4, detail=0))


@pytest.fixture(scope="session")
def toy_config() -> LearntConfig:
    return LearntConfig(width=48, blocks=2, scenes=800, steps=200, batch=64)


@pytest.fixture(scope="session")
def toy_judge(small_world: World, toy_config: LearntConfig) -> LearntJudge:
    return LearntJudge.train(small_world, seed=0, config=toy_config)


@pytest.fixture(scope="session")
def empty_images() -> np.ndarray:
    """Uniform noise, Gaussian noise and blanks, 30 of each."""
    random = np.random.default_rng(0)
    uniform = random.integers(0, 256, (30, 32, 32, 3))
    gaussian = np.clip(random.normal(128, 50, (30, 32, 32, 3)), 0, 255)
    blank = np.broadcast_to(random.integers(0, 256, (30, 1, 1, 3)), (30, 32, 32, 3))
    return np.concatenate([uniform, gaussian, blank]).astype(np.uint8)


@pytest.fixture(scope="session")
def clean(small_world: World) -> tuple[np.ndarray, list[Scene]]:
    """Held-out scenes and their renders."""
    scenes = [small_world.scene("test", index) for index in range(60)]
    return np.stack([small_world.render(scene) for scene in scenes]), scenes

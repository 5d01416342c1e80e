"""A suite trains on what `precompute` and `mine` have made."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules.pairs.config import PairsConfig
from datamodules.pairs.encoders import DiffusersEncoder
from datamodules.pairs.precompute import PrecomputeConfig, precompute
from datamodules.pairs.sources import SourceConfig, open_source
from datamodules.sequences import SequenceStore
from experiments.artifacts.pairs import training_data
from models.image_tokens import ImageTokenizerConfig
from models.text_tokens import BEGIN_IMAGE, END_IMAGE, GENERATE, UNDERSTAND
from models.tokenizers.kinds import new_codec, save_codec
from tests.experiments.artifacts.world_pairs import WORDS, WORLD, write_shard
from tests.experiments.builders import tiny_config
from tests.models.tokenizers.checkpoints import vqmodel_network

TOKENS = 16
Made = Callable[[PairsConfig], Path]


@pytest.fixture
def network(tmp_path: Path) -> Path:
    vqmodel_network().save_pretrained(tmp_path / "vq")
    return tmp_path / "vq"


@pytest.fixture
def made(tmp_path: Path, network: Path) -> Made:
    """Runs the step `data` behind the published tokenizer and gives its folder."""
    sizes = ImageTokenizerConfig(kind="vqmodel", path=str(network), pixels=32)
    inputs, out = {"tokenizer": tmp_path / "tokenizer"}, tmp_path / "data"
    for folder in (inputs["tokenizer"], out):
        folder.mkdir()
    save_codec(new_codec(sizes), inputs["tokenizer"])

    def run(pairs: PairsConfig) -> Path:
        training_data(tiny_config(world=WORLD.config, tokenizer=sizes, pairs=pairs), inputs, out)
        return out

    return run


def encoded(network: Path, pixels: int = 32) -> tuple[SourceConfig, SourceConfig]:
    """A shard of the world, and the folder of its pictures' codes."""
    shard = write_shard(network.parent / "0.tar", 8, lambda index, told: told)
    pictures = SourceConfig(form="webdataset", path=str(shard))
    folder = network.parent / f"codes-{pixels}"
    encoder = DiffusersEncoder(str(network), device="cpu")
    sizes = PrecomputeConfig(shard_size=4, batch=4)
    precompute(open_source(pictures, pixels), {}, encoder, folder, sizes)
    return pictures, SourceConfig(form="precomputed", path=str(folder))


def rows(folder: Path, task: str) -> list[list[int]]:
    store = SequenceStore.load(folder, task)
    return [store.row(index)[0].tolist() for index in range(len(store))]


def test_codes_from_disk_train_a_suite_as_the_pictures_themselves_do(
    made: Made, network: Path
) -> None:
    found = []
    for source in encoded(network):
        both = PairsConfig(understand=[source], generate=[source], sequences=8, longest=80)
        folder = made(both)
        found.append({task: rows(folder, task) for task in ("understand", "generate")})
    assert found[0] == found[1]
    (drawn, *_), (asked, *_) = found[0]["generate"], found[0]["understand"]
    assert drawn[0] == GENERATE
    assert asked[:2] == [UNDERSTAND, BEGIN_IMAGE]
    assert min(drawn[-TOKENS:]) >= len(WORDS)


def test_codes_of_another_tokenizer_or_size_are_refused(made: Made, network: Path) -> None:
    _, larger = encoded(network, pixels=64)
    with pytest.raises(
        ValueError, match=r"must have 16 codes, as tokenizer\.pixels says, got \[64"
    ):
        made(PairsConfig(generate=[larger], sequences=8))
    about = Path(larger.path) / "about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "encoder": "VQModel 0123"}))
    with pytest.raises(ValueError, match=r"suite's tokenizer, VQModel .*, got VQModel 0123"):
        made(PairsConfig(generate=[larger], sequences=8))


def test_mined_pictures_stand_before_the_instruction_that_makes_the_target(
    made: Made, network: Path, tmp_path: Path
) -> None:
    images = np.stack([WORLD.render(WORLD.scene("train", index)) for index in range(3)])
    for index, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    told = WORLD.caption("train", 2, WORLD.scene("train", 2))
    pair = {"sources": ["0.png", "1.png"], "target": "2.png", "instruction": told}
    (tmp_path / "pairs.jsonl").write_text(json.dumps({"page": "p", "pairs": [pair]}) + "\n")
    source = SourceConfig(form="mined", path=str(tmp_path / "pairs.jsonl"), images=str(tmp_path))
    (row,) = rows(made(PairsConfig(generate=[source], sequences=1)), "generate")
    codec = new_codec(ImageTokenizerConfig(kind="vqmodel", path=str(network), pixels=32))
    first, second, target = (codec.encode(images) + len(WORDS)).tolist()
    assert row == [
        *(GENERATE, BEGIN_IMAGE, *first, END_IMAGE, BEGIN_IMAGE, *second, END_IMAGE),
        *WORDS.encode(told),
        *(BEGIN_IMAGE, *target),
    ]


def test_mined_pairs_are_to_be_drawn() -> None:
    with pytest.raises(ValueError, match=r"pairs\.understand must name no mined pairs"):
        PairsConfig(understand=[SourceConfig(form="mined", path="pairs.jsonl")])

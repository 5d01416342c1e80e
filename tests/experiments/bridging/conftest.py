"""Tiny published parts that know the embedded world's words, and pairs drawn from that world."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from transformers import LlamaConfig, LlamaForCausalLM

from datamodules.pairs.sources import SourceConfig
from datamodules.world import World, WorldConfig
from experiments.bridging.config import PartsConfig, Recipe, StageConfig
from models.bridging.bridge_module import BridgeTrainConfig
from models.bridging.decoder_bridge import PipelineBridgeConfig
from tests.benchmarks.tiny_words import word_tokenizer
from tests.models.bridging.tiny_decoders import save_sana
from tests.models.bridging.tiny_frozen import OPENING, TEXT, save_smolvlm, spread

WORLD = World(WorldConfig(classes=4, colours=4))
SCENES = [WORLD.scene("train", number) for number in range(4)]
CAPTIONS = [WORLD.full_caption(scene) for scene in SCENES]
TRAIN = BridgeTrainConfig(
    steps=4, batch=4, learning_rate=1e-2, decoder_learning_rate=1e-2, precision="32-true"
)


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a reader, an image-reading one, a decoder, captions and instruction pairs."""
    root = tmp_path_factory.mktemp("parts")
    save_reader(root / "reader")
    save_smolvlm(root / "looking")
    save_sana(root / "sana")
    lines, pages = [], []
    for number, (scene, caption) in enumerate(zip(SCENES, CAPTIONS, strict=True)):
        Image.fromarray(WORLD.render(scene)).save(root / f"{number}.png")
        lines.append({"img_path": f"{number}.png", "prompt": caption})
        pair = {"sources": [f"{number}.png"], "target": "0.png", "instruction": "a red cat"}
        pages.append({"page": str(number), "broken": [], "pairs": [pair]})
    for name, found in (("captions.jsonl", lines), ("pairs.jsonl", pages)):
        (root / name).write_text("".join(json.dumps(one) + "\n" for one in found))
    return root


def save_reader(folder: Path) -> None:
    words = sorted({word for caption in CAPTIONS for word in caption.split()})
    tokenizer = word_tokenizer([*OPENING, *words])
    config = LlamaConfig(vocab_size=len(tokenizer), **TEXT)
    spread(LlamaForCausalLM(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def captions(root: Path) -> SourceConfig:
    return SourceConfig(form="journeydb", path=str(root / "captions.jsonl"), images=str(root))


def mined(root: Path) -> SourceConfig:
    return SourceConfig(form="mined", path=str(root / "pairs.jsonl"), images=str(root))


def recipe(root: Path, reader: str = "reader", **train: object) -> Recipe:
    """One stage on captions, and one on instruction pairs where the reader sees images."""
    stage = StageConfig(sources=[captions(root)], train=replace(TRAIN, **train))
    stages = {"pretrain": stage}
    if reader == "looking":
        stages["instruct"] = replace(stage, sources=[mined(root)], tuned=False)
    return Recipe(
        parts=PartsConfig(
            reader=str(root / reader),
            decoder=str(root / "sana"),
            system="be brief",
            reader_precision="fp32",
        ),
        model=PipelineBridgeConfig(queries=4, connector_depth=1),
        stages=stages,
    )

"""The training set of a stage in tokens: sources of the embedded world, mixed by their weights.

    understand   captions (tell the picture), questions (on it), facts, texts (with questions)
    generate     captions

Which source a sequence is of, and which of its samples, is the mixture's affair, as for a user's
own data (datamodules/pairs/mixture.py); the sequences are those of experiments/artifacts/data.py.
"""

from pathlib import Path
from types import SimpleNamespace

from datamodules.pairs.mixture import Mixture
from datamodules.pairs.samples import Sample
from datamodules.sequences import DataConfig
from datamodules.world import World
from experiments.artifacts.data import coded_scenes, save, taught, taught_world
from experiments.language.words import text_tokens
from experiments.store.progress_file import ProgressFile
from models import TASKS
from models.batch import Packed, pack_generate
from models.text_tokens import TextTokens
from models.tokenizers.codec import Codec
from models.tokenizers.kinds import load_codec

SEED = 0
"""The training set is the same for every seed; a seed orders it."""


class Scenes:
    """One source: a name for each of the world's training scenes."""

    def __init__(self, source: str, count: int) -> None:
        self.source, self.count = source, count

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return self.source

    def read(self, index: int) -> Sample:
        return Sample(f"{self.source} {index}")


def mixed_data(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes the stores `understand` and `generate`, of `data.scenes` sequences each."""
    data: DataConfig = config.data
    packer = Packer(config, load_codec(inputs["tokenizer"]))
    progress = ProgressFile(out, len(TASKS) * data.scenes)
    for number, task in enumerate(TASKS):
        chosen = config.mixture.sources(task)
        sources = [Scenes(one.source, data.scenes) for one in chosen]
        mixture = Mixture(sources, [one.weight for one in chosen], SEED)
        rows: list[Packed] = []
        for position in range(data.scenes):
            source, index = mixture.at(position)
            rows.append(packer.packed(task, sources[source].source, index))
            progress.update(number * data.scenes + position)
        save(out, task, rows)


class Packer:
    """Sequences of the world's training scenes, whose pictures are coded once."""

    def __init__(self, config: SimpleNamespace, codec: Codec) -> None:
        self.world: World = taught_world(config)
        self.words: TextTokens = text_tokens(config)
        self.data: DataConfig = config.data
        self.codes = dict(coded_scenes(self.world, codec, self.data.scenes))

    def packed(self, task: str, source: str, index: int) -> Packed:
        """The sequence that `source` gives of scene `index` for `task`."""
        codes = self.codes[index]
        if task == "understand":
            return taught(self.world, self.words, self.data, source, index, codes)
        caption = self.world.caption("train", index, self.world.scene("train", index))
        return pack_generate(self.words, caption, codes)

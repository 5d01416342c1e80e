"""A training of seconds: its module and its data."""

import numpy as np

from datamodules.sequences import PromptDrop, SequenceData, SequenceStore
from models.batch import pack_generate, pack_understand
from models.context import TrunkConfig
from models.image_tokens import ImageTokenizer, ImageTokenizerConfig
from models.module import SharedModule
from models.shared import SharedConfig
from models.text_tokens import DROP, TextTokens
from models.training import TrainConfig
from models.unified import Vocabulary

STEPS = 20
CODEC = ImageTokenizerConfig(pixels=16, patch=4, levels=(3, 3, 3), width=8)
TRAIN = TrainConfig(
    steps=STEPS, understand_batch=4, generate_batch=4, warmup_steps=2, precision="32-true"
)


def module(train: TrainConfig = TRAIN) -> SharedModule:
    words, codec = TextTokens(("a", "cat", "is", "it", "yes", "?")), ImageTokenizer(CODEC)
    vocabulary = Vocabulary(len(words), codec.features(), CODEC.grid)
    trunk = TrunkConfig(depth=2, width=32, heads=2, kv_heads=2, feed_forward=48)
    return SharedModule(SharedConfig(trunk=trunk), vocabulary, train, 0)


def data(kind: type[SequenceData] = SequenceData) -> SequenceData:
    words, random = TextTokens(("a", "cat", "is", "it", "yes", "?")), np.random.default_rng(0)
    codes = random.integers(0, CODEC.codes, (24, CODEC.tokens_per_image)).tolist()
    drawn = [pack_generate(words, "a cat", code) for code in codes]
    asked = [pack_understand(words, code, [("is it a cat ?", "yes")]) for code in codes]
    stores = {
        name: SequenceStore.from_rows([(row.tokens, row.predicted) for row in rows])
        for name, rows in (("understand", asked), ("generate", drawn))
    }
    sizes = {"understand": 4, "generate": 4}
    return kind(stores, sizes, PromptDrop(0.3, DROP), 0, STEPS)

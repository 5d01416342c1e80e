"""Speed, measured side by side in one process: `make perf`.

Every comparison alternates its candidates round by round and reports medians and their ratio, since
a shared machine drifts by more than most differences. Nothing here passes or fails.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from transformers import LlamaConfig, LlamaForCausalLM

from datamodules.world import World, WorldConfig
from datamodules.world.judges.learnt import LearntConfig, LearntJudge
from experiments.flops.step import step_flops
from experiments.planning.plan import check_counts
from models.architectures import architecture
from models.batch import Batch, Packed, pack_generate, pack_understand, pad, prompt_tokens
from models.context import TrunkConfig
from models.image_tokens import ImageTokenizer, ImageTokenizerConfig
from models.module import SharedModule, UnifiedModule
from models.sampling import SamplingConfig
from models.shared import SharedConfig
from models.text_tokens import TextTokens
from models.tokenizers.efficientnet import CELLS, CHANNELS
from models.training import TrainConfig, build_optimizer
from models.unified import Vocabulary

TRUNK = TrunkConfig(feed_forward=384)
TRAIN = TrainConfig()
ARMS = ("shared", "unifork", "task_moe", "mot", "double_encoder", "frozen_bridge")
IMAGES = 64
IGNORED = -100


@dataclass(frozen=True)
class Bench:
    """What all measurements share: words, codec, vocabulary, one batch as in training."""

    words: TextTokens
    codec: ImageTokenizer
    vocabulary: Vocabulary
    batch: Batch
    rounds: int

    @classmethod
    def build(cls, rounds: int) -> "Bench":
        world = World(WorldConfig())
        words, codec = TextTokens(world.vocabulary), ImageTokenizer(ImageTokenizerConfig()).eval()
        vocabulary = Vocabulary(len(words), codec.features(), codec.config.grid)
        scenes = [world.scene("train", index) for index in range(TRAIN.generate_batch)]
        codes = codec.encode(np.stack([world.render(scene) for scene in scenes])).tolist()
        drawn: list[Packed] = []
        asked: list[Packed] = []
        for index, (scene, code) in enumerate(zip(scenes, codes, strict=True)):
            drawn.append(pack_generate(words, world.caption("train", index, scene), code))
            questions = world.questions("train", index, scene, 4)
            asked.append(pack_understand(words, code, [(q.text, q.answer) for q in questions]))
        features = torch.zeros(len(asked), CELLS**2, CHANNELS, dtype=torch.float16)
        asked_about = {**pad(asked), "features": features}  # read by the double encoder alone
        batch = {"understand": asked_about, "generate": pad(drawn)}
        return cls(words, codec, vocabulary, batch, rounds)

    def arm(self, name: str) -> UnifiedModule:
        kind: Any = architecture(name)
        config = kind.config(trunk=TRUNK)
        if name == "frozen_bridge":
            shared = SharedModule(SharedConfig(trunk=TRUNK), self.vocabulary, TRAIN, 0)
            return kind.module(config, shared, self.codec, TRAIN, 0)
        return kind.module(config, self.vocabulary, TRAIN, 0)

    def llama(self, attention: str) -> LlamaForCausalLM:
        """transformers' Llama of the trunk's shape over the same vocabulary."""
        config = LlamaConfig(
            vocab_size=self.vocabulary.text + self.vocabulary.codes,
            hidden_size=TRUNK.width,
            intermediate_size=TRUNK.feed_forward,
            num_hidden_layers=TRUNK.depth,
            num_attention_heads=TRUNK.heads,
            num_key_value_heads=TRUNK.kv_heads,
            attn_implementation=attention,
        )
        return LlamaForCausalLM(config)


def alternate(rounds: int, candidates: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of each candidate, taken in turn; one round first that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds + 1):
        for name, run in candidates.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def training_step(module: UnifiedModule, batch: Batch) -> Callable[[], None]:
    """Forward, backward, clipping and optimiser of one of our arms, in bf16."""
    optimizer = build_optimizer(module, TRAIN)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            loss = module.training_step(batch, 0)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), TRAIN.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def llama_step(model: LlamaForCausalLM, batch: Batch) -> Callable[[], None]:
    """The same for Llama with AdamW on the same tokens and targets, one task after the other."""
    optimizer = torch.optim.AdamW(model.parameters(), TRAIN.learning_rate)

    def step() -> None:
        for sequences in batch.values():
            labels = sequences["tokens"].masked_fill(~sequences["predicted"], IGNORED)
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(input_ids=sequences["tokens"], labels=labels, use_cache=False).loss
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), TRAIN.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def matrix_products(bench: Bench) -> Callable[[], None]:
    """The products of one step of `shared` at the trunk's shapes, forward and backward, alone."""
    tokens = sum(s["tokens"].shape[0] * (s["tokens"].shape[1] - 1) for s in bench.batch.values())
    shapes = [(TRUNK.width, TRUNK.width)] * 4 + [(TRUNK.width, TRUNK.feed_forward)] * 3
    pairs = [
        (torch.randn(tokens, i, dtype=torch.bfloat16), torch.randn(i, o, dtype=torch.bfloat16))
        for i, o in shapes
    ]

    def products() -> None:
        for _ in range(TRUNK.depth):
            for states, weight in pairs:
                out = states @ weight
                out @ weight.t()
                states.t() @ out

    return products


def measure_training(bench: Bench, console: Console) -> None:
    arms = {name: bench.arm(name) for name in ARMS}
    candidates = {name: training_step(arm, bench.batch) for name, arm in arms.items()}
    candidates |= {
        f"Llama, {way}": llama_step(bench.llama(way), bench.batch) for way in ("eager", "sdpa")
    }
    candidates["matrix products of shared"] = matrix_products(bench)
    found = alternate(bench.rounds, candidates)
    table = Table("step", "seconds", "to shared", "GFLOP", title="Training step")
    for name, seconds in found.items():
        flops = f"{step_flops(arms[name], bench.batch) / 1e9:.0f}" if name in arms else ""
        table.add_row(name, f"{seconds:.3f}", f"{seconds / found['shared']:.2f}", flops)
    console.print(table)
    better = min(found["Llama, eager"], found["Llama, sdpa"])
    console.print(f"Llama's better form takes {better / found['shared']:.2f} times shared's step.")


def measure_sampling(bench: Bench, console: Console) -> None:
    settings = SamplingConfig(guidance=2.0, chunk=IMAGES, flow_steps=12)
    prompt = prompt_tokens(bench.words, "a photo of a dog")
    count = bench.codec.config.tokens_per_image

    def ours(module: UnifiedModule) -> Callable[[], None]:
        def draw() -> None:
            with torch.autocast("cpu", torch.bfloat16):
                module.generate([prompt] * IMAGES, range(IMAGES), settings)

        return draw

    def theirs(model: LlamaForCausalLM) -> Callable[[], None]:
        rows = torch.tensor([prompt] * 2 * IMAGES)

        def draw() -> None:
            with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
                model.generate(
                    rows,
                    attention_mask=torch.ones_like(rows),
                    do_sample=True,
                    min_new_tokens=count,
                    max_new_tokens=count,
                    pad_token_id=0,
                )

        return draw

    candidates = {name: ours(bench.arm(name).eval()) for name in ARMS}
    for way in ("eager", "sdpa"):
        candidates[f"Llama generate, {way}"] = theirs(bench.llama(way).eval())
    found = alternate(max(2, bench.rounds // 3), candidates)
    table = Table("sampler", "images a second", "to shared", title=f"{IMAGES} images, guided")
    for name, seconds in found.items():
        table.add_row(name, f"{IMAGES / seconds:.1f}", f"{found['shared'] / seconds:.2f}")
    console.print(table)


def measure_world(bench: Bench, console: Console) -> None:
    world, count = World(WorldConfig()), 2000
    scenes = [world.scene("test", index) for index in range(count)]
    images = np.stack([world.render(scene) for scene in scenes])
    judge = LearntJudge(world, LearntConfig())
    candidates: dict[str, Callable[[], object]] = {
        "scenes sampled and rendered": lambda: [
            world.render(world.scene("train", index)) for index in range(count)
        ],
        "captions": lambda: [world.caption("train", i, s) for i, s in enumerate(scenes)],
        "packs of questions": lambda: [
            world.questions("train", i, s, 5) for i, s in enumerate(scenes)
        ],
        "images tokenized": lambda: bench.codec.encode(images),
        "images judged": lambda: judge.detect(images),
    }
    found = alternate(2, candidates)
    table = Table("what", "a second", title="The world")
    for name, seconds in found.items():
        table.add_row(name, f"{count / seconds:.0f}")
    console.print(table)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments perf")
    parser.add_argument("--threads", type=int, default=1, help="1 is what a cell runs with")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    check_counts(**vars(options))
    torch.set_num_threads(options.threads)
    console = Console()
    console.print(f"{options.threads} threads, {options.rounds} rounds, torch {torch.__version__}")
    bench = Bench.build(options.rounds)
    measure_training(bench, console)
    measure_sampling(bench, console)
    measure_world(bench, console)
    return 0

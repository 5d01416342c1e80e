"""`python -m experiments perf-frozen`: a step of queries behind a frozen language model's prompt.

A step is the frozen half's part of training: the queries' states and the gradient of the queries.
Prompt and queries passed together, as public implementations do, stand against prompts read without
gradient: whole, after a head that all share, and kept from an earlier step.
"""

import argparse
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from experiments.perf.training import alternate
from experiments.planning.plan import check_counts
from models.bridging.frozen_states import join, read_prompts, read_queries, read_texts

PROMPT, HEAD, QUERIES = 64, 32, 16
LIMIT = 2.0
"""How many times a step on kept prompts the better public form must take."""
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
ATTENTIONS = ("eager", "sdpa")
TOGETHER = WORDS_FORM, BEHIND_FORM = ("together, queries as words", "together, queries behind")
READ, AFTER_HEAD, KEPT = "read whole", f"read after a head of {HEAD}", "kept"
FORMS = (*TOGETHER, READ, AFTER_HEAD, KEPT)


@dataclass(frozen=True)
class FrozenStep:
    """A model of SmolLM2-135M's shape with random weights, prompts [b n], and queries [q d]."""

    model: LlamaForCausalLM
    prompts: Tensor
    queries: nn.Parameter

    @classmethod
    def build(cls, batch: int, precision: str, attention: str, depth: int) -> "FrozenStep":
        config = LlamaConfig(
            vocab_size=49_152,
            hidden_size=576,
            intermediate_size=1536,
            num_hidden_layers=depth,
            num_attention_heads=9,
            num_key_value_heads=3,
            rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
            tie_word_embeddings=True,
            attn_implementation=attention,
        )
        torch.manual_seed(0)
        model = LlamaForCausalLM(config).to(PRECISIONS[precision]).eval().requires_grad_(False)
        prompts = torch.randint(config.vocab_size, (batch, PROMPT))
        prompts[:, :HEAD] = prompts[0, :HEAD]
        return cls(model, prompts, nn.Parameter(0.02 * torch.randn(QUERIES, config.hidden_size)))

    def gradient(self, states: Tensor) -> Tensor:
        """The queries' gradient of a loss over their states; none is left behind."""
        (found,) = torch.autograd.grad(states.float().square().mean(), self.queries)
        return found

    def behind(self) -> Tensor:
        """The queries after each prompt, [b q d]."""
        return self.queries.to(self.model.dtype).expand(len(self.prompts), -1, -1)


def together(frozen: FrozenStep) -> Callable[[], Tensor]:
    """OpenUni's form: one pass over the prompt's embeddings and the queries."""
    embed = frozen.model.get_input_embeddings()

    def step() -> Tensor:
        states = torch.cat((embed(frozen.prompts), frozen.behind()), dim=1)
        out = frozen.model.model(inputs_embeds=states, use_cache=False).last_hidden_state
        return frozen.gradient(out[:, PROMPT:])

    return step


def as_words(frozen: FrozenStep) -> Callable[[], Tensor]:
    """MetaQuery's form: queries are rows of the table of words, whose whole gradient is taken."""
    model = copy.copy(frozen.model.model)
    model._modules = dict(model._modules)
    words = frozen.model.get_input_embeddings().weight
    count = len(words)
    rows = torch.cat((words, frozen.queries.detach().to(words.dtype)))
    table = nn.Embedding.from_pretrained(rows, freeze=False)
    model.embed_tokens = table
    new = torch.arange(count, count + QUERIES).expand(len(frozen.prompts), -1)
    tokens = torch.cat((frozen.prompts, new), dim=1)

    def step() -> Tensor:
        states = model(input_ids=tokens, use_cache=False).last_hidden_state[:, PROMPT:]
        (found,) = torch.autograd.grad(states.float().square().mean(), table.weight)
        return found[count:].float()

    return step


def read_first(frozen: FrozenStep) -> Mapping[str, Callable[[], Tensor]]:
    """Our forms: the prompt read whole, read after its head, and kept."""
    model, tokens = frozen.model, frozen.prompts
    inputs = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
    head = read_prompts(model, {name: value[:1, :HEAD] for name, value in inputs.items()})
    rest, seen = tokens[:, HEAD:], torch.ones(len(tokens), PROMPT - HEAD, dtype=torch.bool)
    kept = read_prompts(model, inputs).rows()

    def step(prefix: Callable[[], object]) -> Callable[[], Tensor]:
        return lambda: frozen.gradient(read_queries(model, frozen.behind(), prefix()))

    def again(read: Callable[[], object]) -> Callable[[], object]:
        return lambda: join(read().rows(), tokens.device)

    return {
        READ: step(again(lambda: read_prompts(model, inputs))),
        AFTER_HEAD: step(again(lambda: read_texts(model, rest, seen, head))),
        KEPT: step(lambda: join(kept, tokens.device)),
    }


def candidates(frozen: FrozenStep) -> dict[str, Callable[[], Tensor]]:
    """Every form of the step; each returns the queries' gradient [q d]."""
    return {WORDS_FORM: as_words(frozen), BEHIND_FORM: together(frozen), **read_first(frozen)}


def measured(options: argparse.Namespace, precision: str) -> dict[str, float]:
    """Seconds of every form of the step under each of transformers' ways of attention."""
    steps = {
        f"{name}, {attention}": step
        for attention in ATTENTIONS
        for name, step in candidates(
            FrozenStep.build(options.batch, precision, attention, options.depth)
        ).items()
    }
    return alternate(options.rounds, steps)


def seconds_of(found: Mapping[str, float], name: str) -> list[float]:
    return [found[f"{name}, {attention}"] for attention in ATTENTIONS]


def main(arguments: list[str]) -> int:
    """Print the times; 1 if a step on kept prompts saves less than its limit."""
    parser = argparse.ArgumentParser(prog="python -m experiments perf-frozen")
    parser.add_argument("--threads", type=int, default=1, help="1 is what a cell runs with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--depth", type=int, default=30, help="SmolLM2-135M has 30 layers")
    options = parser.parse_args(arguments)
    check_counts(**vars(options))
    torch.set_num_threads(options.threads)
    title = f"{PROMPT} prompt tokens, {QUERIES} queries, batch {options.batch}"
    table = Table("precision", "step", *ATTENTIONS, "faster", title=title)
    ratios = []
    for precision in PRECISIONS:
        found = measured(options, precision)
        whole = min(min(seconds_of(found, name)) for name in TOGETHER)
        for name in FORMS:
            seconds = seconds_of(found, name)
            faster = f"{whole / min(seconds):.2f}"
            table.add_row(precision, name, *(f"{one:.3f}" for one in seconds), faster)
        ratios.append(whole / min(seconds_of(found, KEPT)))
    console = Console()
    console.print(table)
    console.print("Seconds by attention; faster: than the best of both forms passed together.")
    return int(min(ratios) < LIMIT)

"""Drawing image tokens and answering in text.

An image is a function of its prompt, its seed and the settings, whatever else is in the batch:
rows are padded to one chunk, a prompt to a width that its own length decides, and each image draws
from its own generator. Guidance runs the prompted and the unprompted rows in one batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from models.cached_decoding import CachedDecoder
from models.initialise import generator_for
from models.text_tokens import END, UNPROMPTED
from models.unified import Tables, UnifiedModel

WIDTHS = 16
"""A prompt is padded to a multiple of this."""


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """`guidance` 1 means none; `top_k` 0 and `top_p` 1 mean off. `flow_steps` is the bridge's."""

    guidance: float = 3.0
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    flow_steps: int = 25
    chunk: int = 64
    prompt_length: int = 48
    question_length: int = 96
    answer_length: int = 36

    def __post_init__(self) -> None:
        if self.guidance < 0 or self.temperature <= 0:
            raise ValueError(
                "sampling.guidance must not be negative and sampling.temperature must be above 0, "
                f"got {self.guidance} and {self.temperature}."
            )
        if self.top_k < 0 or not 0 < self.top_p <= 1:
            raise ValueError(
                "sampling.top_k must not be negative and sampling.top_p must lie in (0, 1], "
                f"got {self.top_k} and {self.top_p}."
            )
        for name in ("flow_steps", "chunk", "prompt_length", "question_length", "answer_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"sampling.{name} must be at least 1, got {getattr(self, name)}.")


@torch.no_grad()
def generate_codes(
    model: UnifiedModel, prompts: Sequence[list[int]], seeds: Sequence[int], config: SamplingConfig
) -> Int[Tensor, "b p"]:
    """Image codes for prompts that end in `<image>`; image i depends on prompt and seed i alone."""
    codes = torch.empty(len(prompts), model.vocabulary.tokens_per_image, dtype=torch.long)
    for width, chosen in chunks_by_width(prompts, config, "prompt_length"):
        rows = [prompts[index] for index in chosen]
        count = codes.shape[1] * model.vocabulary.depths
        noise = uniforms([seeds[index] for index in chosen], count)
        codes[chosen] = _generate_chunk(model, rows, noise, width, config).to(codes.device)
    return codes


def chunks(count: int, size: int) -> Iterator[list[int]]:
    """Index lists of exactly `size`, the last one filled up with its first index."""
    for start in range(0, count, size):
        chosen = list(range(start, min(start + size, count)))
        yield chosen + [start] * (size - len(chosen))


def chunks_by_width(
    prompts: Sequence[list[int]], config: SamplingConfig, field: str
) -> Iterator[tuple[int, list[int]]]:
    """Padded widths with index lists as of `chunks`: a prompt's width follows from its length."""
    groups: dict[int, list[int]] = {}
    longest = getattr(config, field)
    for index, prompt in enumerate(prompts):
        length = len(checked(prompt, config, field))
        groups.setdefault(min(-(-length // WIDTHS) * WIDTHS, longest), []).append(index)
    for width, members in sorted(groups.items()):
        for chosen in chunks(len(members), config.chunk):
            yield width, [members[place] for place in chosen]


def checked(prompt: list[int], config: SamplingConfig, field: str) -> list[int]:
    """The prompt; ValueError where it is empty or longer than `sampling.<field>` allows."""
    longest = getattr(config, field)
    if not 1 <= len(prompt) <= longest:
        raise ValueError(
            f"a prompt must have 1 to sampling.{field}={longest} tokens, got {len(prompt)}."
        )
    return prompt


def _generate_chunk(
    model: UnifiedModel,
    prompts: list[list[int]],
    noise: Float[Tensor, "b count"],
    width: int,
    config: SamplingConfig,
) -> Int[Tensor, "b p"]:
    rows, guided = torch.arange(len(prompts)), config.guidance != 1
    if guided:  # one row more runs without a prompt, then there are as many of it as of the others
        prompts = [*prompts, UNPROMPTED]
        rows = torch.cat((rows, torch.full_like(rows, len(rows))))
    decoder = CachedDecoder(model, prompts, "generate", width)
    noise = noise.to(decoder.prompts.device)
    states, codes = decoder.prefill(rows.to(noise.device)), []
    depths = model.vocabulary.depths
    for place in range(noise.shape[1] // depths):
        if place:
            states = decoder.step(codes[-1] + model.vocabulary.text, place - 1)
        numbers = noise[:, place * depths : (place + 1) * depths]
        codes.append(model.draw(states, partial(_choose, numbers, config)))
    return torch.stack(codes, dim=1)[: len(noise)]


def _choose(
    numbers: Float[Tensor, "b depths"],
    config: SamplingConfig,
    logits: Float[Tensor, "rows v"],
    depth: int,
) -> Int[Tensor, "rows"]:
    """A code a row; under guidance both halves of the rows go on with the same ones."""
    logits, guided = logits.float(), config.guidance != 1
    if guided:
        prompted, free = logits.chunk(2)
        logits = free + config.guidance * (prompted - free)
    logits = keep_likely(logits / config.temperature, config.top_k, config.top_p)
    picked = pick(logits, numbers[:, depth])
    return torch.cat((picked, picked)) if guided else picked


def uniforms(seeds: Sequence[int], count: int) -> Float[Tensor, "b count"]:
    """Uniform numbers in [0, 1), one generator an image."""
    return torch.stack(
        [torch.rand(count, generator=generator_for(seed, "image")) for seed in seeds]
    )


def pick(logits: Float[Tensor, "b v"], uniform: Float[Tensor, "b"]) -> Int[Tensor, "b"]:
    """Samples the softmax by its inverse distribution function at `uniform`, in [0, 1).

    A number below 1 times the total stays below the total in floating point, too, so that what is
    picked always has some mass.
    """
    mass = logits.softmax(-1).cumsum(-1)
    return torch.searchsorted(mass, (uniform * mass[:, -1])[:, None], right=True)[:, 0]


def keep_likely(logits: Float[Tensor, "b v"], top_k: int, top_p: float) -> Float[Tensor, "b v"]:
    """Minus infinity outside the `top_k` likeliest and the smallest set with mass `top_p`."""
    if top_k:
        least = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < least, float("-inf"))
    if top_p < 1:
        ordered, order = logits.sort(dim=-1, descending=True)
        mass = ordered.softmax(-1)
        outside: Bool[Tensor, "b v"] = mass.cumsum(-1) - mass >= top_p
        logits = logits.masked_fill(outside.scatter(-1, order, outside), float("-inf"))
    return logits


@torch.no_grad()
def answer_tokens(
    model: UnifiedModel, questions: Sequence[list[int]], config: SamplingConfig, length: int
) -> list[list[int]]:
    """Greedy answers of at most `length` text tokens, each up to and without its `<end>`."""
    answers: list[list[int]] = [[] for _ in questions]
    for width, chosen in chunks_by_width(questions, config, "question_length"):
        found = answer_chunk(model, [questions[index] for index in chosen], width, length)
        for index, answer in zip(chosen, found, strict=True):
            answers[index] = answer
    return answers


def answer_chunk(
    model: UnifiedModel,
    questions: list[list[int]],
    width: int,
    length: int,
    tables: Tables | None = None,
) -> list[list[int]]:
    """The answers of one chunk; `tables` stand in for the embeddings of all tokens."""
    decoder = CachedDecoder(model, questions, "understand", width, tables)
    device = decoder.prompts.device
    states, words = decoder.prefill(torch.arange(len(questions), device=device)), []
    ended = torch.zeros(len(questions), dtype=torch.bool, device=device)
    for _ in range(length):
        token = model.logits(states, "understand").float().argmax(-1)
        words.append(token)
        ended |= token == END
        if bool(ended.all()):
            break
        states = decoder.step(token)
    return [before_end(row) for row in torch.stack(words, dim=1).tolist()]


def before_end(tokens: list[int]) -> list[int]:
    return tokens[: tokens.index(END)] if END in tokens else tokens

"""Drawing image tokens and answering in text, one token at a time with a key-value cache.

An image is a function of its prompt, its seed and the settings, whatever else is in the batch:
rows are padded to one chunk, prompts to one length, and each image draws its Gumbel noise from its
own generator. Guidance runs the prompted and the unprompted row in one batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from models import Task
from models.blocks import Context, LayerCache, rotary_tables
from models.initialise import generator_for
from models.sample_coin import prompt_coin
from models.text_tokens import BEGIN_IMAGE, DROP, END, GENERATE, PAD
from models.unified import Tables, UnifiedModel, state_dtype


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


class Decoder:
    """The cache of one chunk of rows, and the steps that fill it."""

    def __init__(
        self,
        model: UnifiedModel,
        prompts: Sequence[list[int]],
        task: Task,
        width: int,
        new: int,
        tables: Tables | None = None,
    ) -> None:
        self.model, self.task, self.width, self.written = model, task, width, 0
        trunk = model.trunk.config
        rows = len(prompts)
        shape = (rows, trunk.kv_heads, width + new, trunk.head_width)
        device = next(model.parameters()).device
        dtype = state_dtype(device)
        self.cache = [
            LayerCache(*torch.zeros(2, *shape, dtype=dtype, device=device).unbind())
            for _ in range(trunk.depth)
        ]
        self.lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
        filled = [prompt + [PAD] * (width - len(prompt)) for prompt in prompts]
        self.prompts = torch.tensor(filled, device=device)
        slots = torch.arange(width + new, device=device)
        hidden = slots >= self.lengths[:, None]  # pads, and what is not yet written
        self.slot_mask = torch.zeros(rows, 1, width + new, dtype=dtype, device=device)
        self.slot_mask.masked_fill_(hidden[:, None], float("-inf"))
        self.tables = tables or model.embedding.tables(dtype)
        self.coin = prompt_coin(self.prompts, self.prompts != PAD)

    def prefill(self) -> Float[Tensor, "b d"]:
        """Runs the prompts; returns the states at their last tokens."""
        slots = torch.arange(self.slot_mask.shape[-1], device=self.prompts.device)
        places = slots[: self.width]
        mask = torch.zeros(len(places), len(slots), dtype=self.slot_mask.dtype, device=slots.device)
        mask.masked_fill_(slots > places[:, None], float("-inf"))
        output = self._run(self.prompts, places[None], mask, 0)
        rows = torch.arange(len(self.prompts), device=slots.device)
        return output[rows, self.lengths - 1]

    def step(self, tokens: Int[Tensor, "b"], place: int | None = None) -> Float[Tensor, "b d"]:
        """Appends one token a row (`place`: its position in the image); returns its states."""
        start = self.width + self.written
        self.slot_mask[..., start] = 0
        positions = (self.lengths + self.written)[:, None]
        self.written += 1
        return self._run(tokens[:, None], positions, self.slot_mask, start, place)[:, 0]

    def _run(
        self, tokens: Tensor, positions: Tensor, mask: Tensor, start: int, place: int | None = None
    ) -> Float[Tensor, "b n d"]:
        dtype = self.slot_mask.dtype
        tables = rotary_tables(positions, self.model.trunk.config, dtype)
        is_image = tokens >= self.model.vocabulary.text
        coin = self.coin[:, None].expand_as(tokens)
        context = Context(*tables, mask, self.cache, start, is_image=is_image, coin=coin)
        states = self.model.embed(tokens, self.tables, place)
        return self.model.trunk(states, context, self.task).states


@torch.no_grad()
def generate_codes(
    model: UnifiedModel, prompts: Sequence[list[int]], seeds: Sequence[int], config: SamplingConfig
) -> Int[Tensor, "b p"]:
    """Image codes for prompts that end in `<image>`; image i depends on prompt and seed i alone."""
    parts = []
    for chosen in chunks(len(prompts), config.chunk):
        rows = [checked(prompts[index], config.prompt_length) for index in chosen]
        codes = _generate_chunk(model, rows, [seeds[index] for index in chosen], config)
        parts.append(codes)
    return torch.cat(parts)[: len(prompts)]


def chunks(count: int, size: int) -> Iterator[list[int]]:
    """Index lists of exactly `size`, the last one filled up with its first index."""
    for start in range(0, count, size):
        chosen = list(range(start, min(start + size, count)))
        yield chosen + [start] * (size - len(chosen))


def checked(prompt: list[int], longest: int) -> list[int]:
    if len(prompt) > longest:
        raise ValueError(f"prompt must have at most {longest} tokens, got {len(prompt)}.")
    return prompt


def _generate_chunk(
    model: UnifiedModel, prompts: list[list[int]], seeds: list[int], config: SamplingConfig
) -> Int[Tensor, "b p"]:
    guided = config.guidance != 1
    unprompted = [[GENERATE, DROP, BEGIN_IMAGE]] * len(prompts)
    count = model.vocabulary.tokens_per_image
    rows = prompts + (unprompted if guided else [])
    decoder = Decoder(model, rows, "generate", config.prompt_length, count)
    noise = gumbel_noise(seeds, (count, model.vocabulary.codes)).to(decoder.prompts.device)
    states, codes = decoder.prefill(), []
    for place in range(count):
        logits = model.logits(states, "generate").float()
        if guided:
            prompted, free = logits.chunk(2)
            logits = free + config.guidance * (prompted - free)
        logits = keep_likely(logits / config.temperature, config.top_k, config.top_p)
        codes.append((logits + noise[:, place]).argmax(-1))
        tokens = codes[-1] + model.vocabulary.text
        states = decoder.step(torch.cat((tokens, tokens)) if guided else tokens, place)
    return torch.stack(codes, dim=1)


def gumbel_noise(seeds: Sequence[int], shape: tuple[int, ...]) -> Float[Tensor, "b ..."]:
    """Standard Gumbel noise, one generator an image: adding it and taking the maximum samples."""
    noise = torch.empty(len(seeds), *shape)
    for row, seed in enumerate(seeds):
        noise[row].exponential_(generator=generator_for(seed, "image"))
    return noise.log_().neg_()


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
    answers: list[list[int]] = []
    for chosen in chunks(len(questions), config.chunk):
        rows = [checked(questions[index], config.question_length) for index in chosen]
        answers += answer_chunk(model, rows, config.question_length, length)
    return answers[: len(questions)]


def answer_chunk(
    model: UnifiedModel,
    questions: list[list[int]],
    width: int,
    length: int,
    tables: Tables | None = None,
) -> list[list[int]]:
    """The answers of one chunk; `tables` stand in for the embeddings of all tokens."""
    decoder = Decoder(model, questions, "understand", width, length, tables)
    states, words = decoder.prefill(), []
    ended = torch.zeros(len(questions), dtype=torch.bool, device=states.device)
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

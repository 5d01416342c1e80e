"""The model over residual codes: its embedding, its depth head, its loss, and what it draws."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from models.architectures import architecture
from models.batch import Batch, pack_generate, pack_understand, pad, prompt_tokens
from models.context import rotary_tables
from models.sampling import SamplingConfig
from models.text_tokens import TextTokens
from models.token_models.depth_head import DepthHead
from models.token_models.residual_model import ResidualModel
from models.tokenizers.residual import ResidualTokenizer
from models.tokenizers.residual_codes import split
from models.unified import Vocabulary
from tests.models.conftest import IMAGES, RESIDUAL, TOKEN_ARMS, TRUNK, WORDS, build, gradients

CODES = RESIDUAL.codes
ONE_PAIR = torch.tensor([[1, 2]])
"""Codes of the first two depths at a position."""


@pytest.fixture(scope="module")
def vocabulary(residual: ResidualTokenizer) -> Vocabulary:
    return Vocabulary(
        len(TextTokens(WORDS)), residual.features(), RESIDUAL.grid, RESIDUAL.depths, 1
    )


@pytest.fixture
def batch(words: TextTokens, residual: ResidualTokenizer) -> Batch:
    codes = residual.encode(IMAGES).tolist()
    captions = ["a photo of a red cat", "a dog", "<drop>"]
    drawn = [pack_generate(words, one, code) for one, code in zip(captions, codes, strict=False)]
    asked = [pack_understand(words, code, [("is there a cat ?", "yes")]) for code in codes[:3]]
    return {"generate": pad(drawn, [False, False, True]), "understand": pad(asked)}


def test_a_position_is_embedded_by_the_sum_of_its_codes(
    vocabulary: Vocabulary, residual: ResidualTokenizer
) -> None:
    """Another depth's code changes it; codes of the same sum do not."""
    model = build("shared", vocabulary).model
    assert isinstance(model, ResidualModel)
    with torch.no_grad():
        codes = residual.encode(IMAGES)[:1, :2]
        states = model.embed(codes + vocabulary.text)
        vectors = residual.vectors(codes) / residual.vectors(torch.arange(CODES)[None]).std(1)
        hidden = torch.nn.functional.gelu(model.embedding.image_input(vectors))
        places = model.embedding.tables(torch.float32)[1][None, :2]
        torch.testing.assert_close(states, model.embedding.image_output(hidden) + places)
        words = torch.tensor([[8, 9]])
        assert torch.equal(model.embed(words), model.embedding.text(words))


def test_the_depth_head_reads_the_codes_before_a_depth_and_no_later_one(
    vocabulary: Vocabulary,
) -> None:
    torch.manual_seed(0)
    head = DepthHead(TRUNK, vocabulary.code_features, 3, 2)
    states = torch.randn(4, TRUNK.width)
    parts = torch.tensor([[1, 2], [3, 4], [5, 6], [7, 8]])
    logits = head(states, parts)
    assert logits.shape == (4, 3, CODES)
    torch.testing.assert_close(head(states, parts[:, :1]), logits[:, :2])
    changed = parts.clone()
    changed[:, 1] += 1
    found = head(states, changed)
    torch.testing.assert_close(found[:, :2], logits[:, :2])
    assert not torch.allclose(found[:, 2], logits[:, 2])


def test_a_depth_reads_the_sum_of_the_vectors_before_it(vocabulary: Vocabulary) -> None:
    """Without blocks nothing else reaches it: of one codebook, two codes may change places."""
    table = vocabulary.code_features[:CODES].repeat(3, 1)
    head = DepthHead(TRUNK, table, 3, 0)
    states = torch.randn(1, TRUNK.width, generator=torch.Generator().manual_seed(0))
    first, second = (head(states, torch.tensor([[a, b]]))[0] for a, b in ((1, 7), (7, 1)))
    torch.testing.assert_close(first[2], second[2])
    assert not torch.allclose(first[1], second[1])


def test_the_depths_stand_one_behind_the_other(
    vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []

    def watched(places: torch.Tensor, *rest: object) -> object:
        seen.append(places.tolist())
        return rotary_tables(places, *rest)

    monkeypatch.setattr("models.token_models.depth_head.rotary_tables", watched)
    DepthHead(TRUNK, vocabulary.code_features, 3, 1)(torch.zeros(1, TRUNK.width), ONE_PAIR)
    assert seen == [[0, 1, 2]]


def test_the_models_logits_are_those_of_the_first_depth(vocabulary: Vocabulary) -> None:
    model = build("shared", vocabulary).model
    states = torch.randn(2, 5, TRUNK.width, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        first = model.image_head(states.flatten(0, 1), ONE_PAIR.expand(10, 2))[:, 0]
        torch.testing.assert_close(model.logits(states, "generate").flatten(0, 1), first)


def test_the_loss_is_the_mean_over_positions_and_depths(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    model = build("shared", vocabulary).model
    sequences = batch["generate"]
    with torch.no_grad():
        loss = model.losses(sequences, "generate")["loss"]
        tokens = sequences["tokens"][:, :-1]
        states = model(tokens, "generate").states
        wanted = sequences["predicted"][:, 1:]
        parts = split(sequences["tokens"][:, 1:][wanted] - vocabulary.text, CODES, 3)
        logs = model.image_head(states[wanted], parts[:, :-1]).log_softmax(-1)
        terms = [
            -logs[row, depth, parts[row, depth]] for row in range(len(parts)) for depth in range(3)
        ]
    torch.testing.assert_close(loss, torch.stack(terms).mean())
    assert loss.item() == pytest.approx(np.log(CODES), abs=0.2)  # untrained: each depth uniform


@pytest.mark.parametrize("name", TOKEN_ARMS)
def test_every_architecture_learns_a_batch_of_residual_codes(
    name: str, vocabulary: Vocabulary, batch: Batch
) -> None:
    module = build(name, vocabulary)
    drop = {"double_encoder": {"understand"}}.get(name, set())
    chosen = {task: one for task, one in batch.items() if task not in drop}
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
    losses = []
    for _ in range(12):
        loss = module.training_step(chosen, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_drawing_trains_every_depth(vocabulary: Vocabulary, batch: Batch) -> None:
    found = gradients(build("shared", vocabulary), {"generate": batch["generate"]})
    position = found["model.image_head.position"]
    assert (position.abs().sum(1) > 0).all()
    assert found["model.image_head.code_head.weight"].abs().sum() > 0


def test_a_drawn_position_follows_the_probabilities_of_all_depths(
    vocabulary: Vocabulary,
) -> None:
    """Uniform numbers on a fine grid give each combination its share."""
    model = build("shared", replace(vocabulary, code_features=torch.randn(6, 2), depths=2)).model
    generator = torch.Generator().manual_seed(0)
    for parameter in model.image_head.parameters():
        parameter.data += torch.randn(parameter.shape, generator=generator)
    state = torch.randn(1, TRUNK.width, generator=generator)
    grid = (torch.arange(60) + 0.5) / 60
    numbers = torch.cartesian_prod(grid, grid)

    def choose(logits: torch.Tensor, depth: int) -> torch.Tensor:
        mass = logits.softmax(-1).cumsum(-1)
        return (mass < numbers[:, depth, None]).sum(-1)

    with torch.no_grad():
        codes = model.draw(state.expand(3600, -1), choose)
        shares = torch.bincount(codes, minlength=9) / 3600
        first = model.image_head(state, torch.empty(1, 0, dtype=torch.long)).softmax(-1)[0, 0]
        for c0 in range(3):
            second = model.image_head(state, torch.tensor([[c0]])).softmax(-1)[0, 1]
            for c1 in range(3):
                wanted = (first[c0] * second[c1]).item()
                assert shares[c0 + 3 * c1].item() == pytest.approx(wanted, abs=0.03)


def test_sampling_draws_all_depths_and_does_not_depend_on_the_batch(
    vocabulary: Vocabulary, words: TextTokens, residual: ResidualTokenizer
) -> None:
    module = build("unifork", vocabulary).eval()
    config = SamplingConfig(chunk=2, prompt_length=16)
    prompts = [prompt_tokens(words, text) for text in ("a red cat", "a dog", "a photo of a dog")]
    together = module.generate(prompts, [1, 2, 3], config)
    alone = module.generate(prompts[2:], [3], config)
    assert torch.equal(together[2:], alone)
    parts = split(together, CODES, 3)
    assert parts.max() < CODES
    assert all(len(parts[..., depth].unique()) > 3 for depth in range(3))
    assert residual.decode(together).shape == (3, 16, 16, 3)


def test_each_depth_has_a_uniform_number_of_its_own(
    vocabulary: Vocabulary,
    words: TextTokens,
    residual: ResidualTokenizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lowest_then_highest(seeds: Sequence[int], count: int) -> torch.Tensor:
        return torch.tensor([0.0, 0.9999, 0.9999]).repeat(len(seeds), count // 3)

    monkeypatch.setattr("models.sampling.uniforms", lowest_then_highest)
    module = build("shared", vocabulary).eval()
    config = SamplingConfig(chunk=2, prompt_length=16)
    parts = split(module.generate([prompt_tokens(words, "a dog")], [1], config), CODES, 3)
    assert (parts[..., 0] == 0).all()
    assert (parts[..., 1:] == CODES - 1).all()


def test_an_answer_begins_as_one_pass_over_image_and_question_says(
    vocabulary: Vocabulary, words: TextTokens, batch: Batch
) -> None:
    kind = architecture("shared")
    assert kind.config is not None
    module = build("shared", vocabulary).eval()
    generator = torch.Generator().manual_seed(3)
    for parameter in module.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator)
    asked = [one[:25].tolist() for one in batch["understand"]["tokens"]]
    answers = module.answer(asked, SamplingConfig(chunk=4, question_length=40), 1)
    with torch.no_grad():
        states = module.model(torch.tensor(asked), "understand").states[:, -1]
        first = module.model.logits(states, "understand").argmax(-1).tolist()
    assert answers == [[one] for one in first]

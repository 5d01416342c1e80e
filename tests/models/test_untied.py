"""Two copies of a layer: tied they are the shared trunk; a placebo's choice knows no task."""

import re

import pytest
import torch
from torch import nn

from models import TASKS
from models.batch import Batch, pack_generate, pack_understand, pad, prompt_tokens
from models.context import Context
from models.sample_coin import prompt_coin, prompt_of
from models.seats import ROWS
from models.text_tokens import GENERATE, PAD, UNDERSTAND, TextTokens
from models.unified import Vocabulary
from models.untied import Sorting, of_one_copy
from tests.models.conftest import CODEC, WORDS, build, gradients, loss, losses

UNTIED = ("mot", "fork_random")


def many(words: TextTokens, count: int = 24) -> Batch:
    """Sequences of both tasks with random words and codes."""
    generator = torch.Generator().manual_seed(4)
    drawn, asked = [], []
    for _ in range(count):
        codes = torch.randint(CODEC.codes, (CODEC.tokens_per_image,), generator=generator).tolist()
        picked = torch.randint(len(WORDS), (5,), generator=generator).tolist()
        text = " ".join(WORDS[index] for index in picked)
        drawn.append(pack_generate(words, text, codes))
        asked.append(pack_understand(words, codes, [(text, "yes"), ("is it red ?", "no")]))
    return {"generate": pad(drawn), "understand": pad(asked)}


@pytest.mark.parametrize("name", UNTIED)
def test_copies_that_are_tied_are_the_shared_trunk_exactly(
    vocabulary: Vocabulary, words: TextTokens, name: str
) -> None:
    batch = many(words)
    shared, untied = build("shared", vocabulary), build(name, vocabulary)
    for task in TASKS:
        assert torch.equal(losses(untied, batch)[task], losses(shared, batch)[task])
    expected = gradients(shared, batch)
    found: dict[str, torch.Tensor] = {}
    for tensor, gradient in gradients(untied, batch).items():
        one = of_one_copy(tensor)
        found[one] = found.get(one, torch.zeros(())) + gradient
    assert found.keys() == expected.keys()
    for tensor, gradient in expected.items():
        torch.testing.assert_close(found[tensor], gradient, rtol=1e-4, atol=1e-6, msg=tensor)


def test_mot_gives_image_tokens_the_second_copy_in_both_tasks(
    vocabulary: Vocabulary, words: TextTokens
) -> None:
    module = build("mot", vocabulary)
    codes = [0] * CODEC.tokens_per_image
    with_image = pad([pack_understand(words, codes, [("is it red ?", "no")])])
    without = pad([pack_understand(words, None, [("is a cat red ?", "no")])])
    drawn = pad([pack_generate(words, "a red cat", codes)])
    before = [loss(module, *one) for one in pairs(with_image, without, drawn)]
    for name, parameter in module.named_parameters():
        if "copies.1" in name:
            parameter.data += 0.1
    after = [loss(module, *one) for one in pairs(with_image, without, drawn)]
    assert [torch.equal(x, y) for x, y in zip(before, after, strict=True)] == [False, True, False]


def pairs(with_image, without, drawn):
    return (with_image, "understand"), (without, "understand"), (drawn, "generate")


def by_task(tokens: torch.Tensor, is_prompt: torch.Tensor) -> torch.Tensor:
    """A coin that is not random: heads are the sequences of `generate`."""
    return tokens[:, 0] == GENERATE


def twin_name(name: str, copy: int) -> str:
    """`layers.1.attention.copies.0.query.weight` of `layers.1.attention.query.weight`."""
    part = re.match(r"norm|layers\.\d+\.\w+", name)
    assert part is not None
    return f"{part[0]}.copies.{copy}{name.removeprefix(part[0])}"


def test_a_random_fork_whose_coin_is_the_task_is_unifork_exactly(
    vocabulary: Vocabulary, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, placebo = (build(one, vocabulary, fork_at=1) for one in ("unifork", "fork_random"))
    generator = torch.Generator().manual_seed(2)
    for task, copy in (("understand", 0), ("generate", 1)):
        layers, norm = real.model.trunk.path(task)
        twins = placebo.model.trunk.state_dict()
        for index, module in enumerate([*layers[1:], norm], start=1):
            place = "norm" if module is norm else f"layers.{index}"
            for name, parameter in module.named_parameters():
                parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
                twins[twin_name(f"{place}.{name}", copy)].copy_(parameter.data)
    monkeypatch.setattr("models.unified.prompt_coin", by_task)
    assert losses(placebo, batch) == losses(real, batch)


def branches_reached(module, sequences, task: str) -> set[str]:
    """Which copies of the last layer get gradient from sequences of a task."""
    found = gradients(module, {task: sequences})
    last = f"layers.{len(module.model.trunk.layers) - 1}.attention.copies."
    return {name.partition(last)[2][0] for name in found if last in name}


def test_both_tasks_train_both_branches_of_a_random_fork_so_it_is_not_unifork_in_disguise(
    vocabulary: Vocabulary, words: TextTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, module = many(words), build("fork_random", vocabulary)
    reached = {task: branches_reached(module, batch[task], task) for task in TASKS}
    assert reached == {"understand": {"0", "1"}, "generate": {"0", "1"}}
    monkeypatch.setattr("models.unified.prompt_coin", by_task)  # the disguise is found
    reached = {task: branches_reached(module, batch[task], task) for task in TASKS}
    assert reached == {"understand": {"0"}, "generate": {"1"}}


def group_labels(module, batch: Batch, task: str) -> set[int]:
    """The labels that supervision gives to tokens of a task."""
    found: set[int] = set()
    layer = module.model.trunk.layers[0]
    free = layer.labels

    def record(context: Context, task: str, x: torch.Tensor) -> torch.Tensor:
        labels = free(context, task, x)
        found.update(labels.tolist())
        return labels

    layer.labels = record
    module.training_step({task: batch[task]}, 0)
    return found


def test_labels_of_random_experts_say_nothing_of_the_task_and_those_of_task_experts_all(
    vocabulary: Vocabulary, words: TextTokens
) -> None:
    batch = many(words)
    found = {
        name: [group_labels(build(name, vocabulary), batch, task) for task in TASKS]
        for name in ("task_moe", "moe_random")
    }
    assert found == {"task_moe": [{0}, {1}], "moe_random": [{0, 1}, {0, 1}]}


@pytest.mark.parametrize("task", TASKS)
def test_a_sample_keeps_its_coin_from_training_to_sampling_and_coins_are_fair(
    words: TextTokens, task: str
) -> None:
    sequences = many(words, 400)[task]
    tokens, predicted = sequences["tokens"], sequences["predicted"]
    in_training = prompt_coin(tokens, prompt_of(tokens, predicted))
    assert 0.4 < in_training.float().mean() < 0.6
    prompts = [
        row[: int(targets.int().argmax())].tolist()
        for row, targets in zip(tokens, predicted, strict=True)
    ]
    width = max(map(len, prompts)) + 3
    padded = torch.tensor([prompt + [PAD] * (width - len(prompt)) for prompt in prompts])
    assert torch.equal(prompt_coin(padded, padded != PAD), in_training)
    if task == "generate":
        assert prompts[0] == prompt_tokens(words, words.decode(prompts[0][1:-1]))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_sorting_sends_each_row_through_its_own_copy_and_gradients_back(share: float) -> None:
    generator = torch.Generator().manual_seed(1)
    second = torch.rand(ROWS + 7, generator=generator) < share
    x = torch.randn(len(second), 3, generator=generator, dtype=torch.float64, requires_grad=True)
    copies = nn.ModuleList(nn.Linear(3, 2, dtype=torch.float64) for _ in range(2))
    expected = torch.where(second[:, None], copies[1](x), copies[0](x))
    weight = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    wanted = torch.autograd.grad((expected * weight).sum(), [x, *copies.parameters()])
    found = Sorting(second).through(lambda copy, rows: copy(rows), copies, x)
    torch.testing.assert_close(found, expected)
    (found * weight).sum().backward()
    for one, gradient in zip([x, *copies.parameters()], wanted, strict=True):
        have = torch.zeros_like(one) if one.grad is None else one.grad
        torch.testing.assert_close(have, gradient)


def test_a_coin_does_not_know_the_task() -> None:
    words = torch.arange(8, 48).view(10, 4)
    tossed = [
        prompt_coin(torch.cat((torch.full((10, 1), task), words), dim=1), torch.ones(10, 5) > 0)
        for task in (UNDERSTAND, GENERATE)
    ]
    assert torch.equal(*tossed)
    assert 0 < tossed[0].sum() < 10

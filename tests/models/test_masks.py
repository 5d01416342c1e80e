"""A changed future token leaves past outputs alone; a pad changes nothing."""

import pytest
import torch

from models.batch import Batch
from models.context import causal_context
from models.image_tokens import ImageTokenizer
from models.unified import Vocabulary
from tests.models.conftest import TOKEN_ARMS, build, build_bridge


@pytest.mark.parametrize("name", TOKEN_ARMS)
@pytest.mark.parametrize("task", ["understand", "generate"])
def test_a_changed_future_token_leaves_past_outputs_alone(
    vocabulary: Vocabulary, batch: Batch, name: str, task: str
) -> None:
    module = build(name, vocabulary).eval()
    tokens = batch[task]["tokens"]
    changed = tokens.clone()
    changed[:, -1] = 9
    with torch.no_grad():
        before, after = (module.model(x, task).states for x in (tokens, changed))
    torch.testing.assert_close(before[:, :-1], after[:, :-1])
    assert not torch.allclose(before[:, -1], after[:, -1])


def test_bridge_queries_see_the_prompt_but_not_its_pads(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    bridge = build_bridge(vocabulary, codec).eval().model
    prompt = torch.tensor([[1, 9, 10, 11]])
    padded = torch.tensor([[1, 9, 10, 11, 0, 0, 0]])
    other = torch.tensor([[1, 9, 10, 12]])
    lengths = torch.tensor([4])
    with torch.no_grad():
        plain, longer, changed = (
            bridge.conditions(x, lengths).states for x in (prompt, padded, other)
        )
    torch.testing.assert_close(plain, longer, rtol=0, atol=1e-5)
    assert not torch.allclose(plain, changed, atol=1e-4)


def test_bridge_conditions_equal_those_of_one_uncached_pass(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    bridge = build_bridge(vocabulary, codec).eval().model
    prompt, lengths = torch.tensor([[1, 9, 10, 11]]), torch.tensor([4])
    model = bridge.language_model
    with torch.no_grad():
        states = torch.cat((model.embed(prompt), bridge.queries[None]), dim=1)
        whole = model.trunk(states, causal_context(states, bridge.config.trunk), "understand")
        expected = bridge.connector(whole.states[:, 4:])
        found = bridge.conditions(prompt, lengths).states
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)

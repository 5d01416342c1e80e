"""The double encoder is the shared trunk, but for what stands at the images to be understood."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from models.batch import Batch, check, question_opening
from models.context import causal_context
from models.fork_random import ForkRandomConfig, ForkRandomModule
from models.sampling import SamplingConfig, before_end
from models.text_tokens import TextTokens
from models.token_models.double_encoder_model import DoubleEncoderModel
from models.tokenizers.codec import FeatureMap
from models.tokenizers.efficientnet import CELLS, CHANNELS
from models.unified import Vocabulary
from tests.models.conftest import CODEC, TRAIN, TRUNK, build, gradients, loss

SAMPLING = SamplingConfig(chunk=4, question_length=40)
CODES = list(range(CODEC.tokens_per_image))


def row(sequences, index: int):
    return {key: tensor[index : index + 1] for key, tensor in sequences.items()}


def test_what_has_no_image_to_be_understood_is_as_in_shared(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    shared, double = build("shared", vocabulary), build("double_encoder", vocabulary)
    drawn, asked = batch["generate"], batch["understand"]
    assert torch.equal(loss(double, drawn, "generate"), loss(shared, drawn, "generate"))
    assert torch.equal(loss(double, row(asked, 2)), loss(shared, row(asked, 2)))


def test_with_the_codes_own_embeddings_for_features_it_is_shared_exactly(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    """One cell of the map covers one position of this tiny image."""
    assert CODEC.grid == CELLS
    shared, double = build("shared", vocabulary), build("double_encoder", vocabulary)
    tokens = batch["understand"]["tokens"]
    codes = torch.zeros(len(tokens), CELLS**2, dtype=torch.long)
    for index, one in enumerate(tokens):
        own = one[one >= vocabulary.text]
        codes[index, : len(own)] = own

    class Lookup(nn.Module):
        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            return double.model.embedding.tables(torch.float32)[0][codes]

    double.model.adapter_output = Lookup()
    assert torch.equal(loss(double, batch["understand"]), loss(shared, batch["understand"]))


def test_understanding_reads_the_features_and_not_the_codes(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    double = build("double_encoder", vocabulary)
    asked = row(batch["understand"], 0)
    tokens = asked["tokens"].clone()
    tokens[tokens >= vocabulary.text] = vocabulary.text
    assert torch.equal(loss(double, asked), loss(double, {**asked, "tokens": tokens}))
    other = {**asked, "features": asked["features"].flip(1)}
    assert not torch.equal(loss(double, asked), loss(double, other))


def test_each_task_trains_its_own_way_into_the_trunk(vocabulary: Vocabulary, batch: Batch) -> None:
    double = build("double_encoder", vocabulary)
    entries = {}
    for task, sequences in batch.items():
        found = gradients(double, {task: sequences})
        reached = [name for name, gradient in found.items() if gradient.abs().sum() > 0]
        entries[task] = {n.split(".")[-2] for n in reached if "adapter" in n or "image_" in n}
    assert entries["understand"] == {"adapter_input", "adapter_output"}
    assert entries["generate"] == {"image_input", "image_output", "image_head"}


def test_an_answer_begins_as_one_pass_over_image_and_question_says(
    vocabulary: Vocabulary, words: TextTokens, batch: Batch
) -> None:
    double = build("double_encoder", vocabulary).eval()
    generator = torch.Generator().manual_seed(3)
    for parameter in double.parameters():  # away from the near-uniform start
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator)
    question = question_opening(words, CODES) + words.encode("is there a cat ?")
    questions = [question, question, question_opening(words, None) + words.encode("is it red ?")]
    features = batch["understand"]["features"]
    answers = double.answer(questions, SAMPLING, 1, features)
    with torch.no_grad():
        for index, asked in enumerate(questions):
            tokens, tables = double.model.see(torch.tensor([asked]), features[index : index + 1])
            states = double.model.embed(tokens, tables)
            output = pass_over(double.model, states)
            first = double.model.logits(output[0, -1], "understand").argmax()
            assert answers[index] == before_end([int(first)])


def pass_over(model, states: torch.Tensor) -> torch.Tensor:
    return model.trunk(states, causal_context(states, model.trunk.config), "understand").states


def test_a_question_about_an_image_without_features_is_refused(
    vocabulary: Vocabulary, words: TextTokens
) -> None:
    double = build("double_encoder", vocabulary).eval()
    with pytest.raises(ValueError, match="must come with features, got none"):
        double.answer([question_opening(words, CODES)], SAMPLING, 1)
    facts = question_opening(words, None) + words.encode("is a cat red ?")
    assert len(double.answer([facts], SAMPLING, 1)) == 1


def test_features_are_checked_where_a_batch_has_them(batch: Batch) -> None:
    check(batch)
    asked = batch["understand"]
    with pytest.raises(ValueError, match=r"batch\.understand\.features must be torch\.float16"):
        check({"understand": {**asked, "features": asked["features"].float()}})


def test_a_coin_does_not_know_where_in_its_batch_a_picture_lies(vocabulary: Vocabulary) -> None:
    with_view = replace(vocabulary, view=FeatureMap(CELLS, CHANNELS))
    model = ForkRandomModule(ForkRandomConfig(trunk=TRUNK), with_view, TRAIN, 0).model
    assert isinstance(model, DoubleEncoderModel)
    question = [5, *(vocabulary.text + code for code in CODES), 7, 8]
    tokens = torch.tensor([question] * 8)
    seen, _ = model.see(tokens, torch.zeros(8, CELLS**2, CHANNELS))
    assert len(seen.unique(dim=0)) == 8
    coins = model.coin(seen, torch.ones_like(seen, dtype=torch.bool))
    assert len(coins.unique()) == 1
    others = seen.clone()
    others[:, -1] = torch.arange(8)
    assert len(model.coin(others, torch.ones_like(seen, dtype=torch.bool)).unique()) == 2

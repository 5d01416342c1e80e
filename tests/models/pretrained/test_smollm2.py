"""SmolLM2-135M's real weights, from its package: GGUF, tied, three key-value heads for nine."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from models.pretrained.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from models.pretrained.source import locate
from models.pretrained.text_model import text_model
from models.pretrained.words import SHIFT, PretrainedWords
from models.sampling import SamplingConfig, answer_tokens
from models.text_tokens import UNDERSTAND
from models.unified import UnifiedModel, Vocabulary

pytestmark = pytest.mark.slow
SENTENCE = "The capital of France is Paris, and milk comes from a cow."


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return read_checkpoint("smollm2")


@pytest.fixture(scope="module")
def words(checkpoint: Checkpoint) -> PretrainedWords:
    return PretrainedWords(locate("smollm2").tokenizer(), checkpoint.config)


@pytest.fixture(scope="module")
def model(checkpoint: Checkpoint, words: PretrainedWords) -> UnifiedModel:
    vocabulary = Vocabulary(len(words), torch.eye(4, 3), grid=2)
    return text_model(checkpoint, words, vocabulary, seed=0).eval()


@torch.no_grad()
def test_logits_are_those_of_transformers_own_reading_of_the_file_and_of_what_is_written_back(
    checkpoint: Checkpoint, words: PretrainedWords, model: UnifiedModel, tmp_path: Path
) -> None:
    tokens = torch.tensor([words.encode(SENTENCE)])
    ours = model.logits(model(tokens, "understand").states, "understand")[..., SHIFT:]
    save_checkpoint(checkpoint, tmp_path)
    source = locate("smollm2")
    for folder, gguf in ((source.folder, source.gguf), (tmp_path, None)):
        read = AutoModelForCausalLM.from_pretrained(folder, gguf_file=gguf, dtype=torch.float32)
        logits = read(tokens - SHIFT).logits
        torch.testing.assert_close(ours, logits, rtol=0, atol=5e-4)  # of logits up to 30
    surprise = torch.nn.functional.cross_entropy(ours[0, :-1], tokens[0, 1:] - SHIFT)
    assert surprise < 3.5  # nats a token; a uniform guess has 10.8


def test_it_answers_a_question_that_is_put_in_its_chat_form(
    words: PretrainedWords, model: UnifiedModel
) -> None:
    question = [UNDERSTAND, *words.chat("What is the capital of France?")]
    (answer,) = answer_tokens(model, [question], SamplingConfig(chunk=1), 8)
    assert "Paris" in words.decode(answer)

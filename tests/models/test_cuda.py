"""A CUDA device computes what the CPU does; skipped where there is none."""

from dataclasses import replace

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from models.attention_mass import fused_attention_mass
from models.batch import Batch, prompt_tokens
from models.image_tokens import ImageTokenizer
from models.interaction_loss import InteractionConfig
from models.sampling import SamplingConfig
from models.text_tokens import TextTokens
from models.unified import Vocabulary
from tests.models.conftest import TOKEN_ARMS, TRAIN, build, build_bridge, gradients, whole_map

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

ARMS = [*TOKEN_ARMS, "frozen_bridge"]
CAPTIONS = ("a photo of a red cat", "a dog", "a cat", "a red dog", "a photo of a dog")


def arm(name: str, vocabulary: Vocabulary, codec: ImageTokenizer, **fields: object):
    if name == "frozen_bridge":
        return build_bridge(vocabulary, codec, **fields)
    return build(name, vocabulary, **fields)


def moved(batch: Batch) -> Batch:
    return {task: {name: one.cuda() for name, one in part.items()} for task, part in batch.items()}


@pytest.mark.parametrize("name", ARMS)
def test_gradients_in_fp32_are_those_of_the_cpu(
    name: str, vocabulary: Vocabulary, codec: ImageTokenizer, batch: Batch
) -> None:
    expected = gradients(arm(name, vocabulary, codec), batch)
    found = gradients(arm(name, vocabulary, codec).cuda(), moved(batch))
    assert found.keys() == expected.keys()
    for parameter, slope in expected.items():
        torch.testing.assert_close(found[parameter].cpu(), slope, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", [one for one in TOKEN_ARMS if one != "double_encoder"])
def test_the_interaction_loss_is_that_of_the_cpu(
    name: str, vocabulary: Vocabulary, codec: ImageTokenizer, batch: Batch
) -> None:
    train = replace(
        TRAIN, interaction=InteractionConfig(understand_weight=1.0, generate_weight=1.0)
    )
    expected = gradients(arm(name, vocabulary, codec, train=train), batch)
    found = gradients(arm(name, vocabulary, codec, train=train).cuda(), moved(batch))
    for parameter, slope in expected.items():
        torch.testing.assert_close(found[parameter].cpu(), slope, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ARMS)
def test_an_image_is_the_same_alone_in_a_crowd_and_in_another_order(
    name: str, vocabulary: Vocabulary, codec: ImageTokenizer, words: TextTokens
) -> None:
    settings = SamplingConfig(
        guidance=2.0, chunk=8, prompt_length=12, question_length=40, flow_steps=3, top_k=12
    )
    module = arm(name, vocabulary, codec).cuda().eval()
    prompts = [prompt_tokens(words, CAPTIONS[i % 5]) for i in range(20)]
    seeds = list(range(100, 120))
    whole = module.generate(prompts, seeds, settings).cpu()
    backwards = module.generate(prompts[::-1], seeds[::-1], settings).cpu()
    assert torch.equal(backwards.flip(0), whole)
    parts = [module.generate(prompts[i : i + 7], seeds[i : i + 7], settings) for i in (0, 7, 14)]
    assert torch.equal(torch.cat(parts).cpu(), whole)


@pytest.mark.parametrize("width", [32, 64, 128])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_masses_come_from_a_fused_kernel(width: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(width)
    drawn = [torch.randn(2, 3, 23, width, generator=generator) for _ in range(3)]
    query, key, value = (one.cuda().to(dtype) for one in drawn)
    marked = torch.zeros(2, 23, device="cuda", dtype=dtype)
    marked[0, 2:9], marked[1, 1:4] = 1, 1
    with profile(activities=[ProfilerActivity.CUDA]) as ran:
        mixed, mass = fused_attention_mass(query, key, value, marked)
    kernels = [event.key.lower() for event in ran.key_averages()]
    assert any("flash" in one or "fmha" in one for one in kernels), kernels
    assert not any("softmax" in one and "fmha" not in one for one in kernels), kernels
    expected = whole_map(*(one.float() for one in (query, key, value, marked)))
    tolerance = 2e-2 if dtype is torch.bfloat16 else 1e-4
    torch.testing.assert_close(mixed.float(), expected[0], rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(mass.float(), expected[1], rtol=tolerance, atol=tolerance)

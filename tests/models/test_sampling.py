"""An image depends on its prompt, its seed and the settings, and on nothing else in the batch."""

from dataclasses import replace

import pytest
import torch

from models import sampling
from models.batch import prompt_tokens, question_opening
from models.image_tokens import ImageTokenizer
from models.sampling import SamplingConfig, generate_codes, keep_likely, pick, uniforms
from models.text_tokens import BEGIN_IMAGE, GENERATE, TextTokens
from models.unified import Vocabulary
from tests.models.conftest import TOKEN_ARMS, build, build_bridge

SAMPLING = SamplingConfig(
    guidance=2.0, chunk=8, prompt_length=12, question_length=40, flow_steps=3, top_k=12, top_p=0.95
)
CAPTIONS = ("a photo of a red cat", "a dog", "a cat", "a red dog", "a photo of a dog")


def arm(name: str, vocabulary: Vocabulary, codec: ImageTokenizer):
    module = build_bridge(vocabulary, codec) if name == "frozen_bridge" else build(name, vocabulary)
    generator = torch.Generator().manual_seed(9)
    for parameter in module.parameters():  # away from the near-uniform start
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
    return module.eval()


@pytest.mark.parametrize("name", [*TOKEN_ARMS, "frozen_bridge"])
def test_an_image_is_the_same_alone_in_a_crowd_and_in_another_order(
    name: str, vocabulary: Vocabulary, codec: ImageTokenizer, words: TextTokens
) -> None:
    module = arm(name, vocabulary, codec)
    requests = [(CAPTIONS[i % 5], 100 + i) for i in range(20)]
    prompts = [prompt_tokens(words, text) for text, _ in requests]
    seeds = [seed for _, seed in requests]
    whole = module.generate(prompts, seeds, SAMPLING)
    backwards = module.generate(prompts[::-1], seeds[::-1], SAMPLING)
    assert torch.equal(backwards.flip(0), whole)
    for size in (1, 7):
        parts = [
            module.generate(prompts[i : i + size], seeds[i : i + size], SAMPLING)
            for i in range(0, len(prompts), size)
        ]
        assert torch.equal(torch.cat(parts), whole)
    assert not torch.equal(whole[0], whole[5])  # the same prompt, another seed


def test_cached_decoding_gives_the_logits_of_one_pass_over_the_sequence(
    vocabulary: Vocabulary, words: TextTokens, codec: ImageTokenizer
) -> None:
    """With top-k 1 and no guidance, every code must be the argmax that a full pass gives."""
    module = arm("shared", vocabulary, codec)
    prompts = [prompt_tokens(words, text) for text in CAPTIONS]
    settings = replace(SAMPLING, guidance=1.0, top_k=1)
    codes = generate_codes(module.model, prompts, range(5), settings)
    for prompt, drawn in zip(prompts, codes, strict=True):
        tokens = torch.tensor([prompt + (drawn + vocabulary.text).tolist()])
        with torch.no_grad():
            states = module.model(tokens[:, :-1], "generate").states[0, len(prompt) - 1 :]
        assert torch.equal(module.model.logits(states, "generate").argmax(-1), drawn)


def test_guidance_of_one_is_plain_sampling_and_more_changes_the_image(
    vocabulary: Vocabulary, words: TextTokens, codec: ImageTokenizer
) -> None:
    module = arm("shared", vocabulary, codec)
    prompts = [prompt_tokens(words, text) for text in CAPTIONS]
    drawn = [
        module.generate(prompts, range(5), replace(SAMPLING, guidance=guidance))
        for guidance in (1.0, 1.0000001, 6.0)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_codes_are_drawn_from_what_leads_away_from_the_unprompted_over_the_temperature(
    vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, seen = build("shared", vocabulary), []
    prompted, free = torch.randn(2, vocabulary.codes, generator=torch.Generator().manual_seed(0))
    both = torch.stack((prompted, prompted, free, free))
    monkeypatch.setattr(module.model, "logits", lambda states, task: both)
    monkeypatch.setattr(
        sampling, "pick", lambda logits, uniform: seen.append(logits) or logits.argmax(-1)
    )
    settings = SamplingConfig(guidance=3.0, temperature=0.5, chunk=2)
    module.generate([[GENERATE, BEGIN_IMAGE]] * 2, [0, 1], settings)
    torch.testing.assert_close(seen[0], ((3 * prompted - 2 * free) / 0.5).expand(2, -1))


def test_answers_of_the_bridge_are_its_frozen_models(
    vocabulary: Vocabulary, codec: ImageTokenizer, words: TextTokens
) -> None:
    bridge = arm("frozen_bridge", vocabulary, codec)
    alone = build("shared", vocabulary)
    alone.model.load_state_dict(bridge.model.language_model.state_dict())
    rows = [question_opening(words, None) + words.encode(q) for q in ("is it red ?", "is a cat ?")]
    assert bridge.answer(rows, SAMPLING, 5) == alone.eval().answer(rows, SAMPLING, 5)


def test_a_code_is_the_one_in_whose_share_of_the_mass_the_number_falls() -> None:
    shares = torch.tensor([0.0, 0.25, 0.5, 0.0, 0.25, 0.0])  # bounds at 0.25 and 0.75
    numbers = torch.tensor([0.0, 0.249, 0.251, 0.749, 0.751, 1 - 2**-24])
    found = pick(shares.log().expand(6, -1), numbers)
    assert found.tolist() == [1, 1, 2, 2, 4, 4]


def test_numbers_of_many_seeds_are_uniform_and_of_one_seed_the_same_in_any_company() -> None:
    numbers = uniforms(range(4000), 2)
    assert torch.equal(numbers[[7, 3]], uniforms([7, 3], 2))
    share = torch.bincount((4 * numbers).long().flatten(), minlength=4) / 8000
    torch.testing.assert_close(share, torch.full((4,), 0.25), rtol=0, atol=0.03)


def test_top_k_and_top_p_keep_the_likeliest() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    assert keep_likely(logits, 2, 1.0).isfinite().tolist() == [[True, True, False, False]]
    assert keep_likely(logits, 0, 0.7).isfinite().tolist() == [[True, True, False, False]]
    assert keep_likely(logits, 0, 0.4).isfinite().tolist() == [[True, False, False, False]]
    assert torch.equal(keep_likely(logits, 0, 1.0), logits)


def test_a_prompt_that_is_empty_or_longer_than_the_padded_length_is_refused(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    arms = [build(name, vocabulary) for name in ("shared", "double_encoder")]
    for module in (*arms, build_bridge(vocabulary, codec)):
        for count in (0, 13):
            wanted = rf"a prompt must have 1 to sampling\.prompt_length=12 tokens, got {count}"
            with pytest.raises(ValueError, match=wanted):
                module.generate([[8] * count], [0], SAMPLING)
        with pytest.raises(ValueError, match=r"sampling\.question_length=40 tokens, got 0"):
            module.answer([[]], SAMPLING, 1)


def test_a_sampling_config_refuses_values_outside_its_rules() -> None:
    with pytest.raises(ValueError, match=r"sampling\.top_p must lie in \(0, 1\]"):
        SamplingConfig(top_p=0.0)

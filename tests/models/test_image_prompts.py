"""Images before the image that is drawn: the sequence, and who looks at them."""

import pytest
import torch

from models.batch import Batch, pack_generate, pad
from models.image_prompts import image_prompt_tokens, pack_image_prompt
from models.image_tokens import ImageTokenizer
from models.module import UnifiedModule
from models.prompt_states import split_sequences
from models.sampling import SamplingConfig
from models.text_tokens import BEGIN_IMAGE, END_IMAGE, GENERATE, UNDERSTAND, TextTokens
from models.unified import Vocabulary
from tests.models.conftest import CODEC, TOKEN_ARMS, build, build_bridge

CODES = CODEC.tokens_per_image
SAMPLING = SamplingConfig(chunk=2, prompt_length=48, flow_steps=2)
BRIDGE = "frozen_bridge"


def image(first: int) -> list[int]:
    return [(first + place) % CODEC.codes for place in range(CODES)]


def made(name: str, vocabulary: Vocabulary, codec: ImageTokenizer) -> UnifiedModule:
    return build_bridge(vocabulary, codec) if name == BRIDGE else build(name, vocabulary)


def conditioned_batch(words: TextTokens, first: int = 0) -> Batch:
    """Prompts with one image, with none, and with two."""
    return {
        "generate": pad(
            [
                pack_image_prompt(words, "<image> the cat is red", [image(first)], image(5)),
                pack_image_prompt(words, "a dog", [], image(6)),
                pack_image_prompt(
                    words, "a <image> it is <image>", [image(first), image(3)], image(7)
                ),
            ]
        )
    }


def test_a_prompts_images_stand_where_its_text_says_so(words: TextTokens) -> None:
    a, cat, dog = (words.encode(word)[0] for word in ("a", "cat", "dog"))
    shift = len(words)
    found = image_prompt_tokens(words, "a <image> cat <image> dog", [[0, 1], [2]])
    first = [BEGIN_IMAGE, shift, shift + 1, END_IMAGE]
    second = [BEGIN_IMAGE, shift + 2, END_IMAGE]
    assert found == [GENERATE, a, *first, cat, *second, dog, BEGIN_IMAGE]


def test_only_the_drawn_images_codes_are_targets(words: TextTokens) -> None:
    packed = pack_image_prompt(words, "<image> cat", [[0, 1]], [4, 5])
    assert packed.predicted == [False] * 7 + [True, True]
    assert packed.tokens[-2:] == [len(words) + 4, len(words) + 5]


def test_a_prompt_without_images_is_a_captions(words: TextTokens) -> None:
    found = pack_image_prompt(words, "a red cat", [], [1, 2])
    assert found == pack_generate(words, "a red cat", [1, 2])


@pytest.mark.parametrize("text", ["a cat", "<image> <image>"])
def test_a_text_must_place_every_image(words: TextTokens, text: str) -> None:
    with pytest.raises(ValueError, match=r"a prompt must say <image> 1 times, got"):
        image_prompt_tokens(words, text, [[0]])


@pytest.mark.parametrize("name", [*TOKEN_ARMS, BRIDGE])
def test_every_architecture_looks_at_a_prompts_images(
    name: str, words: TextTokens, vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    module = made(name, vocabulary, codec).eval()
    with torch.no_grad():
        one, same, other = (
            module.losses(conditioned_batch(words, first))["generate"]["loss"]
            for first in (0, 0, 9)
        )
    assert torch.isfinite(one)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("name", ["shared", "mot", BRIDGE])
def test_what_is_drawn_does_not_depend_on_the_other_prompts_images(
    name: str, words: TextTokens, vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    module = made(name, vocabulary, codec).eval()
    edit = image_prompt_tokens(words, "<image> red", [image(0)])
    other = image_prompt_tokens(words, "a cat", [])
    alone = module.generate([edit], [1], SAMPLING)
    beside = module.generate([edit, other], [1, 2], SAMPLING)
    assert torch.equal(alone[0], beside[0])


def test_an_images_place_is_counted_anew_in_each_image(
    words: TextTokens, vocabulary: Vocabulary
) -> None:
    """The same code has the same embedding in the prompt's image as in the drawn one."""
    model = build("shared", vocabulary).model
    packed = pack_image_prompt(words, "<image> red", [image(0)], image(0))
    torch.nn.init.normal_(model.embedding.row_position)
    states = model.embed(torch.tensor([packed.tokens]))[0]
    shown, drawn = states[2 : 2 + CODES], states[-CODES:]
    assert torch.equal(shown, drawn)
    assert not torch.equal(shown[0], shown[CODEC.grid])


def test_the_bridge_cuts_prompts_of_words_before_the_drawn_image(
    words: TextTokens, batch: Batch
) -> None:
    prompts, lengths, codes = split_sequences(batch["generate"], len(words))
    assert lengths.tolist() == [1 + 6, 1 + 2, 1 + 1]  # the task, and the words or <drop>
    assert prompts[:, 0].tolist() == [UNDERSTAND] * 3
    assert prompts[1, 1:3].tolist() == words.encode("a dog")
    assert codes.shape == (3, CODES)


def test_the_bridges_prompt_ends_before_the_drawn_image(words: TextTokens) -> None:
    prompts, lengths, codes = split_sequences(conditioned_batch(words)["generate"], len(words))
    assert lengths.tolist() == [1 + CODES + 2 + 4, 1 + 2, 1 + 2 * (CODES + 2) + 3]
    assert codes.tolist() == [image(5), image(6), image(7)]
    assert prompts.shape == (3, int(lengths.max()))

"""Images before the image that is drawn: the sequence, and who looks at them."""

import pytest
import torch

from models.architectures import architecture
from models.batch import Batch, pack_generate, pad
from models.frozen_bridge import FrozenBridgeModule
from models.image_prompted_bridge import (
    ImagePromptedBridgeConfig,
    ImagePromptedBridgeModule,
    split_at_targets,
)
from models.image_prompts import image_prompt_tokens, pack_image_prompt
from models.image_tokens import ImageTokenizer
from models.module import UnifiedModule
from models.prompt_states import split_sequences
from models.sampling import SamplingConfig
from models.text_tokens import BEGIN_IMAGE, END_IMAGE, GENERATE, TextTokens
from models.unified import Vocabulary
from tests.models.conftest import CODEC, TOKEN_ARMS, TRUNK, build, build_bridge

CODES = CODEC.tokens_per_image
SAMPLING = SamplingConfig(chunk=2, prompt_length=48, flow_steps=2)
BRIDGE = "image_prompted_bridge"


def image(first: int) -> list[int]:
    return [(first + place) % CODEC.codes for place in range(CODES)]


def made(name: str, vocabulary: Vocabulary, codec: ImageTokenizer) -> UnifiedModule:
    """A tiny token arm, or the bridge with the weights of the tiny `frozen_bridge`."""
    if name != BRIDGE:
        return build(name, vocabulary)
    bridge = build_bridge(vocabulary, codec)
    config = ImagePromptedBridgeConfig(**{**vars(bridge.model.config), "name": BRIDGE})
    frozen = build("shared", vocabulary)
    return ImagePromptedBridgeModule(config, frozen, codec, bridge.train_config, 0)


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


@pytest.mark.parametrize("text", ["the cat", "<image> <image>"])
def test_a_text_must_place_every_image(words: TextTokens, text: str) -> None:
    with pytest.raises(ValueError, match=r"a prompt must say <image> 1 times, got"):
        image_prompt_tokens(words, text.replace("the cat", "a cat"), [[0]])


@pytest.mark.parametrize("name", [*TOKEN_ARMS, BRIDGE])
def test_every_architecture_trains_on_a_prompts_images_and_looks_at_them(
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


def test_the_bridge_cuts_prompts_of_words_as_the_frozen_bridge_does(
    words: TextTokens, vocabulary: Vocabulary, codec: ImageTokenizer, batch: Batch
) -> None:
    text = len(words)
    ours, theirs = (cut(batch["generate"], text) for cut in (split_at_targets, split_sequences))
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    plain: FrozenBridgeModule = build_bridge(vocabulary, codec)
    conditioned = made(BRIDGE, vocabulary, codec)
    conditioned.load_state_dict(plain.state_dict())
    assert torch.equal(plain.training_step(batch, 0), conditioned.training_step(batch, 0))


def test_the_bridges_prompt_ends_before_the_drawn_image(words: TextTokens) -> None:
    prompts, lengths, codes = split_at_targets(conditioned_batch(words)["generate"], len(words))
    assert lengths.tolist() == [1 + CODES + 2 + 4, 1 + 2, 1 + 2 * (CODES + 2) + 3]
    assert codes.tolist() == [image(5), image(6), image(7)]
    assert prompts.shape == (3, int(lengths.max()))


def test_the_bridge_is_an_architecture_by_its_name() -> None:
    assert architecture(BRIDGE).config().name == BRIDGE
    assert ImagePromptedBridgeConfig(trunk=TRUNK).queries == 16

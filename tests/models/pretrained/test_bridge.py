"""A bridge around a published model: what that reads, what is trained, what is saved."""

from pathlib import Path
from typing import Any

import pytest
import torch

from models.batch import Batch, pack_generate, pad
from models.frozen_bridge import FrozenBridgeConfig, FrozenBridgeModule
from models.image_prompts import pack_image_prompt
from models.image_tokens import ImageTokenizer
from models.pretrained.bridge import BRIEFLY, PretrainedBridgeModule, open_bridge
from models.pretrained.words import SHIFT
from models.sampling import SamplingConfig
from models.text_tokens import BEGIN_IMAGE, DROP, GENERATE, UNDERSTAND, TextTokens
from tests.models.conftest import CODEC, TRAIN
from tests.models.pretrained import tiny_checkpoints
from tests.models.pretrained.tiny_checkpoints import SIZES, save

VOCABULARY = SHIFT + SIZES["vocab_size"]
SIZED = {
    "queries": 4,
    "connector_depth": 1,
    "decoder_depth": 2,
    "decoder_heads": 2,
    "decoder_head_width": 16,
}
SAMPLING = SamplingConfig(guidance=2.0, flow_steps=2, chunk=2, prompt_length=24, question_length=32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save("qwen3", tmp_path)
    return tmp_path


def opened(
    folder: Path, words: TextTokens, codec: ImageTokenizer, **fields: Any
) -> PretrainedBridgeModule:
    config = FrozenBridgeConfig(pretrained=str(folder), **{**SIZED, **fields})
    module = FrozenBridgeModule.published(config, words, codec, TRAIN, 0)
    assert isinstance(module, PretrainedBridgeModule)
    return module


def own(*words: str) -> list[int]:
    """Ids of the checkpoint's own words in the bridge's vocabulary."""
    return [SHIFT + tiny_checkpoints.WORDS.index(word) for word in words]


def test_a_caption_is_read_in_the_checkpoints_ids_and_codes_follow_its_vocabulary(
    folder: Path, words: TextTokens, codec: ImageTokenizer, batch: Batch
) -> None:
    module = opened(folder, words, codec)
    given = batch["generate"]
    found = module.translated(given)
    spoken = ["a", "photo", "of", "a", "red", "cat"]
    assert found["tokens"][0, :8].tolist() == [GENERATE, *own(*spoken), BEGIN_IMAGE]
    assert found["tokens"][2, :3].tolist() == [GENERATE, DROP, BEGIN_IMAGE]
    codes = given["tokens"][given["tokens"] >= len(words)] - len(words)
    shifted = found["tokens"][found["predicted"]]
    assert torch.equal(shifted - VOCABULARY, codes)
    assert torch.equal(found["prompt_dropped"], given["prompt_dropped"])


def test_images_of_a_prompt_are_left_out_and_are_no_targets(
    folder: Path, words: TextTokens, codec: ImageTokenizer
) -> None:
    shown, drawn = [1] * codec.config.tokens_per_image, [2] * codec.config.tokens_per_image
    packed = pack_image_prompt(words, "a <image> red <image> cat", [shown, shown], drawn)
    module = opened(folder, words, codec)
    found = module.translated(pad([packed, pack_generate(words, "a red cat", drawn)]))
    assert torch.equal(found["tokens"][0], found["tokens"][1])
    assert torch.equal(found["predicted"][0], found["predicted"][1])
    assert found["tokens"][0, -len(drawn) :].tolist() == [VOCABULARY + code for code in drawn]


def test_a_head_that_is_tied_is_met_by_prompts_as_word_embeddings(
    words: TextTokens, codec: ImageTokenizer, tmp_path: Path
) -> None:
    found = {}
    for form in ("smollm2", "llama"):
        save(form, tmp_path / form)
        found[form] = opened(tmp_path / form, words, codec).active_parameters()
    head = VOCABULARY * SIZES["hidden_size"]
    assert found["smollm2"]["understand"] == found["llama"]["understand"] - head
    assert found["smollm2"]["generate"] == found["llama"]["generate"]


def test_marks_stand_at_their_words_as_they_do_in_print(
    folder: Path, words: TextTokens, codec: ImageTokenizer
) -> None:
    row = [UNDERSTAND, *words.encode("is there a cat ?"), len(words) + 3]
    assert opened(folder, words, codec).text(row) == "is there a cat?"


def test_a_step_trains_queries_connector_and_decoder_and_leaves_the_checkpoint_as_it_is(
    folder: Path, words: TextTokens, codec: ImageTokenizer, batch: Batch
) -> None:
    module = opened(folder, words, codec).train()
    before = {name: value.clone() for name, value in module.named_parameters()}
    optimizer = torch.optim.SGD([p for p in module.parameters() if p.requires_grad], lr=0.1)
    module.training_step(batch, 0).backward()
    optimizer.step()
    changed = {n for n, value in module.named_parameters() if not torch.equal(value, before[n])}
    assert "model.queries" in changed
    assert {name.split(".")[1] for name in changed} == {"queries", "connector", "decoder"}


def test_what_is_saved_leaves_the_frozen_model_out_and_is_read_back(
    folder: Path, words: TextTokens, codec: ImageTokenizer
) -> None:
    module = opened(folder, words, codec)
    with torch.no_grad():
        module.model.queries += 1
    saved = module.state_dict()
    assert {name.split(".")[1] for name in saved} == {"queries", "connector", "decoder"}
    back = opened(folder, words, codec)
    back.load_state_dict(saved)
    assert torch.equal(back.model.queries, module.model.queries)
    del saved["model.queries"]
    with pytest.raises(RuntimeError, match=r"Missing key.*model\.queries"):
        back.load_state_dict(saved)
    tuned = opened(folder, words, codec, language_model="tuned").state_dict()
    assert "model.language_model.embedding.text.weight" in tuned


def test_a_drawing_depends_on_its_prompt_and_seed_alone(
    folder: Path, words: TextTokens, codec: ImageTokenizer
) -> None:
    module = opened(folder, words, codec).eval()
    with torch.no_grad():
        module.model.decoder.proj_out.weight.normal_(generator=torch.Generator().manual_seed(0))
    texts = ("a red cat", "a dog", "a photo of a dog")
    prompts = [[GENERATE, *words.encode(text), BEGIN_IMAGE] for text in texts]
    all_drawn = module.generate(prompts, [5, 6, 7], SAMPLING)
    assert all_drawn.shape == (3, CODEC.tokens_per_image)
    assert torch.equal(module.generate(prompts[1:2], [6], SAMPLING), all_drawn[1:2])
    assert not torch.equal(all_drawn[0], all_drawn[1])


def test_an_answer_has_the_words_that_we_know_of_what_the_model_says(
    folder: Path, words: TextTokens, codec: ImageTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = opened(folder, words, codec)
    spoken = own("the", "animal", "that", "gives", "milk")
    asked: list[list[int]] = []

    def answer(
        model: Any, questions: list[list[int]], features: Any, config: Any, length: int
    ) -> list[list[int]]:
        asked.extend(questions)
        assert length == 12
        return [spoken]

    monkeypatch.setattr("models.module.answer_seen", answer)
    image = [BEGIN_IMAGE, len(words) + 3, len(words) + 1]
    question = [UNDERSTAND, *image, *words.encode("is it red ?")]
    (found,) = module.answer([question], SAMPLING, 6)
    assert words.decode(found) == "the"  # the only one of the five in our vocabulary
    no_codes = "is it red?" + BRIEFLY
    assert asked == [[UNDERSTAND, *module.theirs.chat(no_codes)]]
    assert module.in_our_words("Yes, it IS: Red!") == words.encode("yes it is red")


def test_a_bridge_brings_the_language_model_that_others_need_a_cell_for() -> None:
    assert FrozenBridgeConfig().brings == ()
    assert FrozenBridgeConfig(pretrained="smollm2").brings == ("frozen",)


def test_a_checkpoint_that_is_not_there_is_refused(
    words: TextTokens, codec: ImageTokenizer
) -> None:
    config = FrozenBridgeConfig(pretrained="nowhere", **SIZED)
    with pytest.raises(ValueError, match="checkpoint must be a folder"):
        open_bridge(config, words, codec, TRAIN, 0)

"""A random vision-language checkpoint in the real format answers, and its replies are read."""

import numpy as np
import pytest
from PIL import Image
from tokenizers.processors import TemplateProcessing
from transformers import AutoProcessor

from benchmarks.judges.replies import reply_key
from benchmarks.judges.vision_language import VisionLanguageJudge, VisionLanguageModel
from benchmarks.judges.yes_or_no import INSTRUCTION, plain_reply
from tests.benchmarks.judges.tiny import CHAT, save_vision_language

QUESTIONS = [
    {"question_natural_language": f"is there a {thing} ?"} for thing in ("dog", "cat", "dog dog")
]


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    folder = save_vision_language(tmp_path_factory.mktemp("judge") / "tiny-llava")
    return VisionLanguageJudge(str(folder), "cpu")


def images() -> list[np.ndarray]:
    dice = np.random.default_rng(0)
    return [dice.integers(0, 255, (40, 48, 3), dtype=np.uint8) for _ in range(2)]


def test_each_image_gets_a_reply_to_each_of_its_questions(judge):
    replies = judge.answer(images(), [QUESTIONS, QUESTIONS[:1]])
    assert [len(given) for given in replies] == [3, 1]
    assert all(isinstance(reply, str) for given in replies for reply in given)
    assert judge.label == "tiny-llava"
    assert judge.protocol["revision"].startswith("sha256 ")


def test_a_reply_does_not_depend_on_the_questions_beside_it(judge):
    together = judge.answer(images(), [QUESTIONS, QUESTIONS])
    alone = [[judge.answer([image], [[row]])[0][0] for row in QUESTIONS] for image in images()]
    assert together == alone


def test_the_question_goes_behind_the_image_in_the_models_own_template(judge):
    prompt = judge.model.prompt(1, f"is there a dog ? {INSTRUCTION}")
    assert prompt == "<image> is there a dog ? Answer with yes or no. :"


def test_a_text_that_its_template_opens_is_not_opened_again(tmp_path):
    folder = save_vision_language(tmp_path / "tiny-llava")
    processor = AutoProcessor.from_pretrained(folder)
    opens = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    processor.tokenizer.backend_tokenizer.post_processor = opens
    processor.save_pretrained(folder)
    pictures = [[Image.fromarray(images()[0])]]
    for written in ("", "<s> "):  # by the tokenizer, by the template
        processor.chat_template = written + CHAT
        processor.save_pretrained(folder)
        model = VisionLanguageModel(str(folder), "cpu")
        tokens = model.batch([model.prompt(1, "is there a dog")], pictures)["input_ids"]
        assert (tokens == 1).sum() == 1


def test_another_system_text_is_another_question(tmp_path):
    folder = save_vision_language(tmp_path / "tiny-llava")
    models = [VisionLanguageModel(str(folder), "cpu", system=text) for text in ("", "yes", "no")]
    assert len({reply_key(model.protocol, [], "a dog", 0) for model in models}) == 3


def test_a_text_is_answered_about_any_number_of_images_in_the_order_of_the_texts(judge):
    first, second = images()
    asked = [([first], "dog"), ([], "dog"), ([first, second], "dog"), ([second], "no dog")]
    alone = [judge.model.ask(pictures, text) for pictures, text in asked]
    assert judge.model.replies(asked) == alone
    assert judge.model.prompt(2, "dog") == "<image><image> dog :"


@pytest.mark.parametrize(
    ("text", "reply"), [("Yes.", "yes"), (" no, none", "no"), ("perhaps", "perhaps")]
)
def test_a_reply_is_cut_to_yes_or_no_where_it_says_so(text, reply):
    assert plain_reply(text) == reply

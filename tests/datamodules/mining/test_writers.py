"""A tiny random checkpoint and a server on this machine write about a group's pictures."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules.mining.writers import LocalWriter, ServerWriter, instruction, request
from tests.benchmarks.judges.tiny import save_vision_language
from tests.chat_server import ChatServer


def test_a_local_writer_replies_to_all_pictures_of_a_group(tmp_path: Path) -> None:
    writer = LocalWriter(str(save_vision_language(tmp_path / "tiny")), "cpu")
    images = [np.full((40, 48, 3), shade, dtype=np.uint8) for shade in (0, 90, 255)]
    first, second = (writer.reply(images, request(["dog", "no"], "dog")) for _ in range(2))
    assert first == second
    assert isinstance(first, str)
    assert writer.prompt(3, "dog").count("<image>") == 3


def test_a_local_writers_template_ends_where_the_reply_begins(tmp_path: Path) -> None:
    writer = LocalWriter(str(save_vision_language(tmp_path / "tiny")), "cpu")
    writer.processor.chat_template = (
        "{{ messages[0]['content'][-1]['text'] }}{% if add_generation_prompt %} reply:{% endif %}"
    )
    assert writer.prompt(1, "dog") == "dog reply:"


def test_a_server_is_shown_the_pictures_in_order_and_asked_again_where_it_failed() -> None:
    shades = (0, 90, 255)
    images = [np.full((4, 4, 3), shade, dtype=np.uint8) for shade in shades]
    with ChatServer(lambda text, key: "turn it blue", faults=(500,)) as server:
        reply = ServerWriter(server.url, "eyes").reply(images, request(["aa", "ab"], "ac"))
    assert reply == "turn it blue"
    assert len(server.requests) == 2
    text, *shown = server.requests[1]["messages"][0]["content"]
    assert text["text"].startswith("Picture 1: aa\nPicture 2: ab\nPicture 3: ac\n")
    encoded = [one["image_url"]["url"].partition(",")[2] for one in shown]
    pixels = [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in encoded]
    assert [one[0, 0, 0] for one in pixels] == list(shades)


@pytest.mark.parametrize(("fault", "got"), [(401, "Error code: 401"), ("garbage", "Expecting")])
def test_a_server_that_refuses_or_babbles_is_one_error(fault: int | str, got: str) -> None:
    with ChatServer(lambda text, key: "", faults=(fault,)) as server:
        writer = ServerWriter(server.url, "eyes")
        with pytest.raises(OSError, match=rf"127\.0\.0\.1.* must reply, got {got}"):
            writer.reply([np.zeros((4, 4, 3), dtype=np.uint8)], "dog")


def test_a_server_without_a_choice_says_nothing() -> None:
    with ChatServer(lambda text, key: "", faults=("empty",)) as server:
        writer = ServerWriter(server.url, "eyes")
        assert writer.reply([np.zeros((4, 4, 3), dtype=np.uint8)], "dog") == ""


def test_an_instruction_is_the_first_line_with_words() -> None:
    assert instruction('\n  "Make it blue." \nBecause.') == "Make it blue."
    assert instruction(" \n") == ""

"""Models whose scores are known beforehand, and one grey image for them to look at."""

from collections.abc import Callable

import numpy as np
from PIL import Image

GREY = np.full((4, 6, 3), 128, np.uint8)


class Answerer:
    """Answers each request by a function of its text; remembers what it was asked."""

    def __init__(self, reply: Callable[[str], str]) -> None:
        self.reply = reply
        self.asked = []
        self.protocol = {"model": "answerer"}

    def answer(self, requests):
        self.asked += requests
        return [self.reply(request.text) for request in requests]


class Chat:
    """A chat judge that says what a function of the text says."""

    label = "chat-1"

    def __init__(self, reply: Callable[[str], str]) -> None:
        self.reply = reply
        self.asked = []
        self.attempts = []
        self.protocol = {"judge": "chat", "temperature": 0}

    def ask(self, images, text, attempt=0):
        self.asked.append(text)
        self.attempts.append(attempt)
        return self.reply(text)


def write_grey(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(GREY).save(path)

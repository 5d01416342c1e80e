"""Images that follow one another in one generator, and those that have one of their own."""

import numpy as np
import torch

from benchmarks.adapters.streams import draw_streams
from benchmarks.protocol import Request


class Dice:
    """Draws one number of each generator, and notes the texts of each turn."""

    def __init__(self):
        self.turns = []

    def __call__(self, requests, generators):
        self.turns.append([request.text for request in requests])
        return [np.array(int(torch.randint(1000, (1,), generator=one))) for one in generators]


def numbers(seed, count):
    generator = torch.Generator().manual_seed(seed)
    return [int(torch.randint(1000, (1,), generator=generator)) for _ in range(count)]


def rolled(requests, at_once=8):
    dice = Dice()
    return [int(one) for one in draw_streams(requests, dice, at_once)], dice.turns


def test_the_images_of_a_prompt_are_drawn_one_after_the_other_beside_those_of_others():
    requests = [Request(text, seed=42, draw=n) for text in ("dog", "cat") for n in range(3)]
    found, turns = rolled(requests)
    assert found == numbers(42, 3) * 2  # the seed is set anew for the second prompt
    assert turns == [["dog", "cat"]] * 3


def test_an_image_with_a_seed_of_its_own_is_a_stream_of_one():
    found, turns = rolled([Request("dog", seed=n) for n in range(3)], at_once=2)
    assert found == [numbers(n, 1)[0] for n in range(3)]
    assert turns == [["dog", "dog"], ["dog"]]


def test_equal_prompts_side_by_side_are_two_streams():
    found, _ = rolled([Request("dog", seed=42, draw=n) for n in (0, 1, 0, 1)])
    assert found == numbers(42, 2) * 2


def test_what_stands_before_a_wanted_image_is_drawn_and_let_go():
    found, turns = rolled([Request("dog", seed=7, draw=2), Request("cat", seed=7, draw=1)])
    assert found == [numbers(7, 3)[2], numbers(7, 2)[1]]
    assert turns == [["dog", "cat"], ["dog", "cat"], ["dog"]]

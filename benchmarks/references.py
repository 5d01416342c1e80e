"""The rows that bracket every leaderboard: real scenes above, a model that sees no prompt below.

The floor's answers show, for each kind of question, what is right by chance: the answerer knows
which answers were common in training, and never sees the image.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import dpg
from benchmarks.fitting import fitting_scene
from benchmarks.images import read_image
from benchmarks.protocol import Request
from benchmarks.records import read_json, read_lines
from benchmarks.vqa import exact_match
from benchmarks.world import ANNOTATIONS, PROMPT_FILES, read_world
from datamodules.world import Scene, World

DPG_ITEM = "world"
"""What stands before the number of the test scene in the id of a DPG item."""
LIKENESS_POWER = 8
"""How much more a question weighs that shares more words with the one asked."""
SceneMaker = Callable[[int], Scene]
"""Gives the scene of a seed."""
Reconstruct = Callable[[np.ndarray], np.ndarray]
"""The round trip of uint8 images [b, h, w, 3] through an image tokenizer."""


class Floor:
    """The prompt-blind model: draws some training scene, and answers without looking.

    An answer is what training's questions answer most, each weighed by the words it shares with
    the one asked.
    """

    def __init__(self, world: World, scenes: int = 4000) -> None:
        self.world = world
        self.protocol = {"reference": "floor", "scenes": scenes}
        self.columns = {word: column for column, word in enumerate(world.vocabulary)}
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for index in range(scenes):
            scene = world.scene("train", index)
            for question in world.questions("train", index, scene, count=4):
                counts[question.text][question.answer] += 1
        self.questions = np.stack([self._words(text) for text in counts])
        self.answers = sorted({answer for counted in counts.values() for answer in counted})
        self.counts = np.array(
            [[counted[answer] for answer in self.answers] for counted in counts.values()]
        )

    def _words(self, text: str) -> np.ndarray:
        """Return which words of the world a text has, as a unit vector [words]."""
        words = np.zeros(len(self.columns), np.float32)
        words[[self.columns[word] for word in text.split() if word in self.columns]] = 1
        return words / max(np.linalg.norm(words), 1.0)

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Return the training scene of the request's seed, whatever the text."""
        world = self.world
        return [world.render(world.scene("train", request.seed)) for request in requests]

    def answer(self, requests: Sequence[Request]) -> list[str]:
        """Return the usual answer to questions like each."""
        asked = np.stack([self._words(request.text) for request in requests])
        votes = (asked @ self.questions.T) ** LIKENESS_POWER @ self.counts
        return [self.answers[best] for best in votes.argmax(1)]


class Ceiling:
    """The perfect model as far as an image tokenizer lets it: a scene that its prompt describes.

    `folder` holds the prompts; a request for a text that is not among them is a KeyError.
    """

    def __init__(self, folder: Path, reconstruct: Reconstruct = lambda images: images) -> None:
        self.world = read_world(folder)
        self.reconstruct = reconstruct
        self.protocol = {"reference": "ceiling"}
        self.draw = dict(scene_makers(self.world, folder))
        questions = read_json(folder / PROMPT_FILES["vqa"])["questions"]
        annotations = read_json(folder / ANNOTATIONS)["annotations"]
        images = (folder / PROMPT_FILES["vqa"]).parent / exact_match.IMAGES
        self.answers = dict(_right_answers(questions, annotations, images))

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Return a fitting scene for each text, through the tokenizer."""
        scenes = [self.draw[request.text](request.seed) for request in requests]
        return list(self.reconstruct(np.stack([self.world.render(scene) for scene in scenes])))

    def answer(self, requests: Sequence[Request]) -> list[str]:
        """Return the annotated answer of each question about its image."""
        return [self.answers[request.text, request.images[0].tobytes()] for request in requests]


def _right_answers(
    questions: Iterable[Mapping], annotations: Iterable[Mapping], folder: Path
) -> Iterator[tuple[tuple[str, bytes], str]]:
    """Yield the annotated answer of each question and image."""
    for question, annotation in zip(questions, annotations, strict=True):
        image = read_image(folder / f"{question['image_id']}.png")
        yield (question["question"], image.tobytes()), annotation["multiple_choice_answer"]


def scene_makers(world: World, folder: Path) -> Iterator[tuple[str, SceneMaker]]:
    """Yield, for each prompt of the folder, its text and what gives it a scene.

    GenEval's come last: of a text that comes twice, the scene must hold what is asked and no more.
    """
    for identifier, entry in read_json(folder / PROMPT_FILES["mjhq_fid"]).items():
        yield entry["prompt"], _alike(world, int(identifier))
    for name, rows in dpg.read_questions(folder / PROMPT_FILES["dpg"]).items():
        yield rows[0]["text"], _alike(world, int(name.removeprefix(DPG_ITEM)))
    for record in read_json(folder / PROMPT_FILES["wise"]):
        alone = {"tag": "single_object", "include": [{"class": record["target"], "count": 1}]}
        yield record["Prompt"], partial(fitting_scene, world, alone)
    for record in read_lines(folder / PROMPT_FILES["geneval"]):
        yield record["prompt"], partial(fitting_scene, world, record)


def _alike(world: World, index: int) -> SceneMaker:
    """Return what composes the objects of test scene `index` anew, each in its place."""
    scene = world.scene("test", index)
    return partial(world.compose, [(one.name, one.colour, one.place) for one in scene.placed])

"""The verbs of a benchmark whose images are judged: one step, or all three under one folder."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.registry import images_made_elsewhere

Step = Callable[[Namespace, Path], None]


@dataclass(frozen=True)
class Steps:
    """What a benchmark does with the options and a folder: `draw` and `score` get the folder that
    they write or read, `judge` the images and the folder that it writes.
    """

    draw: Step
    judge: Callable[[Namespace, Path, Path], None]
    score: Step

    def run(self, verb: str, options: Namespace) -> None:
        """Run `verb`; ValueError for drawing with a folder of images."""
        if verb == "generate":
            if images_made_elsewhere(options.model):
                raise ValueError(
                    "--model of generate must be one that draws, got a folder of images."
                )
            self.draw(options, options.out)
        elif verb == "judge":
            self.judge(options, options.images, options.out)
        elif verb == "score":
            self.score(options, options.records)
        else:
            self._run_all(options)

    def _run_all(self, options: Namespace) -> None:
        images = images_made_elsewhere(options.model)
        if images is None:
            images = options.out / "images"
            self.draw(options, images)
        self.judge(options, images, options.out / "records")
        self.score(options, options.out / "records")

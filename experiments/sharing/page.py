"""The page that compares two arms: both draw one prompt, both answer one question on one picture.

What an arm cannot do, it says in words beside the other's picture: a word that the world has not, a
task that it was not trained on.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio
import numpy as np
from PIL import Image, ImageOps

from benchmarks.protocol import Model, Request

SIDES = ("Left", "Right")
SHOWN_PIXELS = 288
SHARP = """
[data-testid] img, .image-frame img {
  image-rendering: pixelated; object-fit: contain !important;
  width: 100% !important; height: 100% !important;
}
"""


@dataclass(frozen=True)
class Arm:
    """`open` gives the model, which sees pictures of `pixels` x `pixels`; `tasks` it has learnt."""

    tasks: tuple[str, ...]
    pixels: int
    open: Callable[[], Model]


def comparison_page(arms: Mapping[str, Arm], title: str) -> tuple[gradio.Blocks, dict[str, Any]]:
    """The page, and how it is to look; a model is opened when it is first asked for something."""
    names = list(arms)
    with gradio.Blocks(title=f"Forkroad: {title}", analytics_enabled=False) as page:
        gradio.Markdown(f"# Forkroad\n{title}: two arms on the same prompt and picture.")
        with gradio.Row():
            chosen = [
                gradio.Dropdown(names, value=names[min(side, len(names) - 1)], label=label)
                for side, label in enumerate(SIDES)
            ]
        drawing_part(arms, chosen)
        answering_part(arms, chosen)
    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["monospace"]}  # none is fetched
    return page, {"theme": gradio.themes.Default(**fonts), "css": SHARP}


def drawing_part(arms: Mapping[str, Arm], chosen: list[gradio.Dropdown]) -> None:
    with gradio.Row():
        prompt = gradio.Textbox(label="Prompt", value="a photo of a dog", scale=4)
        seed = gradio.Number(label="Seed", value=0, precision=0, minimum=0)
        button = gradio.Button("Draw", variant="primary")
    with gradio.Row():
        columns = [drawn_column(label) for label in SIDES]

    def draw(text: str, number: int, *named: str) -> list[Any]:
        request = Request(typed(text), seed=int(number or 0))
        return [part for name in named for part in drawing(arms[name], request)]

    gradio.on(
        [button.click, prompt.submit],
        draw,
        [prompt, seed, *chosen],
        [part for column in columns for part in column],
    )


def drawn_column(label: str) -> tuple[gradio.Image, gradio.Textbox]:
    with gradio.Column():
        image = gradio.Image(
            label=f"{label} draws",
            height=SHOWN_PIXELS,
            format="png",
            interactive=False,
            buttons=["download"],
        )
        return image, gradio.Textbox(label=f"{label} says of drawing", interactive=False)


def answering_part(arms: Mapping[str, Arm], chosen: list[gradio.Dropdown]) -> None:
    with gradio.Row():
        picture = gradio.Image(label="Picture", height=SHOWN_PIXELS, sources=["upload"], buttons=[])
        with gradio.Column():
            question = gradio.Textbox(label="Question", value="Is there a dog?")
            button = gradio.Button("Ask", variant="primary")
            replies = [gradio.Textbox(label=f"{one} answers", interactive=False) for one in SIDES]

    def ask(text: str, image: np.ndarray | None, *named: str) -> list[str]:
        return [answer(arms[name], typed(text), image) for name in named]

    gradio.on([button.click, question.submit], ask, [question, picture, *chosen], replies)


def typed(text: str) -> str:
    """What a person types as the world writes it: `"Is it red?"` as `"is it red ?"`."""
    return " ".join(re.sub(r"([?.,])", r" \1 ", text.lower()).split())


def drawing(arm: Arm, request: Request) -> tuple[np.ndarray | None, str]:
    """The picture, or why there is none."""
    try:
        check_task(arm, "generate")
        return arm.open().generate([request])[0], ""
    except ValueError as error:
        return None, str(error)


def answer(arm: Arm, text: str, image: np.ndarray | None) -> str:
    """The answer, or why there is none; without a picture the question stands alone."""
    try:
        check_task(arm, "understand")
        images = () if image is None else (square(image, arm.pixels),)
        return arm.open().answer([Request(text, images=images)])[0]
    except ValueError as error:
        return str(error)


def check_task(arm: Arm, task: str) -> None:
    """Raises ValueError for a task that the arm was not trained on."""
    if task not in arm.tasks:
        raise ValueError(
            f"this arm must be trained to {task}, got {' and '.join(arm.tasks)} alone."
        )


def square(image: np.ndarray, pixels: int) -> np.ndarray:
    """The middle of a picture, uint8 `[pixels pixels 3]`."""
    fitted = ImageOps.fit(Image.fromarray(image).convert("RGB"), (pixels, pixels))
    return np.asarray(fitted)

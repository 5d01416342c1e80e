"""What the steps `prompts_<benchmark>` leave: the prompts for the scores, and few for the curve."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.prompt_files import ANNOTATIONS, PROMPT_FILES

FULL, SMALL = "full", "small"


def prompt_file(inputs: Mapping[str, Path], benchmark: str, part: str = FULL) -> Path:
    return inputs[f"prompts_{benchmark}"] / part / PROMPT_FILES[benchmark]


def annotation_file(inputs: Mapping[str, Path], part: str = FULL) -> Path:
    """The answers to VQA's questions."""
    return inputs["prompts_vqa"] / part / ANNOTATIONS

"""GenEval: are the objects there that the prompt names, as many, in their colours, where it says?

Ghosh et al. 2023 (arXiv 2310.11513). `prompts` reads the official metadata, `steps` draws and
judges the official layout, `rules` are the official evaluator's, `scoring` makes the metrics of
them, and `command` serves the command line.
"""

from benchmarks.geneval.rules import judge_image
from benchmarks.geneval.scoring import score
from benchmarks.geneval.steps import IMAGES_PER_PROMPT, generate, judge

__all__ = ["IMAGES_PER_PROMPT", "generate", "judge", "judge_image", "score"]

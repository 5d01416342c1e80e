"""Commonsense-T2I: two prompts that differ in one circumstance must give images that show it.

Fu et al. 2024 (COLM, arXiv 2406.07546): 150 pairs of prompts, each with what must be seen ("a
lightbulb without electricity", "The lightbulb is unlit"). An image supports the one of the pair's
two descriptions that it is more like; a pair of images is right if each supports its own. `pairs`
reads the data, `steps` draws and judges, `scoring` has the rule, `command` the command line.
"""

from benchmarks.commonsense_t2i.scoring import score
from benchmarks.commonsense_t2i.steps import IMAGES_PER_PROMPT, generate, judge

__all__ = ["IMAGES_PER_PROMPT", "generate", "judge", "score"]

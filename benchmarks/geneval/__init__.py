"""GenEval: are the objects there that the prompt names, as many, in their colours, where it says?

Ghosh et al. 2023 (arXiv 2310.11513). `prompts` reads the official metadata, `steps` draws and
judges the official layout, `scoring` makes the metrics by the official rules, and `command` serves
the command line. The rules stand in benchmarks/geneval_rules.py: others judge by them too.
"""

from benchmarks.geneval.scoring import score
from benchmarks.geneval.steps import IMAGES_PER_PROMPT, generate, judge

__all__ = ["IMAGES_PER_PROMPT", "generate", "judge", "score"]

"""WISE: prompts that allude to a thing by what is known of it, without its name.

Niu et al. 2025 (arXiv 2503.07265). `knowledge` draws prompts and scores a judge that says whether
the thing was drawn; `protocols` holds the two official protocols, `judging` asks a judge that reads
about a folder of images, `official` scores its replies, and `commands` serves the command line.
"""

from benchmarks.wise.knowledge import SCORES, WEIGHTS, generate, group, judge, score

__all__ = ["SCORES", "WEIGHTS", "generate", "group", "judge", "score"]

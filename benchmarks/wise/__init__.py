"""WISE: prompts that allude to a thing by what is known of it, without its name.

Niu et al. 2025 (arXiv 2503.07265). `knowledge` draws prompts and scores a judge that says whether
the thing was drawn; `protocols` holds the two official protocols, `judging` asks a judge that reads
about a folder of images, `official` scores its replies.
"""

from benchmarks.wise.commands import arguments, run_verb
from benchmarks.wise.judging import Judging, judge_folder
from benchmarks.wise.knowledge import SCORES, WEIGHTS, generate, group, judge, score
from benchmarks.wise.official import score_official
from benchmarks.wise.protocols import PROTOCOLS
from benchmarks.wise.wordings import Wording

__all__ = [
    "PROTOCOLS",
    "SCORES",
    "WEIGHTS",
    "Judging",
    "Wording",
    "arguments",
    "generate",
    "group",
    "judge",
    "judge_folder",
    "run_verb",
    "score",
    "score_official",
]

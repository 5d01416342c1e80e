"""DPG: dense prompts, each with a tree of yes-or-no questions about what it asks for.

Hu et al. 2024 (ELLA, arXiv 2403.05135). `questions` reads the official CSV, `steps` draws and
judges grids or single images, `scoring` has the paper's score and the official code's, and
`command` serves the command line.
"""

from benchmarks.dpg.questions import COLUMNS, read_questions, write_questions
from benchmarks.dpg.scoring import score, zero_dependents
from benchmarks.dpg.steps import generate, judge

__all__ = [
    "COLUMNS",
    "generate",
    "judge",
    "read_questions",
    "score",
    "write_questions",
    "zero_dependents",
]

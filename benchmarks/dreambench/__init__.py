"""DreamBench: the thing of a picture, drawn anew where a prompt says.

The data and measures of DreamBooth (Ruiz et al. 2023, arXiv 2208.12242): 30 subjects with four to
six pictures each, 25 prompts a subject, four images a prompt. A model is given one picture of the
subject with each prompt, as Kosmos-G (arXiv 2310.02992) and MetaQuery (arXiv 2504.06256) are.
`subjects` reads the data, `steps` draws and judges, `scoring` makes the measures, `command` serves
the command line.
"""

from benchmarks.dreambench.scoring import score
from benchmarks.dreambench.steps import IMAGES_PER_PROMPT, generate, judge

__all__ = ["IMAGES_PER_PROMPT", "generate", "judge", "score"]

"""Drawing from prompts that hold images: a picture again, an edit of it, a scene with its things.

Three benchmarks of one form, `reconstruction`, `editing` and `interleaved`, on the embedded world,
where it is known what the drawn image must show. `prompts` reads and writes the prompt files,
`steps` draws and judges, `scoring` compares the objects that a judge found with those asked for,
and `references` brackets the scores.
"""

from benchmarks.conditioned.scoring import score
from benchmarks.conditioned.steps import generate, judge

__all__ = ["generate", "judge", "score"]

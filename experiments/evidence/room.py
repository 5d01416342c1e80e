"""Whether a metric leaves a claim room to show.

Where both arms lie within the margin of the floor, or of the ceiling, no difference of the margin
can show between them, and that they are alike says nothing: a test of likeness needs a measure that
could have found a difference (assay sensitivity, ICH E10). Metrics of which less is better have no
such rows: the floor's images are real ones.
"""

from collections.abc import Sequence
from statistics import fmean

from experiments.evidence.collect import Gathered, Row
from experiments.planning.claims import Claim

AT_FLOOR, AT_CEILING = "at the floor", "at the ceiling"


def without_room(found: Gathered, claim: Claim) -> str | None:
    """AT_FLOOR or AT_CEILING where both arms are there, or None."""
    scores = [mean(found.final, arm, claim.metric) for arm in (claim.arm, claim.against)]
    floor, ceiling = (mean(found.brackets, row, claim.metric) for row in ("floor", "ceiling"))
    if None in scores:
        return None
    if floor is not None and max(scores) < floor + claim.margin:
        return AT_FLOOR
    return AT_CEILING if ceiling is not None and min(scores) > ceiling - claim.margin else None


def mean(rows: Sequence[Row], arm: str, metric: str) -> float | None:
    """An arm's mean over seeds; None without a score, or where less is better."""
    values = [one.value for one in rows if (one.arm, one.name) == (arm, metric)]
    rises = all(one.higher_is_better for one in rows if one.name == metric)
    return fmean(values) if values and rises else None

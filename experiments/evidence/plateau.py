"""The plateau rule: when a run has trained long enough to be judged.

A preset states by how much a score may still rise (`preset: {plateau: 0.02}`). The rule looks at
the last two token counts of the curve, so at the last fifth of training: an arm is at its plateau
where the mean over its seeds has risen by less than that. Training never stops by the rule: the
steps are the preset's, alike for every arm, and an arm that has not settled is *still training*. An
arm that is merged of others trains on no token of its own: it has no curve and nothing to settle.
"""

from experiments.evidence.collect import Gathered, Row
from experiments.planning.claims import Comparison


def has_settled(found: Gathered, pair: Comparison) -> bool:
    """Whether both arms are at their plateau on the metric; True where the preset states none."""
    allowed = found.plan.plateau
    if allowed is None:
        return True
    metric = metric_with_curve(found, pair.metric)
    trained = [arm for arm in (pair.arm, pair.against) if trains(found, arm)]
    rises = [last_rise(found.curve, arm, metric) for arm in trained]
    return all(rise is not None and rise < allowed for rise in rises)


def trains(found: Gathered, arm: str) -> bool:
    """Whether an arm has seen tokens beyond those of what it starts from."""
    summaries = found.summaries_of(arm)
    return not summaries or any(one["tokens"] > one.get("tokens_before", 0) for one in summaries)


def metric_with_curve(found: Gathered, metric: str) -> str:
    """The metric, or where it has no curve the first headline metric of its task that has one."""
    have = {row.name for row in found.curve}
    headlines = found.plan.suite["headline"].values()
    of_task = next((some for some in headlines if metric in some), [])
    return next((one for one in (metric, *of_task) if one in have), metric)


def last_rise(curve: list[Row], arm: str, metric: str) -> float | None:
    """How much better the arm's mean is at the last token count than at the one before.

    Oriented; seeds are averaged at the k-th count. None where a curve has fewer than two points.
    """
    by_seed: dict[int | None, list[Row]] = {}
    for row in sorted(curve, key=lambda one: one.tokens_seen or 0):
        if (row.arm, row.name) == (arm, metric):
            by_seed.setdefault(row.seed, []).append(row)
    if not by_seed or any(len(rows) < 2 for rows in by_seed.values()):
        return None
    rises = [(rows[-1].value - rows[-2].value) * rows[-1].sign for rows in by_seed.values()]
    return sum(rises) / len(rises)

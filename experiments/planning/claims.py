"""The claims that a suite names before any run; whatever is not claimed gets no verdict.

    claims:
      - id: fork_generates_better        # unique in the suite
        text: The fork draws better than the shared trunk.
        arm: unifork
        against: shared
        metric: geneval.overall.unseen   # a headline metric of the suite, without protocol
        margin: 0.05                     # differences inside it do not matter
        precondition: {arm: generate_only, against: shared, metric: geneval.overall.unseen}

A precondition is a difference that has to be clearly above zero, such as the conflict between the
tasks: control minus shared. A claim has two verdicts: `items` speaks of these checkpoints, `seeds`
of the architecture. `test` is `difference`, or `not_inferior` where the claim is that the arm is
not worse by the margin or more. `with_width` is what the claim expects of the difference as the
trunk widens (experiments/campaigns/ladder.py): falls, rises or holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from experiments.config import ConfigError

DIFFERENCE, NOT_INFERIOR = "difference", "not_inferior"
TESTS = (DIFFERENCE, NOT_INFERIOR)
MARGIN = 0.05
"""Of a metric from 0 to 1: differences inside it do not matter."""
TRENDS = ("falls", "rises", "holds")
IN_POINTS = ("dpg.", "mjhq.")
"""Metrics whose scale is not 0 to 1, by the start of their names: no usual margin fits them."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """An arm against another on a metric, oriented so that positive is better."""

    arm: str
    against: str
    metric: str


@dataclass(frozen=True, kw_only=True)
class Claim(Comparison):
    id: str
    text: str
    margin: float = MARGIN
    precondition: Comparison | None = None
    test: str = DIFFERENCE
    with_width: str = "holds"

    def __post_init__(self) -> None:
        for name, known in (("test", TESTS), ("with_width", TRENDS)):
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"claim {self.id}: {name} must be one of {', '.join(known)}, "
                    f"got {getattr(self, name)!r}."
                )
        if not isinstance(self.margin, int | float) or not 0 < self.margin < inf:
            raise ConfigError(
                f"claim {self.id}: margin must be a finite number above 0, got {self.margin!r}."
            )


def read_claims(values: Sequence[Mapping[str, Any]]) -> list[Claim]:
    """The claims of claims.yaml; raises ConfigError that names the claim and the field."""
    return [read_claim(one) for one in values]


def read_claim(values: Mapping[str, Any]) -> Claim:
    before = values.get("precondition")
    try:
        condition = Comparison(**before) if before else None
        return Claim(**{**values, "precondition": condition})
    except TypeError as error:
        reason = str(error).partition(" ")[2]
        raise ConfigError(f"claim {values.get('id', '?')}: {reason}.") from None


def check_claims(
    claims: Sequence[Claim], arms: Sequence[str], headline: Mapping[str, Sequence[str]]
) -> None:
    """Raises ConfigError for a claim about an arm that the suite lacks, an arm and itself or a
    metric that is not a headline one, an id used twice, or the usual margin of a metric whose scale
    it does not fit."""
    ids = [claim.id for claim in claims]
    metrics = [metric for some in headline.values() for metric in some]
    for claim in claims:
        for pair in pairs_of(claim):
            check_pair(claim.id, pair, metrics)
        if claim.margin == MARGIN and claim.metric.startswith(IN_POINTS):
            raise ConfigError(
                f"claim {claim.id}: margin must be given in the points of {claim.metric}, "
                f"got the usual {MARGIN}."
            )
        if ids.count(claim.id) > 1:
            raise ConfigError(
                f"claim {claim.id}: id must be unique, got it {ids.count(claim.id)} times."
            )
        for name in arms_of(claim):
            if name not in arms:
                known = ", ".join(arms)
                raise ConfigError(f"claim {claim.id}: arm must be one of {known}, got {name!r}.")


def check_pair(claim: str, pair: Comparison, metrics: Sequence[str]) -> None:
    """Raises ConfigError for an arm against itself, or a metric that is not one of `metrics` (of
    any name where there are none)."""
    if pair.arm == pair.against:
        raise ConfigError(f"claim {claim}: against must be another arm, got {pair.against!r}.")
    if not isinstance(pair.metric, str) or "@" in pair.metric:
        raise ConfigError(
            f"claim {claim}: metric must be a name without protocol, got {pair.metric!r}."
        )
    if metrics and pair.metric not in metrics:
        known = ", ".join(metrics)
        raise ConfigError(
            f"claim {claim}: metric must be one of suite.headline ({known}), got {pair.metric!r}."
        )


def arms_of(claim: Claim) -> tuple[str, ...]:
    """Every arm that a claim and its precondition name, each once."""
    pairs = pairs_of(claim)
    return tuple(dict.fromkeys(arm for pair in pairs for arm in (pair.against, pair.arm)))


def pairs_of(claim: Claim) -> list[Comparison]:
    """The claim, and its precondition where it has one."""
    return [claim, claim.precondition] if claim.precondition else [claim]


def claim_named(claims: Sequence[Claim], name: str) -> Claim:
    """The claim with this id; raises ConfigError that lists the ids there are."""
    for claim in claims:
        if claim.id == name:
            return claim
    known = ", ".join(claim.id for claim in claims) or "none"
    raise ConfigError(f"claim must be one of {known}, got {name!r}.")

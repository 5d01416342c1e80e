"""WISE's two protocols as their own code has them: ids of the categories, weights, reply parsers.

`legacy` is the paper's (Niu et al. 2025, arXiv 2503.07265): three scores from 0 to 2.
`verified` is that of WISE_Verified, the project's present default: drawn or not.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

CULTURE = range(1, 401)
IDS = range(1, 1001)
ASPECTS = {"consistency": 0.7, "realism": 0.2, "aesthetic_quality": 0.1}
"""The scores of the legacy protocol and their weights."""
HIGHEST = 2
FAILED = (9.9, 999)
"""What older versions of the official code write where a reply could not be read."""

NAMED = re.compile(
    r"(consistency|realism|aesthetic quality)\*{0,2}\s*[:\uff1a]?\s*(\d)", re.IGNORECASE
)
"""A name, perhaps in asterisks, and ONE digit: 1.5 is 1, 10 is 1, 3 passes; "**Realism:** 2" is
none, for the asterisks stand between colon and digit.
"""
BARE = re.compile(r"[0-2]")
THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
VERDICT = re.compile(r"score\s*[:\uff1a]\s*\**\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE)


def legacy_scores(reply: str) -> dict[str, float] | None:
    """Return the three scores of a reply, None if it lacks one.

    Named scores first, the last of a name; else the first three lines that are 0, 1 or 2 alone.
    """
    found = {name.lower().replace(" ", "_"): float(digit) for name, digit in NAMED.findall(reply)}
    if len(found) == len(ASPECTS):
        return {name: found[name] for name in ASPECTS}
    lines = [line.strip() for line in reply.splitlines()]
    bare = [float(line) for line in lines if BARE.fullmatch(line)]
    if len(bare) < len(ASPECTS):
        return None
    return dict(zip(ASPECTS, bare, strict=False))


def wiscore(scores: Mapping[str, float]) -> float:
    """Return (0.7 consistency + 0.2 realism + 0.1 aesthetic quality) / 2."""
    return sum(weight * scores[name] for name, weight in ASPECTS.items()) / HIGHEST


def verified_score(reply: str) -> int | None:
    """Return the 0 or 1 after "Score:" behind the judge's thoughts; None for anything else."""
    said = THOUGHT.sub("", reply).rpartition("</think>")[2]
    match = VERDICT.search(said)
    if match is None or float(match[1]) not in (0, 1):
        return None
    return int(float(match[1]))


def _legacy_value(record: Mapping[str, Any]) -> float | None:
    """Return the WiScore of a record, of its three scores or of its reply; None without a score.

    As officially, a number beyond 0 to 2 is not checked.
    """
    if "reply" in record:
        scores = legacy_scores(str(record["reply"]))
    else:
        scores = {name: record.get(name) for name in ASPECTS}
    if scores is None or any(not _is_number(value) for value in scores.values()):
        return None
    if any(value in FAILED for value in scores.values()):
        return None
    return wiscore({name: float(str(value)) for name, value in scores.items()})


def _verified_value(record: Mapping[str, Any]) -> float | None:
    """Return the 0 or 1 of a record, of its score or of its reply; None for any other."""
    found = verified_score(str(record["reply"])) if "reply" in record else record.get("score")
    return float(str(found)) if _is_number(found) and found in (0, 1) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


@dataclass(frozen=True)
class Protocol:
    """One of the two: whose judge, which ids and weight each category has, how a record counts."""

    name: str
    judge: str
    max_tokens: int
    categories: Mapping[str, range]
    weights: Mapping[str, float]
    value: Callable[[Mapping[str, Any]], float | None]

    def category(self, identifier: int) -> str:
        """Return the category that an id belongs to; ValueError if it is no id of WISE."""
        for name, ids in self.categories.items():
            if identifier in ids:
                return name
        raise ValueError(
            f"prompt_id must be a whole number from {IDS[0]} to {IDS[-1]}, got {identifier!r}."
        )


SCIENCES = ("biology", "physics", "chemistry")
LEGACY = Protocol(
    name="legacy",
    judge="gpt-4o-2024-05-13",
    max_tokens=2000,
    categories={
        "culture": CULTURE,
        "time": range(401, 568),
        "space": range(568, 701),
        "biology": range(701, 801),
        "physics": range(801, 901),
        "chemistry": range(901, 1001),
    },
    weights={"culture": 0.4, "time": 0.167, "space": 0.133, **dict.fromkeys(SCIENCES, 0.1)},
    value=_legacy_value,
)
VERIFIED = Protocol(
    name="verified",
    judge="Qwen3.5-35B-A3B",
    max_tokens=500,
    categories={
        "culture": CULTURE,
        "time": range(401, 521),
        "space": range(521, 641),
        "biology": range(641, 761),
        "physics": range(761, 881),
        "chemistry": range(881, 1001),
    },
    weights={"culture": 0.4, **dict.fromkeys(("time", "space", *SCIENCES), 0.12)},
    value=_verified_value,
)
PROTOCOLS = {protocol.name: protocol for protocol in (LEGACY, VERIFIED)}

"""`make claims-page` writes docs/claims.md: the papers' claims beside what was measured here."""

import argparse
from collections.abc import Sequence

from experiments.planning.sources import ROOT
from experiments.reporting.markdown import markdown_table
from experiments.reporting.paper_claims import (
    NOT_MEASURED,
    Interval,
    Measure,
    PaperClaim,
    Results,
    measures,
    read_paper_claims,
)
from experiments.store.markers import write_text

PAGE = ROOT / "docs" / "claims.md"
RESULTS = ROOT / "results"
INTRODUCTION = """\
# The papers' claims, as measured here

Written by `make claims-page` from `results/` and `experiments/reporting/paper_claims.yaml`; a test
compares it with what the generator writes.

## What this scale cannot show
"""
LEGEND = """\
## How to read the answers

The difference of a suite's claim is oriented, so that positive is better; it is the mean over seeds
with its 95% interval where there are five, and the difference of these checkpoints otherwise.
**reproduced** and **contradicted** follow from a verdict on the architecture, which needs five
seeds. Every other answer is the verdict's own word ([statistics.md](statistics.md)): *undecided:
seeds* has too few of them, *precondition absent* means that there was nothing to resolve, *at the
floor* that nothing could have shown. Figures of probes are description, in their own sign: *as
claimed*, *the other way* or *direction open*, over five seeds, and no verdict; `slope` is that of
the last third of the layers ([probes.md](probes.md)). *Claims edited since* stands beside a run of
a `claims.yaml` that has another hash today: the row is of the claims that the run recorded. A run
of a preset with a stamp (*not evidence*) answers nothing. What nothing has measured yet says so;
*no figure* says why a probe that ran has none, and what cannot be tested here says why.

## The claims
"""
HEADER = ("measured by", "run, seeds", "difference", "precondition", "these checkpoints", "answer")


def page(cannot_show: Sequence[str], claims: Sequence[PaperClaim], results: Results) -> str:
    """The page as Markdown."""
    limits = "\n".join(f"- {text}" for text in cannot_show)
    found = [(claim, measures(claim, results)) for claim in claims]
    parts = [f"{INTRODUCTION}\n{limits}\n", LEGEND, overview(found)]
    parts += [section(number, *one) for number, one in enumerate(found, start=1)]
    return "\n".join(parts)


def overview(found: Sequence[tuple[PaperClaim, Sequence[Measure]]]) -> str:
    rows = [
        (str(number), claim.text, claim.paper, answers(some))
        for number, (claim, some) in enumerate(found, start=1)
    ]
    return markdown_table(("", "claim", "paper", "answer"), rows)


def answers(some: Sequence[Measure]) -> str:
    """The answers of all entries of a claim, each once."""
    return "; ".join(dict.fromkeys(one.answer for one in some))


def section(number: int, claim: PaperClaim, some: Sequence[Measure]) -> str:
    lines = [f"### {number}. {claim.text}", "", f"Claimed by {claim.paper}.", ""]
    if claim.untestable:
        return "\n".join([*lines, f"Not testable here: {claim.untestable}", ""])
    lines += markdown_table(HEADER, map(measure_row, some)).splitlines()
    found = zip(claim.measured, some, strict=True)
    missing = [entry for entry, one in found if one.answer == NOT_MEASURED]
    suites = dict.fromkeys(entry["suite"] for entry in missing if "suite" in entry)
    if suites:
        commands = ", ".join(f"`make ablation-{suite} SEEDS=0,1,2,3,4`" for suite in suites)
        lines += ["", f"To measure it: {commands}, then `python -m experiments export`."]
    return "\n".join([*lines, ""])


def measure_row(one: Measure) -> tuple[str, ...]:
    run = f"{one.run}, {one.n_seeds}" if one.run else ""
    run += "; claims edited since" if one.edited else ""
    shown = (number_text(one.difference), number_text(one.precondition))
    return (one.source, run, *shown, one.items, one.answer)


def number_text(value: Interval | None) -> str:
    """A difference with its interval; empty where there is none."""
    return "{:+.3f} [{:+.3f}, {:+.3f}]".format(*value) if value else ""


def generated() -> str:
    """The page from what is committed."""
    return page(*read_paper_claims(), Results.read(RESULTS))


def main(arguments: list[str]) -> int:
    argparse.ArgumentParser(prog="python -m experiments claims-page").parse_args(arguments)
    write_text(PAGE, generated())
    print(PAGE.relative_to(ROOT))
    return 0

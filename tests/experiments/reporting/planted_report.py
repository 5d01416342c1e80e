"""What a report is made of, planted: a plan of cells, a row of scores, an empty page."""

from dataclasses import replace

import jinja2.meta

from experiments.evidence.collect import Row
from experiments.planning.plan import Cell, Plan, Request
from experiments.planning.suite import EXPERIMENTS
from tests.experiments import planted_scores

METRIC = "g.all@label"


def plan(*cells: Cell, seeds: tuple[int, ...] = (0,)) -> Plan:
    suite = {"control": "shared", "varies": ["model", "train.lr"], "match": "active"}
    return Plan(
        request=Request("toy", "tiny", seeds=seeds),
        suite={**suite, "headline": {"generate": ["g.all"]}},
        claims=(),
        claims_hash="0123456789abcdef0123",
        stamp="",
        expected_seconds={},
        schema="",
        cells=cells,
        steps={},
        configs={},
        units={},
    )


def cell(arm: str, seed: int = 0, **steps: str) -> Cell:
    return Cell(arm, seed, arm, ("generate",), (), "", steps)


def row(arm: str, value: float) -> Row:
    planted = planted_scores.row(arm, 0, value, name=METRIC)
    return replace(planted, n=40, judge="exact", git_commit="abc")


def blank_page() -> dict[str, object]:
    """Every value of the template, empty."""
    environment = jinja2.Environment()
    environment.filters["interval"] = str
    source = (EXPERIMENTS / "reporting" / "report.html").read_text()
    names = jinja2.meta.find_undeclared_variables(environment.parse(source))
    return {**{name: {} for name in names}, "claims_hash": ""}

"""One self-contained HTML page a suite: everything a reader needs to believe or doubt the table.

All text is escaped by the template engine; figures and drawings are embedded.
"""

import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from experiments.auditing.agreement import COLUMNS, read_audit
from experiments.config import flatten
from experiments.evidence.claims_record import read_record, when_recorded
from experiments.evidence.collect import Gathered
from experiments.evidence.conflict import conflict_statement, conflicts
from experiments.evidence.kinds import kind_metrics, kind_table
from experiments.evidence.scores import Standing, headline_metrics, interval_text
from experiments.evidence.verdicts import judge_claims
from experiments.planning.plan import Request
from experiments.probing.figures import probe_figures
from experiments.reporting import match_report
from experiments.reporting.answer import suite_answer
from experiments.reporting.claim_reasons import claim_reason
from experiments.reporting.figures import curve_plots, pareto_plot
from experiments.reporting.methods import methods
from experiments.reporting.picture_samples import picture_samples
from experiments.reporting.samples import sample_grid
from experiments.reporting.side_tables import SIDE_TABLES, side_rows
from experiments.store.markers import write_text
from experiments.store.steps import Store

PACKAGES = ("torch", "lightning", "transformers", "diffusers", "torchmetrics", "numpy")


def write_report(found: Gathered, store: Store, rows: Sequence[Standing], path: Path) -> None:
    """Writes the page to `path`."""
    write_text(path, render(page(found, store, rows)))


def render(values: dict[str, Any]) -> str:
    """The page; every value is escaped unless it is Markup of our own making."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["interval"] = interval_text
    return environment.get_template("report.html").render(values)


def page(found: Gathered, store: Store, rows: Sequence[Standing]) -> dict[str, Any]:
    """What the template shows."""
    plan, pareto, verdicts = found.plan, pareto_plot(found, rows), judge_claims(found)
    recorded = when_recorded(read_record(store.runs / plan.request.run))
    return {
        "suite": plan.request.suite,
        "preset": plan.request.preset,
        "seeds": list(plan.request.seeds),
        "stamp": plan.stamp,
        "question": plan.suite["question"],
        "control": plan.suite["control"],
        "rows": rows,
        "metrics": headline_metrics(found),
        "kinds": list(kind_metrics(found)),
        "kind_rows": kind_table(found, rows),
        "side_tables": [(one, side_rows(found, one)) for one in SIDE_TABLES],
        "answer": suite_answer(found, verdicts, rows),
        "verdicts": [(one, claim_reason(found, one)) for one in verdicts],
        "conflict": conflict_statement(conflicts(found)),
        "claims_hash": plan.claims_hash,
        "recorded": recorded,
        "pareto": Markup(pareto) if pareto else None,
        "curves": [Markup(svg) for svg in curve_plots(found)],
        "probes": probe_figures(found, store),
        "prompts": sample_grid(found, store),
        "picture_prompts": picture_samples(found, store),
        "arms": plan.arms,
        "match": plan.suite["match"],
        "match_rows": match_report.match_table(found, rows),
        "match_columns": [title for title, _ in match_report.COLUMNS.values()],
        "audit": read_audit(found, store),
        "audit_columns": COLUMNS,
        "protocols": protocols(found),
        "methods": methods(found, control_config(found), recorded),
        "config": json.dumps(control_config(found), indent=1),
        "commits": sorted({row.git_commit for row in found.rows if row.git_commit}),
        "machine": machine(plan.request),
    }


def protocols(found: Gathered) -> list[tuple[str, dict[str, Any]]]:
    """Each benchmark's protocol, flat, as the first arm was scored under it."""
    first: dict[str, dict[str, Any]] = {}
    for row in found.final:
        first.setdefault(row.benchmark, dict(flatten(found.protocols[row.protocol])))
    return list(first.items())


def control_config(found: Gathered) -> Any:
    plan = found.plan
    cells = plan.cells_of(plan.suite["control"]) or plan.cells
    return plan.configs[cells[0].config]


def machine(request: Request) -> str:
    """What the numbers were made on, without naming the machine."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{platform.system()} {platform.machine()}, models on {request.device}, "
        f"{request.threads} thread(s) a process, "
        f"Python {platform.python_version()}, {packages}"
    )

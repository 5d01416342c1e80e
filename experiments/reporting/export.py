"""Copies a run's small files into `results/<name>`, to be committed: tables, scores, report.

The long table is packed: a suite of nine arms has 0.7 MB of it.
The claims are judged again, from the plan that the run was made by: its steps are found whatever
the code has become since.
"""

import argparse
import gzip
import json
import shutil
from pathlib import Path

from experiments.config import ConfigError
from experiments.evidence.collect import LONG, OUTPUTS, PROTOCOLS, gather
from experiments.finished_runs import read_plan
from experiments.plan import Plan
from experiments.probing.tables import FILE as PROBES
from experiments.probing.tables import probe_rows
from experiments.reporting.claims_table import FILE as CLAIMS
from experiments.reporting.claims_table import claims_csv
from experiments.reporting.paper_claims import probe_entries
from experiments.reporting.results import find_run
from experiments.sources import ROOT
from experiments.steps import Store

LIMIT_BYTES = 1_000_000


def export(folder: Path, target: Path) -> None:
    """Copies the outputs and the scores of every cell in place of what `target` held.

    Raises ConfigError, and writes nothing, above LIMIT_BYTES.
    """
    names = (*OUTPUTS, "leaderboard.tex", PROTOCOLS)
    files = {name: (folder / name).read_bytes() for name in names}
    files[f"{LONG}.gz"] = gzip.compress(files.pop(LONG), mtime=0)
    plan, store = read_plan(folder.parent, folder.name), Store(folder.parent)
    files[CLAIMS] = claims_csv(gather(plan, store), store).encode()
    lines = (json.dumps(row) + "\n" for row in probe_rows(plan, store, probe_entries()))
    files[PROBES] = "".join(lines).encode()
    found = json.dumps(scores(plan, store), separators=(",", ":"))
    files["scores.json"] = found.encode() + b"\n"
    size = sum(map(len, files.values()))
    if size > LIMIT_BYTES:
        listed = ", ".join(f"{name} {len(content)}" for name, content in files.items())
        raise ConfigError(f"{target} must take at most {LIMIT_BYTES} bytes, got {size}: {listed}.")
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    for name, content in files.items():
        (target / name).write_bytes(content)


def scores(plan: Plan, store: Store) -> dict[str, dict]:
    """What training and each benchmark left of a cell: `{"unifork, seed 0": {"train": …}}`."""
    found: dict[str, dict] = {}
    for cell in plan.cells:
        small = found.setdefault(cell.label, {})
        for name, folder in cell.steps.items():
            file = "summary.json" if name == "train" else "results.json"
            if name == "train" or name.startswith("score_"):
                small[name] = json.loads((store.path(folder) / file).read_text())
                small[name].pop("protocol", None)  # protocols.json has it
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments export")
    parser.add_argument("--run", default="architectures-cpu")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--name", default="reference", help="the folder below results/")
    options = parser.parse_args(arguments)
    target = ROOT / "results" / options.name
    export(find_run(options.run, options.runs), target)
    print(target)
    return 0

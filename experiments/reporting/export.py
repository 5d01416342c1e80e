"""Copies a run's small files into `results/<name>`, to be committed: tables, scores, report.

The long table is packed: a suite of nine arms has 0.7 MB of it.
The claims are judged again, from the plan that the run was made by: its steps are found whatever
the code has become since.
"""

import argparse
import gzip
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from experiments.config import ConfigError
from experiments.evidence.collect import LONG, OUTPUTS, PROTOCOLS, gather
from experiments.options import run_options
from experiments.planning.finished_runs import read_plan
from experiments.planning.plan import Plan
from experiments.planning.sources import ROOT
from experiments.probing.tables import PROBE_ROWS, probe_rows
from experiments.reporting.claims_table import CLAIMS, claims_csv
from experiments.reporting.paper_claims import probe_entries
from experiments.reporting.results import find_run
from experiments.store.steps import Store

LIMIT_BYTES = 1_000_000
NAME = re.compile(r"\w([\w.-]*\w)?")


def export(folder: Path, target: Path) -> None:
    """Copies the outputs and the scores of every cell in place of what `target` held.

    Raises ConfigError, and writes nothing, above LIMIT_BYTES and where files of the run are gone.
    """
    plan, store = read_plan(folder.parent, folder.name), Store(folder.parent)
    steps = {
        one: f"{name} of {cell.label}" for cell in plan.cells for name, one in cell.steps.items()
    }
    if gone := [said for one, said in steps.items() if not store.is_done(one)]:
        raise ConfigError(
            f"{folder} must have every step finished, got no {gone[0]}; run it again."
        )
    names = (*OUTPUTS, "leaderboard.tex", PROTOCOLS)
    if missing := [name for name in names if not (folder / name).exists()]:
        raise ConfigError(f"{folder / missing[0]} must exist, got no such file; run it again.")
    files = {name: (folder / name).read_bytes() for name in names}
    files[f"{LONG}.gz"] = gzip.compress(files.pop(LONG), mtime=0)
    files[CLAIMS] = claims_csv(gather(plan, store), store).encode()
    lines = (json.dumps(row) + "\n" for row in probe_rows(plan, store, probe_entries()))
    files[PROBE_ROWS] = "".join(lines).encode()
    found = json.dumps(scores(plan, store), separators=(",", ":"))
    files["scores.json"] = found.encode() + b"\n"
    size = sum(map(len, files.values()))
    if size > LIMIT_BYTES:
        listed = ", ".join(f"{name} {len(content)}" for name, content in files.items())
        raise ConfigError(f"{target} must take at most {LIMIT_BYTES} bytes, got {size}: {listed}.")
    replace_folder(target, files)


def replace_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Puts the files in place of the folder `target`, which stays as it was if that fails."""
    new, old = (target.with_name(f".{target.name}.{kind}.{os.getpid()}") for kind in ("new", "old"))
    try:
        new.mkdir(parents=True)
        for name, content in files.items():
            (new / name).write_bytes(content)
        if target.exists():
            target.rename(old)
        new.rename(target)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


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


def target_folder(name: str) -> Path:
    """The folder of a name below results/; ConfigError for a name that could lead elsewhere."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            "--name must be one folder's name of letters, digits, '_' and, within, '.' or '-', "
            f"got {name!r}."
        )
    target = ROOT / "results" / name
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ConfigError(f"--name must be that of a folder or new, got {target}.")
    return target


def run_folder(name: str, runs: Path) -> Path:
    """The folder of a run below `runs`; ConfigError for one that is only committed, or none."""
    if name and (runs / name / "leaderboard.md").exists():
        return runs / name
    committed = find_run(name, runs)
    raise ConfigError(f"--run must be a run below {runs}, got the committed {committed}.")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments export")
    run_options(parser)
    parser.add_argument("--name", default="reference", help="the folder below results/")
    options = parser.parse_args(arguments)
    target = target_folder(options.name)
    export(run_folder(options.run, options.runs), target)
    print(target)
    return 0

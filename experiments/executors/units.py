"""The process that runs one unit of a plan: a cell, or artifacts that cells share.

It runs the unit's steps in order, each through the step engine, so a finished one costs nothing.
What goes wrong is written where the runner finds it, and the process ends with the runner if that
is killed.
"""

import argparse
import json
import logging
import os
import re
import threading
import time
from pathlib import Path

from experiments.config import view
from experiments.planning.plan import Plan, cell_config, plan_from_json
from experiments.store.markers import write_json
from experiments.store.steps import StepError, Store


def slug(name: str) -> str:
    """A file name for a unit."""
    return re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")


def failure_path(folder: Path, unit: str) -> Path:
    return folder / "failures" / f"{slug(unit)}.json"


def run_unit(plan: Plan, unit: str, runs: Path) -> None:
    """Runs the unit's steps; raises what the first failing step raises, after recording it."""
    store = Store(runs)
    for folder in plan.units[unit]:
        step = plan.steps[folder]
        try:
            if not store.is_done(folder):
                store.run(step, view(cell_config(plan, step), step.parts))
        except Exception as error:
            message = str(error) if isinstance(error, StepError | ValueError) else repr(error)
            record = {"step": step.name, "message": message}
            write_json(failure_path(runs / plan.request.run, unit), record)
            raise


def end_with_parent() -> None:
    """Ends this process when the runner is gone: no lock may outlive a killed ablation."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments cell")
    parser.add_argument("plan", type=Path)
    parser.add_argument("unit")
    parser.add_argument("runs", type=Path)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    end_with_parent()
    run_unit(plan_from_json(json.loads(options.plan.read_text())), options.unit, options.runs)
    return 0

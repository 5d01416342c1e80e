"""Holds a run to the claims that it began with: `claims_record.json` in the run's folder.

It has the hash of claims.yaml, the claims and when they were recorded, and how many of the run's
cells were trained already at that time (cells may be shared with a suite that ran before). Claims
that were edited afterwards are refused.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.config import ConfigError
from experiments.markers import write_json
from experiments.plan import Plan
from experiments.steps import Store

RECORD = "claims_record.json"


def hold_to_claims(plan: Plan, store: Store) -> None:
    """Records the claims of a run that has none recorded; raises ConfigError if they changed."""
    folder = store.runs / plan.request.run
    record = read_record(folder)
    if record is None:
        write_json(folder / RECORD, new_record(plan, store))
    elif record["sha256"] != plan.claims_hash:
        raise ConfigError(
            f"suites/{plan.request.suite}/claims.yaml must stay as it was when {folder} began "
            f"(sha256 {record['sha256'][:16]}…, {record['recorded']}), got {plan.claims_hash[:16]}…"
            ". Undo the edit, or run the new claims in another folder with --runs and seeds that "
            "no run has used."
        )


def read_record(folder: Path) -> dict[str, Any] | None:
    """What was recorded in a run's folder, or None."""
    try:
        return json.loads((folder / RECORD).read_text())
    except FileNotFoundError:
        return None


def new_record(plan: Plan, store: Store) -> dict[str, Any]:
    trained = sum(store.exists(cell.steps["train"]) for cell in plan.cells)
    return {
        "sha256": plan.claims_hash,
        "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
        "cells": len(plan.cells),
        "cells_trained_before": trained,
        "claims": list(plan.claims),
    }

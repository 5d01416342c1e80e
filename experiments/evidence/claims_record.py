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
UNRECORDED = "at a time that is not known"


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
    """What was recorded in a run's folder, or None; raises ConfigError where it is damaged."""
    try:
        return json.loads((folder / RECORD).read_text())
    except FileNotFoundError:
        return None
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{folder / RECORD} must be what the run recorded of its claims, got text that is not "
            f"JSON ({error}). Restore it, or run in another folder with --runs."
        ) from None


def when_recorded(record: dict[str, Any] | None) -> str:
    """When the claims were recorded, as a sentence goes on."""
    if record is None:
        return UNRECORDED
    trained, cells = record["cells_trained_before"], record["cells"]
    if not trained:
        return "before any cell was trained"
    return f"when {trained} of {cells} cells had been trained"


def new_record(plan: Plan, store: Store) -> dict[str, Any]:
    trained = sum(store.exists(cell.steps["train"]) for cell in plan.cells)
    return {
        "sha256": plan.claims_hash,
        "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
        "cells": len(plan.cells),
        "cells_trained_before": trained,
        "claims": list(plan.claims),
    }

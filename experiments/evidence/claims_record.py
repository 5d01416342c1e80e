"""Holds a run to the claims that it began with: `claims_record.json` in the run's folder.

It has the hash of claims.yaml, the claims and when they were recorded, what else their verdicts
hang on, and which cells the run has asked for and how many of those were trained already when it
first did (cells may be shared with a suite that ran before). Edits made afterwards are refused.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.config import ConfigError
from experiments.planning.plan import Plan
from experiments.store.markers import write_json
from experiments.store.steps import Store

RECORD = "claims_record.json"
UNRECORDED = "at a time that is not known"
WAY_OUT = (
    "Undo the edit, or run the new claims in another folder with --runs and seeds that no run has "
    "used."
)


def hold_to_claims(plan: Plan, store: Store) -> None:
    """Records the claims of a run that has none recorded, and the cells that it asks for; raises
    ConfigError if the claims changed, or what else their verdicts hang on."""
    folder = store.runs / plan.request.run
    record = read_record(folder)
    if record is None:
        record = new_record(plan)
    if record["sha256"] != plan.claims_hash:
        raise ConfigError(
            f"suites/{plan.request.suite}/claims.yaml must stay as it was when {folder} began "
            f"(sha256 {record['sha256'][:16]}…, {record['recorded']}), got {plan.claims_hash[:16]}…"
            f". {WAY_OUT}"
        )
    known, settings = record.get("settings", {}), verdict_settings(plan)
    for name, value in settings.items():
        if known.get(name, value) != value:
            raise ConfigError(
                f"{name} must stay as it was when {folder} began ({known[name]}, "
                f"{record['recorded']}): verdicts hang on it, got {value}. {WAY_OUT}"
            )
    held = with_cells({**record, "settings": {**known, **settings}}, plan, store)
    if held != record:
        write_json(folder / RECORD, held)


def verdict_settings(plan: Plan) -> dict[str, Any]:
    """What a verdict hangs on beside the claims and the scores, by the name that the files give."""
    suite, of = plan.suite, f"suites/{plan.request.suite}"
    settings = {
        f"{of}/base.yaml: suite.control": suite["control"],
        f"{of}/base.yaml: suite.headline": suite["headline"],
        f"presets/{plan.request.preset}.yaml: preset.plateau": plan.plateau,
    }
    inherits = {f"{of}/{cell.arm}.yaml: arm.inherits": cell.inherits for cell in plan.cells}
    return json.loads(json.dumps({**settings, **inherits}))  # as it will be read


def with_cells(record: Mapping[str, Any], plan: Plan, store: Store) -> dict[str, Any]:
    """The record with the trainings that the plan asks for for the first time.

    A cell counts once, as trained before if any of its trainings was. A record that only counts its
    cells is taken to have counted the plan's, unless it counted more.
    """
    trainings = {cell.label: cell.steps["train"] for cell in plan.cells}
    if "cells" in record and "asked" not in record:
        if len(trainings) < record["cells"]:
            return dict(record)
        asked = {label: [folder] for label, folder in trainings.items()}
        return {**record, "cells": len(asked), "asked": asked, "trained_before": []}
    asked, named = dict(record.get("asked", {})), set(record.get("trained_before", ()))
    fresh = {one: folder for one, folder in trainings.items() if folder not in asked.get(one, ())}
    found = {label for label, folder in fresh.items() if store.exists(folder)} - named
    asked |= {label: [*asked.get(label, ()), folder] for label, folder in fresh.items()}
    trained = record.get("cells_trained_before", 0) + len(found)
    return {
        **record,
        "cells": len(asked),
        "cells_trained_before": min(trained, len(asked)),
        "asked": asked,
        "trained_before": sorted(named | found),
    }


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


def new_record(plan: Plan) -> dict[str, Any]:
    """The claims, before the cells that they are about."""
    return {
        "sha256": plan.claims_hash,
        "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
        "claims": list(plan.claims),
    }

"""What a run is trained with, kept beside it, so that nobody goes on with it by another config."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.config import ConfigError
from experiments.store.markers import write_json

CONFIG = "config.json"


def keep_config(out: Path, values: Mapping[str, Any], begun: bool) -> None:
    """Writes the config of a run. Raises ConfigError, which names the parts that differ, where the
    run has `begun` with another."""
    path, asked = out / CONFIG, json.loads(json.dumps(values))
    if begun and path.exists():
        found = json.loads(path.read_text())
        other = [name for name in {**asked, **found} if found.get(name) != asked.get(name)]
        if other:
            raise ConfigError(
                f"{path} must hold what the run began with, got other values of {', '.join(other)}."
            )
    write_json(path, asked)

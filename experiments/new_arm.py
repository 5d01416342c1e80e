"""Starts an architecture of your own: `make new-arm NAME=x_shape SUITES=architectures`.

Writes `models/<name>.py`, which trains as it is (it equals `shared`), and in each suite an arm's
YAML. Everything else finds them: laws, size matching, tuning, probes, placebos, reports.
"""

import argparse
import keyword
import re
from collections.abc import Sequence
from pathlib import Path

import jinja2

from experiments.config import ConfigError
from experiments.planning.sources import ROOT
from experiments.planning.suite import load_suite
from experiments.store.markers import write_text

TEMPLATE = "new_arm.py.jinja"
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
VARIED = {"model", "model.name"}


def write_arm(name: str, suites: Sequence[str], root: Path = ROOT) -> list[Path]:
    """Writes the arm's files below `root` and returns them.

    Raises ConfigError, and writes nothing, for a name that cannot be a module's, for a file that is
    there, and for a suite that is unknown or does not compare architectures.
    """
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(f"NAME must be lower_case words of letters and digits, got {name!r}.")
    files = {root / "models" / f"{name}.py": architecture_source(name)}
    for suite in suites:
        path = root / "experiments" / "suites" / suite / f"{name}.yaml"
        files[path] = arm_yaml(name, suite, root / "experiments")
    for path in files:
        if path.exists():
            raise ConfigError(f"{path.relative_to(root)} must be new, got a file that is there.")
    for path, text in files.items():
        write_text(path, text)
    return list(files)


def architecture_source(name: str) -> str:
    """The file of an architecture that equals `shared` until it is changed."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template(TEMPLATE).render(name=name, kind=class_name(name))


def class_name(name: str) -> str:
    """`x_shape` as `XShape`."""
    return "".join(word.capitalize() for word in name.split("_"))


def arm_yaml(name: str, suite: str, root: Path) -> str:
    varies = load_suite(suite, root).config.varies
    if not VARIED & set(varies):
        raise ConfigError(f"suite {suite} must vary model, got {', '.join(varies)}.")
    return f"# {class_name(name)}, as models/{name}.py describes it.\nmodel: {{name: {name}}}\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments new-arm")
    parser.add_argument("name", help="of the file, the class and the config: x_shape")
    parser.add_argument("--suites", default="architectures", help="comma-separated")
    options = parser.parse_args(arguments)
    suites = [one for one in options.suites.split(",") if one]
    for path in write_arm(options.name, suites):
        print(path.relative_to(ROOT))
    print(f"Next: docs/new-arm.md; .venv/bin/python -m pytest tests/models -k {options.name}")
    return 0

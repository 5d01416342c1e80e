"""Writes the README's result table from the committed reference run."""

import argparse

from experiments.config import ConfigError
from experiments.planning.sources import ROOT
from experiments.reporting.leaderboard import KINDS
from experiments.store.markers import write_text

START, END = "<!-- results: make readme-table -->", "<!-- end of results -->"


def with_table(readme: str, table: str) -> str:
    """The README with `table`, without that by kind of question, between its two marks; raises
    ConfigError if a mark is missing."""
    head, start, rest = readme.partition(START)
    _, end, tail = rest.partition(END)
    if not start or not end:
        raise ConfigError(f"README.md must hold {START} and {END}.")
    return f"{head}{START}\n{table.partition(KINDS)[0].strip()}\n{END}{tail}"


def main(arguments: list[str]) -> int:
    argparse.ArgumentParser(prog="python -m experiments readme-table").parse_args(arguments)
    readme, table = ROOT / "README.md", ROOT / "results" / "reference" / "leaderboard.md"
    if not table.exists():
        raise ConfigError(f"{table.relative_to(ROOT)} must exist; make it with export.")
    write_text(readme, with_table(readme.read_text(), table.read_text()))
    return 0

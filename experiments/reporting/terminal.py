"""The tables of a run in a terminal: where it is narrow, cells are wrapped and nothing is cut."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markdown import Markdown, TableElement
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

LAST = 20
"""What the last column, a verdict's, may be wrapped to before the others are."""


class FittedTable(TableElement):
    """Rich's table of a Markdown text, which would shorten `frozen_bridge` to `frozen_b…`."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        for table in super().__rich_console__(console, options):
            assert isinstance(table, Table)
            *others, last = table.columns
            table.padding, last.max_width, last.overflow = 0, LAST, "fold"
            unbounded = options.update(max_width=10_000)
            if Measurement.get(console, unbounded, table).maximum > options.max_width:
                for column in others:
                    column.header = parted(column.header)
                    column.overflow = "fold"
                    column.max_width = max(map(len, words(column)))
            others[0].no_wrap, last.max_width = True, None
            yield table


def parted(heading: RenderableType) -> Text:
    """A heading with a line for each part of a metric's dotted name."""
    assert isinstance(heading, Text)
    return Text(heading.plain.replace(".", ".\n"), heading.style)


def words(column: Column) -> list[str]:
    """The words of a column, its heading's among them; they stand whole."""
    cells = (column.header, *column.cells)
    return ["", *(word for cell in cells for word in str(cell).split())]


class RunTables(Markdown):
    elements: ClassVar = {**Markdown.elements, "table_open": FittedTable}


def print_tables(console: Console, folder: Path) -> None:
    console.print(RunTables((folder / "leaderboard.md").read_text()))

"""What goes to stdout: tables for people or one JSON object, and nothing that libraries print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.core.clock import format_time
from app.language import tr

# Where there is less room, the two halves of a cell stand below each other.
_ONE_LINE_WIDTH = 120
# Of a file or pipe, which has none of its own.
_ENDLESS_WIDTH = 200

# A text, or two halves with what stands between them on one line.
Cell = str | tuple[str, str, str]


class AnswerTable:
    """A table on stdout, readable at 80 columns.

    Args:
        title: above it.
        columns: their headings.
        right: the headings of those with numbers, which end at the same place.
        folding: the headings of those that give way where there is too little room.
    """

    def __init__(
        self, title: str, columns: Iterable[Cell], right: Iterable[str], folding: Iterable[str] = ()
    ) -> None:
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=_ENDLESS_WIDTH)
        self._table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
        for heading in columns:
            first = heading if isinstance(heading, str) else heading[0]
            self._table.add_column(
                self._text(heading),
                justify="right" if first in right else "left",
                no_wrap=first not in folding,
                overflow="fold",
            )

    def add(self, *cells: Cell) -> None:
        """Adds a row."""
        self._table.add_row(*map(self._text, cells))

    def print(self, *lines: str) -> None:
        """Prints it unless it is empty, and lines of text below it."""
        if self._table.row_count:
            self._console.print(self._table)
        for line in lines:
            self._console.print(Text(line))

    def _text(self, cell: Cell) -> Text:
        if isinstance(cell, str):
            return Text(cell)
        first, between, second = cell
        return Text(first + ("\n" if self._console.width < _ONE_LINE_WIDTH else between) + second)


def box_cell(box: Iterable[float]) -> Cell:
    """x1,y1,x2,y2 in whole pixels."""
    left, top, right, bottom = (f"{side:.0f}" for side in box)
    return f"{left},{top},", "", f"{right},{bottom}"


def time_cell(moment: datetime | None, zone: ZoneInfo) -> Cell:
    """Local date and time of day."""
    if moment is None:
        return tr("unknown")
    date, _, clock = format_time(moment, zone).partition(" ")
    return date, " ", clock


def print_json(answer: dict[str, Any]) -> None:
    """The one JSON object; in ASCII, so that no terminal's encoding can spoil it."""
    sys.stdout.write(json.dumps(answer, indent=1, allow_nan=False) + "\n")


@contextmanager
def chatter_on_stderr() -> Iterator[None]:
    """What libraries print to stdout meanwhile goes to stderr, what native code writes too."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)

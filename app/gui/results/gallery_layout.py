"""Where headings and tiles lie: tiles in equal columns, a heading across all of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize


@dataclass(frozen=True, slots=True)
class Line:
    """Rows beside each other.

    Attributes:
        first: the first of them.
        count: how many there are.
        is_heading: whether it is one heading.
    """

    first: int
    count: int
    is_heading: bool


class GalleryLayout:
    """Places of rows, in pixels from the top left of all.

    Args:
        headings: of each row, whether it is a heading.
        columns: tiles in a line.
        tile: size of a tile.
        heading_px: height of a heading.
    """

    def __init__(
        self, headings: Sequence[bool], columns: int, tile: QSize, heading_px: int
    ) -> None:
        self.tile, self.columns = tile, columns
        self._heading_px = heading_px
        self._lines: list[Line] = []
        self._tops: list[int] = []
        self._line_of: list[int] = []
        self.height_px = 0
        row = 0
        while row < len(headings):
            count = 1
            if not headings[row]:
                while count < columns and row + count < len(headings) and not headings[row + count]:
                    count += 1
            self._line_of += [len(self._lines)] * count
            self._lines.append(Line(row, count, headings[row]))
            self._tops.append(self.height_px)
            self.height_px += heading_px if headings[row] else tile.height()
            row += count

    def rect(self, row: int) -> QRect:
        """Of a row; empty where there is none."""
        if not 0 <= row < len(self._line_of):
            return QRect()
        number = self._line_of[row]
        line, top = self._lines[number], self._tops[number]
        if line.is_heading:
            return QRect(0, top, self.tile.width() * self.columns, self._heading_px)
        left = (row - line.first) * self.tile.width()
        return QRect(left, top, self.tile.width(), self.tile.height())

    def row_at(self, x_px: int, y_px: int) -> int | None:
        """Which row is there."""
        number = self._line_at(y_px)
        if number is None or not 0 <= x_px < self.tile.width() * self.columns:
            return None
        line = self._lines[number]
        if line.is_heading:
            return line.first
        place = x_px // max(1, self.tile.width())
        return line.first + place if place < line.count else None

    def between(self, top_px: int, bottom_px: int) -> range:
        """The rows that are, even partly, there."""
        if not self._lines or bottom_px < 0 or top_px >= self.height_px:
            return range(0)
        first = self._lines[self._line_at(max(0, top_px)) or 0]
        last = self._lines[self._line_at(min(bottom_px, self.height_px - 1)) or 0]
        return range(first.first, last.first + last.count)

    def beside(self, row: int, lines: int) -> int:
        """The row so many lines below (above: below 0), in the same column if there is one."""
        number = self._line_of[row]
        line = self._lines[number]
        target = self._lines[min(max(0, number + lines), len(self._lines) - 1)]
        return target.first + min(row - line.first, target.count - 1)

    def lines_in(self, height_px: int) -> int:
        """How many lines of tiles a page has, at least one."""
        return max(1, height_px // max(1, self.tile.height()))

    def _line_at(self, y_px: int) -> int | None:
        if not 0 <= y_px < self.height_px:
            return None
        return bisect_right(self._tops, y_px) - 1

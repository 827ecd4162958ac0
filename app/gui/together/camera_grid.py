"""The main frame with the other cameras below it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.gui.together.camera_cell import CameraCell
from app.gui.together.together_session import CellShown
from app.gui.widgets.theme import UNIT_PX

COLUMNS = {1: 1, 4: 3, 9: 4}
"""By the number of cameras that are seen at once: how many of the others stand in a row."""


class CameraGrid(QWidget):
    """Holds the main frame; below it are as many other cameras as are wanted.

    Args:
        main: shows the main camera.

    Signals:
        chosen: id of the video of another camera that was clicked, and the time shown of it.
    """

    chosen = Signal(int, float)

    def __init__(self, main: QWidget) -> None:
        super().__init__()
        self.setObjectName("cameraGrid")
        self._cells: list[CameraCell] = []
        self._others = QWidget()
        self._others.setObjectName("otherCameras")
        self._grid = QGridLayout(self._others)
        self._grid.setContentsMargins(0, UNIT_PX, 0, 0)
        self._grid.setSpacing(UNIT_PX)
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._splitter.setChildrenCollapsible(False)
        self._main = QStackedWidget()
        self._main.addWidget(main)
        self._splitter.addWidget(self._main)
        self._splitter.addWidget(self._others)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._splitter)
        self.set_count(1)

    def add_page(self, page: QWidget) -> None:
        """Takes a widget that may be seen in the place of the main frame."""
        self._main.addWidget(page)

    def show_page(self, page: QWidget | None) -> None:
        """Shows a page in the place of the main frame, or the frame again."""
        if page is None:
            self._main.setCurrentIndex(0)
        else:
            self._main.setCurrentWidget(page)

    @property
    def cells(self) -> list[CameraCell]:
        """Those beside the main one, row by row."""
        return self._cells

    def set_count(self, cameras: int) -> None:
        """Shows so many cameras at once: a key of `COLUMNS`."""
        while len(self._cells) > cameras - 1:
            cell = self._cells.pop()
            self._grid.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        while len(self._cells) < cameras - 1:
            cell = CameraCell(self._others)
            cell.chosen.connect(self.chosen)
            self._cells.append(cell)
        for place, cell in enumerate(self._cells):
            self._grid.addWidget(cell, *divmod(place, COLUMNS[cameras]))
        self._others.setVisible(cameras > 1)
        rows = max(1, (cameras - 1) // COLUMNS[cameras])
        self._splitter.setSizes([300, 100 + 60 * rows])

    def use(self, cells: int, otherwise: str) -> None:
        """Shows so many cells; where there are none, a sentence."""
        for place, cell in enumerate(self._cells):
            cell.setVisible(place < max(1, cells))
        if self._cells and not cells:
            self._cells[0].clear(otherwise)

    def show_cell(self, shown: CellShown, zone: ZoneInfo) -> None:
        """Shows what one of the other cameras recorded."""
        if shown.place < len(self._cells):
            self._cells[shown.place].show_cell(shown, zone)

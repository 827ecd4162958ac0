"""The days with footage as a list, from which one is shown or searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from babel.dates import format_date
from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.gui.hit_text import count_text, video_time_text
from app.gui.widgets import theme
from app.gui.widgets.labels import wrapped_label
from app.gui.widgets.problem_dialog import ProblemDialog
from app.language import language, tr

if TYPE_CHECKING:
    from app.services.route.days import Day

_SIZE_PX = (440, 420)


class DaysDialog(ProblemDialog):
    """A row for each day.

    Signals:
        shown: the Day that the timeline is to show.
        searched: the Day that is to be searched only.

    Args:
        parent: over which window.
    """

    shown = Signal(object)
    searched = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("days", tr("Days with footage"), parent)
        self._days: Sequence[Day] = ()
        self.list = QTreeWidget()
        self.list.setObjectName("days_list")
        self.list.setAccessibleName(tr("Days with footage"))
        self.list.setRootIsDecorated(False)
        self.list.setHeaderLabels([tr("Day"), tr("Footage"), tr("Sightings")])
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.state = wrapped_label("days_state", "muted", tr("Reading…"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        role = QDialogButtonBox.ButtonRole.ActionRole
        self.show_button = buttons.addButton(tr("&Show in the timeline"), role)
        self.show_button.setDefault(True)
        self.search_button = buttons.addButton(tr("S&earch this day only"), role)
        self.show_button.clicked.connect(lambda: self._tell(self.shown))
        self.search_button.clicked.connect(lambda: self._tell(self.searched))
        self.list.itemActivated.connect(lambda _: self._tell(self.shown))
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(3 * theme.UNIT_PX)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.state)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)
        self.resize(*_SIZE_PX)
        self._offer()

    def show_days(self, days: Sequence[Day], chosen: int) -> None:
        """Fills the list, and selects a row."""
        self._days = days
        self.state.setText("" if days else tr("No footage whose recording time is known."))
        self.state.setVisible(not days)
        self.list.clear()
        for day in days:
            row = QTreeWidgetItem(
                [
                    format_date(day.day, "full", locale=language()),
                    video_time_text(day.footage_s),
                    count_text(day.sightings),
                ]
            )
            for column in (1, 2):
                row.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
            self.list.addTopLevelItem(row)
        item = self.list.topLevelItem(chosen)
        if item is not None:
            self.list.setCurrentItem(item)
        self.list.setFocus()
        self._offer()

    def _offer(self) -> None:
        for button in (self.show_button, self.search_button):
            button.setEnabled(bool(self._days))

    def _tell(self, signal: SignalInstance) -> None:
        item = self.list.currentItem()
        if item is not None:
            signal.emit(self._days[self.list.indexOfTopLevelItem(item)])
            self.accept()

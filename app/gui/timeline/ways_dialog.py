"""How long people take between cameras: a table of what was learnt, and fields for what is set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.gui.widgets import theme
from app.gui.widgets.labels import wrapped_label
from app.gui.widgets.problem_dialog import ProblemDialog
from app.language import tr

if TYPE_CHECKING:
    from app.services.route.ways import Way

_SIZE_PX = (680, 420)
_MIN, _MAX = 5, 6
_ADVICE = tr(
    "Learnt from people who were seen by both cameras. Enter the shortest and the longest time "
    "yourself where you know better: seconds, or 1:30. A shortest time of 0 says that both cameras "
    "see one place. Nothing is deleted or hidden because of it."
)


class WaysDialog(ProblemDialog):
    """A row for each pair of cameras; the last two columns can be edited.

    Signals:
        agreed: a list of (way, shortest, longest) whose texts were changed.

    Args:
        parent: over which window.
    """

    agreed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("ways", tr("Ways between cameras"), parent)
        self._ways: Sequence[Way] = ()
        self.table = QTableWidget(0, 7)
        self.table.setObjectName("ways_table")
        self.table.setAccessibleName(tr("Ways between cameras, in seconds"))
        self.table.setHorizontalHeaderLabels(
            [
                tr("Cameras"), tr("Pairs"), tr("Shortest"), tr("Median"), tr("Longest"),
                tr("Set shortest"), tr("Set longest"),
            ]
        )  # fmt: skip
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.setTabKeyNavigation(False)
        self.state = wrapped_label("ways_state", "muted", tr("Reading…"))
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        self._buttons.accepted.connect(lambda: self.agreed.emit(self.changed()))
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(3 * theme.UNIT_PX)
        layout.addWidget(wrapped_label("ways_text", "muted", _ADVICE))
        layout.addWidget(self.table, 1)
        layout.addWidget(self.state)
        layout.addWidget(self.problem)
        layout.addWidget(self._buttons)
        self.resize(*_SIZE_PX)

    def show_ways(self, ways: Sequence[Way]) -> None:
        """Fills the table."""
        self._ways = ways
        self.state.setText("" if ways else tr("There is only one camera."))
        self.state.setVisible(not ways)
        self.table.setRowCount(len(ways))
        for row, way in enumerate(ways):
            learnt = way.learnt
            told = ("", "", "") if learnt is None else (
                learnt.shortest_s, learnt.median_s, learnt.longest_s
            )  # fmt: skip
            texts = [
                f"{way.one.name} – {way.other.name}",
                str(learnt.pairs if learnt else 0),
                *(each if isinstance(each, str) else f"{each:.0f}" for each in told),
                *_limits(way),
            ]
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                if column < _MIN:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                if not column and way.overlaps:
                    item.setText(tr("{cameras} (views overlap)", cameras=text))
                self.table.setItem(row, column, item)
        self.table.resizeColumnsToContents()
        if ways:
            self.table.setCurrentCell(0, _MIN)

    def changed(self) -> list[tuple[Way, str, str]]:
        """What was typed."""
        found = []
        for row, way in enumerate(self._ways):
            items = [self.table.item(row, column) for column in (_MIN, _MAX)]
            typed = [item.text().strip() if item is not None else "" for item in items]
            if typed != _limits(way):
                found.append((way, typed[0], typed[1]))
        return found


def _limits(way: Way) -> list[str]:
    """What is set, as it is typed."""
    return ["" if each is None else f"{each:g}" for each in (way.limits.min_s, way.limits.max_s)]

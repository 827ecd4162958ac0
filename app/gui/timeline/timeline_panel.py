"""The timeline with what stands above it: what signs mean, and in which zone times are."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.gui.timeline.lane_text import undated_text
from app.gui.timeline.timeline_view import TimelineView
from app.gui.widgets.elided_label import ElidedLabel
from app.gui.widgets.theme import UNIT_PX
from app.language import tr

_SAID_MS = 6000


class TimelinePanel(QWidget):
    """Holds the view; says a sentence for a few seconds in place of the legend.

    Attributes:
        view: the lanes.
        days: for an action that lists days.
        head: legend, zone and that button, for the title line of the dock.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timelinePanel")
        self.view = TimelineView(self)
        self.head = QWidget()
        self.legend = ElidedLabel(self.head)
        self.legend.setObjectName("timelineLegend")
        self.zone = QLabel(self.head)
        self.zone.setObjectName("timelineZone")
        self.days = QToolButton(self.head)
        self.days.setObjectName("timelineDays")
        self.days.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.zone.setProperty("role", "muted")
        self._undated = 0
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_SAID_MS)
        self._quiet.timeout.connect(self._show_legend)
        row = QHBoxLayout(self.head)
        row.setContentsMargins(4 * UNIT_PX, 0, 2 * UNIT_PX, 0)
        row.setSpacing(2 * UNIT_PX)
        row.addWidget(self.legend, 1)
        row.addWidget(self.zone)
        row.addWidget(self.days)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        self._show_legend()

    def set_zone(self, zone: ZoneInfo | None) -> None:
        """Says in which zone times are; None: no library is open."""
        self.zone.setText("" if zone is None else tr("Times in {zone}", zone=zone.key))

    def say(self, text: str) -> None:
        """Says a sentence for a while."""
        self._set(text, "warning")
        self._quiet.start()

    def set_undated(self, videos: int) -> None:
        """How many videos have no place in a lane."""
        self._undated = videos
        self._show_legend()

    def _show_legend(self) -> None:
        text = tr("◆ confirmed  ◇ undecided  ○ contradiction  ▨ not read yet")
        if self._undated:
            text += " · " + undated_text(self._undated)
        self._set(text, "muted")

    def _set(self, text: str, role: str) -> None:
        self.legend.setProperty("role", role)
        self.legend.set_whole(text)
        self.legend.style().polish(self.legend)

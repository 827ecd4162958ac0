"""Name and clock of a camera: typed, or found from one event that two cameras saw."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.core.camera_clock import CameraClock, offset_text
from app.core.clock import zone_text
from app.core.entities import Camera
from app.gui.widgets import theme
from app.gui.widgets.labels import wrapped_label
from app.gui.widgets.problem_dialog import ProblemDialog
from app.language import tr

_WIDTH_PX = 480
_ADVICE = tr(
    "Find an event in a video of this camera and mark it. Then find the same event "
    "in a video of another camera whose clock is right, and mark it there."
)


class ClockDialog(ProblemDialog):
    """The window behind it stays usable, so that an event can be looked for in the player.

    Signals:
        here_marked, there_marked: what the player shows is the event, in this camera, in another.
        agreed: (name, zone, offset, drift) as typed.

    Args:
        camera: whose.
        zone: the library's.
    """

    here_marked = Signal()
    there_marked = Signal()
    agreed = Signal(str, str, str, str)

    def __init__(self, camera: Camera, zone: tzinfo, parent: QWidget | None = None) -> None:
        super().__init__("clock", tr("Camera {camera}", camera=camera.name), parent)
        self.setAccessibleName(tr("Name and clock of {camera}", camera=camera.name))
        self._name = _field("clock_name", tr("Name of the camera"))
        self._zone = _field("clock_zone", tr("Zone of its clock: Europe/Berlin, UTC, +01:00"))
        self._zone.setPlaceholderText(tr("{zone} (the library's)", zone=zone_text(zone)))
        self._offset = _field("clock_offset", tr("Added to its times: seconds or [-]h:mm:ss"))
        self._drift = _field("clock_drift", tr("Seconds added per day"))
        self._name.setText(camera.name)
        self._here = QPushButton(tr("Mark in &this camera"))
        self._here.setObjectName("mark_here")
        self._there = QPushButton(tr("Mark in the &other camera"))
        self._there.setObjectName("mark_there")
        self._found = wrapped_label("clock_found", "muted", _ADVICE)
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        self._lay_out()
        self._here.clicked.connect(self.here_marked)
        self._there.clicked.connect(self.there_marked)
        self._buttons.accepted.connect(lambda: self.agreed.emit(*self._values()))
        self._buttons.rejected.connect(self.reject)
        self.show_clock(camera.clock)

    def show_clock(self, clock: CameraClock) -> None:
        """Fills the fields."""
        self._zone.setText(clock.zone)
        self._offset.setText(offset_text(clock.offset_s))
        self._drift.setText(f"{clock.drift_s_per_day:g}" if clock.reference_utc else "0")

    def show_marks(self, text: str) -> None:
        """What has been marked, and what was found from it."""
        self._found.setText(text)
        self.show_problem("")

    def _values(self) -> tuple[str, str, str, str]:
        name, zone, offset, drift = (
            field.text().strip() for field in (self._name, self._zone, self._offset, self._drift)
        )
        return name, zone, offset, drift

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow(tr("&Name"), self._name)
        form.addRow(tr("&Zone"), self._zone)
        form.addRow(tr("&Offset"), self._offset)
        form.addRow(tr("&Drift (s a day)"), self._drift)
        marks = QHBoxLayout()
        marks.addWidget(self._here)
        marks.addWidget(self._there)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(3 * theme.UNIT_PX)
        layout.addLayout(form)
        layout.addWidget(self._found)
        layout.addLayout(marks)
        layout.addWidget(self.problem)
        layout.addWidget(self._buttons)
        self.setMinimumWidth(_WIDTH_PX)


def _field(name: str, hint: str) -> QLineEdit:
    field = QLineEdit()
    field.setObjectName(name)
    field.setToolTip(hint)
    field.setAccessibleName(hint)
    return field

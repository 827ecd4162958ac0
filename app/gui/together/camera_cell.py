"""A small view of one camera at the moment that the player shows."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.hit_text import clock_text, date_text
from app.gui.player.frame_view import FrameView
from app.gui.together.together_session import CellShown
from app.gui.widgets.elided_label import ElidedLabel
from app.gui.widgets.theme import UNIT_PX, small_font
from app.language import tr
from app.services.footage.moments import View


class CameraCell(QWidget):
    """Shows a frame with its boxes; a click makes its camera the main one.

    Signals:
        chosen: id of the video, and the time in seconds that is shown of it.
    """

    chosen = Signal(int, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view: View | None = None
        self.setObjectName("cameraCell")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.label = ElidedLabel(self)
        self.label.setFont(small_font(self.font()))
        self.label.setContentsMargins(UNIT_PX, 0, UNIT_PX, 0)
        self.frame = FrameView(self)
        self.frame.setMinimumSize(QSize(80, 45))
        self.frame.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # The whole cell is clicked, not the people in it.
        self.frame.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.label)
        column.addWidget(self.frame, 1)

    def show_cell(self, shown: CellShown, zone: ZoneInfo) -> None:
        """Shows what a camera recorded, or says why nothing is to be seen."""
        self._view = shown.view
        video, camera = shown.view.video, shown.view.camera.name
        self.setCursor(
            Qt.CursorShape.ArrowCursor if video is None else Qt.CursorShape.PointingHandCursor
        )
        if video is None:
            self._say_gap(shown.view, zone)
            return
        moment = video.moment(shown.view.time_s)
        assert moment is not None
        self._name(f"{camera} · {clock_text(moment, zone)}")
        self.setToolTip(tr("Click to make {camera} the main camera", camera=camera))
        if shown.picture is not None:
            self.frame.show_frame(shown.picture, shown.people)
        elif shown.problem is not None:
            self.frame.show_text(shown.problem.message, shown.problem.remedy)

    def clear(self, text: str) -> None:
        """Shows a sentence, and no camera."""
        self._view = None
        self._name("")
        self.frame.show_text("", text)

    def _say_gap(self, view: View, zone: ZoneInfo) -> None:
        self._name(view.camera.name)
        self.setToolTip("")
        later = view.next_utc
        more = ""
        if later is not None:
            when = f"{date_text(later, zone)} {clock_text(later, zone)}"
            more = tr("The next begins {time}.", time=when)
        self.frame.show_text(tr("No footage at this time"), more)

    def _name(self, text: str) -> None:
        self.label.set_whole(text)
        self.setAccessibleName(text or tr("No camera"))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Makes the camera the main one."""
        inside = self.rect().contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and inside:
            self._choose()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Makes the camera the main one with Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose()
        else:
            super().keyPressEvent(event)

    def _choose(self) -> None:
        if self._view is not None and self._view.video is not None:
            self.chosen.emit(self._view.video.id, self._view.time_s)

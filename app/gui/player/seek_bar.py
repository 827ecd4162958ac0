"""Where the player is in its video, and the way to anywhere else in it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSlider, QToolTip, QWidget

from app.gui.hit_text import video_time_text
from app.gui.widgets.theme import tokens
from app.language import tr

GROOVE_PX = 4
HANDLE_PX = 12
SIGHTING_PX = 10


class SeekBar(QSlider):
    """A slider in milliseconds of video that jumps to where it is clicked.

    Signals:
        seek_asked: a time in seconds, again and again while the handle is dragged.
        scrub_began: the handle is held.
        scrub_ended: it has been let go.
    """

    seek_asked = Signal(float)
    scrub_began = Signal()
    scrub_ended = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setObjectName("seekBar")
        self.setAccessibleName(tr("Position in the video"))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMouseTracking(True)
        self.setMinimumWidth(48)
        self.setRange(0, 0)
        self._sighting_s: tuple[float, float] | None = None

    def set_length(self, length_s: float) -> None:
        """Sets the video's length in seconds."""
        self.setMaximum(max(0, round(length_s * 1000)))

    def set_time(self, time_s: float) -> None:
        """Moves the handle, unless it is held."""
        if not self.isSliderDown():
            self.setValue(round(time_s * 1000))

    def set_sighting(self, span_s: tuple[float, float] | None) -> None:
        """Brackets the part that shows the chosen sighting; None for none."""
        if span_s != self._sighting_s:
            self._sighting_s = span_s
            self.update()

    def x_of(self, time_s: float) -> float:
        """Where a time lies, in pixels of the widget."""
        share = time_s * 1000 / self.maximum() if self.maximum() else 0.0
        return HANDLE_PX / 2 + min(1.0, max(0.0, share)) * (self.width() - HANDLE_PX)

    def sizeHint(self) -> QSize:
        """Wide and low."""
        return QSize(240, 24)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Takes the handle to the pointer."""
        if event.button() == Qt.MouseButton.LeftButton and self.maximum() > 0:
            self.setSliderDown(True)
            self.scrub_began.emit()
            self._seek(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drags the handle, or tells the time under the pointer."""
        if self.isSliderDown():
            self._seek(event.position())
        elif self.maximum() > 0:
            text = video_time_text(self._time_at(event.position()))
            QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Lets the handle go."""
        if event.button() == Qt.MouseButton.LeftButton and self.isSliderDown():
            self.setSliderDown(False)
            self.scrub_ended.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leaves the keys to the player, where they mean the same everywhere."""
        event.ignore()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ignores the wheel: a page that is scrolled must not move the video."""
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws groove, passed part and handle."""
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        groove = QRectF(HANDLE_PX / 2, middle - GROOVE_PX / 2, self.width() - HANDLE_PX, GROOVE_PX)
        painter.setBrush(QColor(colours.line))
        painter.drawRoundedRect(groove, GROOVE_PX / 2, GROOVE_PX / 2)
        if not self.isEnabled() or self.maximum() == 0:
            return
        x = self.x_of(self.value() / 1000)
        painter.setBrush(QColor(colours.accent))
        painter.drawRoundedRect(
            QRectF(groove.left(), groove.top(), x - groove.left(), GROOVE_PX),
            GROOVE_PX / 2,
            GROOVE_PX / 2,
        )
        if self._sighting_s is not None:
            begin, end = map(self.x_of, self._sighting_s)
            painter.setBrush(QColor(colours.text))
            for edge in (begin - 2, max(end, begin + 2)):
                painter.drawRect(QRectF(edge, middle - SIGHTING_PX / 2, 2, SIGHTING_PX))
        painter.setBrush(QColor(colours.accent))
        painter.drawEllipse(QPointF(x, middle), HANDLE_PX / 2, HANDLE_PX / 2)

    def _time_at(self, position: QPointF) -> float:
        share = (position.x() - HANDLE_PX / 2) / max(1, self.width() - HANDLE_PX)
        return min(1.0, max(0.0, share)) * self.maximum() / 1000

    def _seek(self, position: QPointF) -> None:
        time_s = self._time_at(position)
        self.setValue(round(time_s * 1000))
        self.seek_asked.emit(time_s)

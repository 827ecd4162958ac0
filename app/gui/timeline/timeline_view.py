"""One lane for each camera over time: what was recorded, who was seen, where the player is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from app.gui.timeline.lane_painter import LANE_PX, LaneContent, mark_at, paint_lane
from app.gui.timeline.lane_text import lane_text
from app.gui.timeline.time_axis import TimeAxis, span_text
from app.gui.timeline.time_painter import AXIS_PX, NAMES_PX, TICK_PX, paint_head, paint_left_out
from app.gui.widgets import theme
from app.language import tr, trn
from app.services.route.timeline import Density, Lane, Mark

_ZOOM = 1.25  # a notch of the wheel
_DRAG_PX = 6  # less is a click
_SETTLED_MS = 120
_MODIFIER = Qt.KeyboardModifier


class TimelineView(QAbstractScrollArea):
    """Shows lanes; says by signals what the user wants.

    Signals:
        moment_chosen: (camera id, POSIX seconds), to which the player is to go.
        span_chosen: (first, last) in POSIX seconds, which is to be searched only.
        mark_chosen: tracklet id of a mark that is to be selected.
        window_changed: another stretch of time is seen, and has been for a moment.

    Attributes:
        axis: what is seen.
    """

    moment_chosen = Signal(int, float)
    span_chosen = Signal(float, float)
    mark_chosen = Signal(int)
    window_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline")
        self.setAccessibleName(tr("Timeline"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.axis = TimeAxis(0.0, 1.0, 1)
        self._zone = ZoneInfo("UTC")
        self._lanes: Sequence[Lane] = ()
        self._densities: Mapping[int, Density] = {}
        self._most = 0
        self._marks: Sequence[Mark] = ()
        self._marks_of: dict[int, list[Mark]] = {}
        self._now: tuple[int, float] | None = None
        self._filter: tuple[float | None, float | None] = (None, None)
        self._row = 0  # the lane that keys are about
        self._is_whole = True  # shows all there is, and what is added
        self._drag: tuple[float, float] | None = None
        self._pan_x: float | None = None
        self._picture: QPixmap | None = None
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED_MS)
        self._settled.timeout.connect(self.window_changed)
        self.verticalScrollBar().valueChanged.connect(self._forget_picture)

    # What is shown ------------------------------------------------------------------------------

    def set_lanes(self, lanes: Sequence[Lane], zone: ZoneInfo) -> None:
        """Shows these lanes; the stretch that is seen stays unless it was all there is."""
        was_empty = not self._lanes
        self._lanes, self._zone = lanes, zone
        self._row = min(self._row, max(0, len(lanes) - 1))
        self._fit_scroll_bar()
        if was_empty or self._is_whole:
            self.show_all()
        self._forget_picture()

    def clear(self) -> None:
        """Nothing is shown: no library is open."""
        self._lanes, self._densities, self._most, self._now = (), {}, 0, None
        self._filter, self._is_whole = (None, None), True
        self.set_marks(())

    def set_densities(self, densities: Mapping[int, Density]) -> None:
        """How many people each camera saw, by camera id."""
        self._densities = densities
        self._most = max(
            (int(each.people.max(initial=0)) for each in densities.values()), default=0
        )
        self._forget_picture()

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """The sightings of the person sought, by time."""
        self._marks, self._marks_of = marks, {}
        for mark in marks:
            self._marks_of.setdefault(mark.camera_id, []).append(mark)
        self._forget_picture()
        self._describe()

    def set_now(self, camera_id: int, time_s: float) -> None:
        """Where the player is; a moment that leaves the right edge takes the view along."""
        before, axis = self._now, self.axis
        self._now = (camera_id, time_s)
        if before is not None and before[1] < axis.last_s <= time_s:
            plays_on = time_s - before[1] < (axis.last_s - axis.first_s) / 10
            if plays_on:
                self._set_axis(axis.moved(axis.width_px * 0.8))
        self.viewport().update()

    def set_filter(self, first_s: float | None, last_s: float | None) -> None:
        """What the search is limited to, in POSIX seconds."""
        self._filter = (first_s, last_s)
        self.viewport().update()

    def show_all(self) -> None:
        """Shows all footage."""
        ends = [each for lane in self._lanes for each in (lane.first_s, lane.last_s) if len(each)]
        if ends:
            first_s = min(float(each.min()) for each in ends)
            last_s = max(float(each.max()) for each in ends)
            self._set_axis(TimeAxis.over(first_s, last_s, self._lanes_px()))
        self._is_whole = True

    def show_span(self, first_s: float, last_s: float) -> None:
        """Shows a stretch of time."""
        self._set_axis(TimeAxis.over(first_s, last_s, self._lanes_px()))

    def zoom(self, factor: float, x_px: float | None = None) -> None:
        """Shows so many times as long a stretch, around a place in the lanes or its middle."""
        self._set_axis(self.axis.zoomed(factor, self.axis.width_px / 2 if x_px is None else x_px))

    def _set_axis(self, axis: TimeAxis) -> None:
        self.axis = axis
        self._is_whole = False
        self._settled.start()
        self._forget_picture()
        self._describe()

    def _describe(self) -> None:
        """For screen readers: what is seen."""
        if not self._lanes:
            self.setAccessibleDescription("")
            return
        confirmed = sum(mark.is_confirmed for mark in self._marks)
        self.setAccessibleDescription(
            tr(
                "{cameras}, {span}. {confirmed} confirmed, {open} undecided.",
                cameras=trn("{count} camera", "{count} cameras", len(self._lanes)),
                span=span_text(self.axis.first_s, self.axis.last_s, self._zone),
                confirmed=confirmed,
                open=len(self._marks) - confirmed,
            )
        )

    # Painting -----------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the lanes from a picture that is kept, and the player's moment over it."""
        painter = QPainter(self.viewport())
        if self._picture is None:
            self._picture = self._painted()
        painter.drawPixmap(0, 0, self._picture)
        if not self._lanes:
            return
        colours = theme.tokens()
        lanes = QRectF(NAMES_PX, 0, self._lanes_px(), self.viewport().height())
        painter.setClipRect(lanes)
        paint_left_out(painter, self.axis, self._filter, lanes)
        if self._drag is not None:
            first, last = sorted(self._drag)
            band = QColor(colours.accent)
            painter.setPen(band)
            band.setAlpha(50)
            painter.fillRect(QRectF(NAMES_PX + first, 0, last - first, lanes.height()), band)
        if self._now is not None and self.axis.first_s <= self._now[1] <= self.axis.last_s:
            camera_id, time_s = self._now
            x = NAMES_PX + self.axis.x_of(time_s)
            painter.setPen(QPen(QColor(colours.accent), 1))
            painter.drawLine(QPointF(x, 0), QPointF(x, lanes.height()))
            row = next(
                (n for n, each in enumerate(self._lanes) if each.camera.id == camera_id), None
            )
            if row is not None:
                painter.setBrush(QColor(colours.accent))
                painter.drawEllipse(QPointF(x, self._top_of(row) + 3), 3, 3)
        if self.hasFocus():
            self._paint_focus(painter, lanes)

    def _painted(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.viewport().size() * ratio)
        picture.setDevicePixelRatio(ratio)
        colours = theme.tokens()
        picture.fill(QColor(colours.raised))
        painter = QPainter(picture)
        painter.setFont(theme.small_font(self.font()))
        if not any(len(lane.videos) for lane in self._lanes):
            painter.setPen(QColor(colours.muted))
            words = tr("No footage whose recording time is known.") if self._lanes else ""
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, words)
            painter.end()
            return picture
        for row, lane in enumerate(self._lanes):
            top = self._top_of(row)
            if -LANE_PX < top - AXIS_PX < self.viewport().height():
                self._paint_row(painter, lane, top, colours)
        paint_head(painter, self.axis, self._zone, self.viewport().rect())
        painter.end()
        return picture

    def _paint_row(self, painter: QPainter, lane: Lane, top: int, colours: theme.Tokens) -> None:
        painter.setPen(QColor(colours.text))
        name = painter.fontMetrics().elidedText(
            lane.camera.name, Qt.TextElideMode.ElideMiddle, NAMES_PX - 16
        )
        where = QRectF(8, top, NAMES_PX - 12, LANE_PX)
        painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, name)
        content = LaneContent(
            lane,
            self._densities.get(lane.camera.id),
            self._most,
            self._marks_of.get(lane.camera.id, ()),
        )
        painter.save()
        painter.setClipRect(QRectF(NAMES_PX, top, self._lanes_px(), LANE_PX))
        painter.translate(NAMES_PX, 0)
        paint_lane(painter, content, self.axis, top, colours)
        painter.restore()

    def _paint_focus(self, painter: QPainter, lanes: QRectF) -> None:
        """The lane that keys are about, and the moment to which Enter goes."""
        painter.setClipping(False)
        painter.setPen(QPen(QColor(theme.tokens().accent), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        top = self._top_of(self._row)
        painter.drawRect(QRectF(0.5, top + 0.5, self.viewport().width() - 1, LANE_PX - 1))
        x = NAMES_PX + lanes.width() / 2
        painter.drawLine(QPointF(x, top), QPointF(x, top + LANE_PX))

    def _forget_picture(self) -> None:
        self._picture = None
        self.viewport().update()

    # Geometry -----------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Low, with room for four cameras."""
        return QSize(640, AXIS_PX + 4 * LANE_PX)

    def minimumSizeHint(self) -> QSize:
        """Three lanes, and a few times."""
        return QSize(NAMES_PX + 2 * TICK_PX, AXIS_PX + 3 * LANE_PX)

    def _lanes_px(self) -> int:
        return max(1, self.viewport().width() - NAMES_PX)

    def _top_of(self, row: int) -> int:
        return AXIS_PX + row * LANE_PX - self.verticalScrollBar().value()

    def _row_at(self, y_px: float) -> int | None:
        row = int(y_px - AXIS_PX + self.verticalScrollBar().value()) // LANE_PX
        return row if y_px >= AXIS_PX and 0 <= row < len(self._lanes) else None

    def _fit_scroll_bar(self) -> None:
        room_px = self.viewport().height() - AXIS_PX
        self.verticalScrollBar().setRange(0, max(0, len(self._lanes) * LANE_PX - room_px))
        self.verticalScrollBar().setPageStep(max(1, room_px))
        self.verticalScrollBar().setSingleStep(LANE_PX)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shows the same stretch on the new width."""
        super().resizeEvent(event)
        self._fit_scroll_bar()
        was_whole = self._is_whole
        self._set_axis(self.axis.resized(self._lanes_px()))
        self._is_whole = was_whole

    def changeEvent(self, event: QEvent) -> None:
        """Takes the colours and the font of another theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._forget_picture()

    # Mouse and keys -----------------------------------------------------------------------------

    def viewportEvent(self, event: QEvent) -> bool:
        """Tells what is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row, x = self._row_at(event.pos().y()), event.pos().x() - NAMES_PX
            words = "" if row is None else self._words_at(row, x)
            QToolTip.showText(event.globalPos(), words, self.viewport())
            return True
        return super().viewportEvent(event)

    def _words_at(self, row: int, x_px: float) -> str:
        lane = self._lanes[row]
        marks = self._marks_of.get(lane.camera.id, ())
        mark = mark_at(marks, self.axis, x_px) if x_px >= 0 else None
        time_s = self.axis.time_at(x_px) if x_px >= 0 else None
        return lane_text(lane, self._densities.get(lane.camera.id), time_s, mark, self._zone)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begins a click, a span, or moving."""
        x = event.position().x() - NAMES_PX
        if event.button() == Qt.MouseButton.MiddleButton:
            self._pan_x = x
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton and x >= 0:
            self._drag = (x, x)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Moves the view, or stretches a span."""
        x = event.position().x() - NAMES_PX
        if self._pan_x is not None:
            self._set_axis(self.axis.moved(self._pan_x - x))
            self._pan_x = x
        elif self._drag is not None:
            self._drag = (self._drag[0], min(max(x, 0.0), float(self.axis.width_px)))
            self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tells the moment or the span."""
        if event.button() == Qt.MouseButton.MiddleButton:
            self._pan_x = None
            self.viewport().unsetCursor()
        if event.button() != Qt.MouseButton.LeftButton or self._drag is None:
            return
        (first, last), self._drag = sorted(self._drag), None
        self.viewport().update()
        if last - first >= _DRAG_PX:
            self.span_chosen.emit(self.axis.time_at(first), self.axis.time_at(last))
            return
        row = self._row_at(event.position().y())
        if row is not None:
            self._row = row
            camera_id = self._lanes[row].camera.id
            mark = mark_at(self._marks_of.get(camera_id, ()), self.axis, first)
            time_s = self.axis.time_at(first) if mark is None else mark.first_s
            self.moment_chosen.emit(camera_id, time_s)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Selects a sighting; a day or an hour is zoomed into elsewhere."""
        row, x = self._row_at(event.position().y()), event.position().x() - NAMES_PX
        if row is not None and event.button() == Qt.MouseButton.LeftButton:
            mark = mark_at(self._marks_of.get(self._lanes[row].camera.id, ()), self.axis, x)
            if mark is not None:
                self.mark_chosen.emit(mark.tracklet_id)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zooms at the pointer; with Shift, or sideways, moves; over the names, scrolls."""
        turned = event.angleDelta()
        x = event.position().x() - NAMES_PX
        if x < 0:
            super().wheelEvent(event)
            return
        if event.modifiers() & _MODIFIER.ShiftModifier or abs(turned.x()) > abs(turned.y()):
            self._set_axis(self.axis.moved(-(turned.x() or turned.y())))
        else:
            self.zoom(_ZOOM ** (-turned.y() / 120), x)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Moves, chooses a lane, goes to a moment or to a sighting."""
        key, held = event.key(), event.modifiers()
        sideways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(key))
        if key == Qt.Key.Key_Escape and self._drag is not None:
            self._drag = None
            self.viewport().update()
        elif sideways and held & _MODIFIER.ControlModifier:
            self._go_to_mark(sideways)
        elif sideways and held & _MODIFIER.ShiftModifier:
            self._set_axis(self.axis.moved(sideways * 0.125 * self.axis.width_px))
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._lanes:
            self._choose_row(self._row + (1 if key == Qt.Key.Key_Down else -1))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._lanes:
            middle_s = self.axis.time_at(self.axis.width_px / 2)
            self.moment_chosen.emit(self._lanes[self._row].camera.id, middle_s)
        elif key == Qt.Key.Key_Home:
            self.show_all()
        else:
            super().keyPressEvent(event)

    def _choose_row(self, row: int) -> None:
        self._row = min(max(row, 0), len(self._lanes) - 1)
        bar, top = self.verticalScrollBar(), self._row * LANE_PX
        room_px = self.viewport().height() - AXIS_PX
        bar.setValue(min(max(bar.value(), top + LANE_PX - room_px), top))
        self.viewport().update()

    def _go_to_mark(self, way: int) -> None:
        """Selects the sighting after or before the middle, and moves it there."""
        middle_s = self.axis.time_at(self.axis.width_px / 2)
        slack_s = self.axis.s_per_px
        ahead = [mark for mark in self._marks if way * (mark.first_s - middle_s) > slack_s]
        if ahead:
            mark = min(ahead, key=lambda each: abs(each.first_s - middle_s))
            self._set_axis(self.axis.moved(self.axis.x_of(mark.first_s) - self.axis.width_px / 2))
            self.mark_chosen.emit(mark.tracklet_id)

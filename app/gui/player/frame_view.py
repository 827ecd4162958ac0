"""The picture of the player, with a thin box around everyone who is known to be in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from app.core.boxes import frontmost_containing
from app.gui.widgets.theme import (
    OVERLAY_ACCENT,
    OVERLAY_LINE,
    OVERLAY_SHADOW,
    RADIUS_PX,
    UNIT_PX,
    small_font,
    strong_font,
    tokens,
)
from app.language import tr, trn
from app.services.footage.playback import PersonBox

LINE_PX = 1.5
HOVERED_LINE_PX = 2.5
DASHES = [4.0, 3.0]
SHADOW_ALPHA = 130
TAG_ALPHA = 185

# Of a drawn box, each side has so many pixels of the frame; less was a click.
LEAST_DRAWN_PX = 8


class FrameView(QWidget):
    """Shows one frame as large as fits, its aspect kept, or a text in its place.

    Signals:
        clicked: a point of the frame, x and y in pixels of the full frame.
        behind_clicked: tracklet id of the person behind the one who stands in front there.
        box_drawn: a box, float32 (4,) xyxy in pixels of the full frame.
    """

    clicked = Signal(float, float)
    behind_clicked = Signal(int)
    box_drawn = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("frameView")
        self.setAccessibleName(tr("Video frame"))
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 90)
        self._picture: QImage | None = None
        self._scaled: QPixmap | None = None
        self._people: Sequence[PersonBox] = ()
        self._boxes = np.zeros((0, 4), np.float32)
        self._highlighted_id: int | None = None
        self._hovered: int | None = None
        self._pointer: QPointF | None = None
        self._pressed_at: QPointF | None = None
        self._corner: QPointF | None = None  # where a box begins that is being drawn
        self._draws_next = False
        self._text = ("", "")
        self._hint = ""
        self._shows_focus = False

    def show_frame(self, picture: QImage, people: Sequence[PersonBox]) -> None:
        """Shows a frame.

        Args:
            picture: the full frame.
            people: their boxes in pixels of it.
        """
        self._picture = picture
        self._scaled = None
        self._people = people
        self._boxes = (
            np.stack([person.box for person in people]) if people else np.zeros((0, 4), np.float32)
        )
        count = len(people)
        self.setAccessibleDescription(trn("{count} person in it", "{count} people in it", count))
        self._hover()
        self.update()

    def show_text(self, heading: str, text: str = "") -> None:
        """Shows a sentence, and what to do next, where there is no frame."""
        self._picture = self._scaled = None
        self._people, self._boxes = (), np.zeros((0, 4), np.float32)
        self._text, self._hint = (heading, text), ""
        self.setAccessibleDescription(f"{heading} {text}".strip())
        self._hover()
        self.update()

    def show_hint(self, text: str) -> None:
        """Lays a sentence over the lower edge of the frame; an empty one takes it away."""
        self._hint = text
        self.update()

    def set_highlighted(self, tracklet_id: int | None) -> None:
        """Draws one person's box in the accent colour, in whichever frame it is."""
        self._highlighted_id = tracklet_id
        self.update()

    def has_person_at(self, x_px: float, y_px: float) -> bool:
        """Whether a box is around a point, given in pixels of the full frame."""
        return frontmost_containing(self._boxes, x_px, y_px) is not None

    @property
    def text(self) -> str:
        """What stands in the frame's place, empty while there is a frame."""
        return "" if self._picture is not None else " ".join(filter(None, self._text))

    @property
    def hint(self) -> str:
        """The sentence over the frame."""
        return self._hint

    @property
    def people(self) -> Sequence[PersonBox]:
        """Whose boxes are drawn."""
        return self._people

    @property
    def hovered_id(self) -> int | None:
        """Tracklet id of the person under the pointer."""
        return None if self._hovered is None else self._people[self._hovered].tracklet_id

    @property
    def highlighted_id(self) -> int | None:
        """Tracklet id of the person whose box has the accent colour."""
        return self._highlighted_id

    def sizeHint(self) -> QSize:
        """A small frame of the usual shape; layouts give it more."""
        return QSize(640, 360)

    def picture_rect(self) -> QRectF:
        """Where the frame lies in the widget, in its pixels; empty without a frame."""
        if self._picture is None:
            return QRectF()
        size = QSize(self._picture.size()).scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left = (self.width() - size.width()) // 2
        top = (self.height() - size.height()) // 2
        return QRectF(left, top, size.width(), size.height())

    def frame_point(self, position: QPointF) -> tuple[float, float] | None:
        """A point of the widget in pixels of the full frame, or None beside the frame."""
        rect = self.picture_rect()
        if self._picture is None or not rect.contains(position):
            return None
        scale = self._picture.width() / rect.width(), self._picture.height() / rect.height()
        return (
            (position.x() - rect.left()) * scale[0],
            (position.y() - rect.top()) * scale[1],
        )

    def widget_rect(self, box: np.ndarray) -> QRectF:
        """A box of the full frame in pixels of the widget."""
        rect = self.picture_rect()
        if self._picture is None:
            return QRectF()
        across = rect.width() / self._picture.width()
        down = rect.height() / self._picture.height()
        left, top, right, bottom = (float(value) for value in box)
        return QRectF(
            QPointF(rect.left() + left * across, rect.top() + top * down),
            QPointF(rect.left() + right * across, rect.top() + bottom * down),
        ).intersected(rect)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Shows the focus to those who walk through the window by keyboard, and only to them."""
        by_tab = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._shows_focus = event.reason() in by_tab
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Takes the mark away."""
        self._shows_focus = False
        self.update()
        super().focusOutEvent(event)

    # Pointer ------------------------------------------------------------------------------------

    def draw_next(self) -> None:
        """The next drag draws a box, as with Shift."""
        self._draws_next = self._picture is not None
        self._hover()

    def stop_drawing(self) -> bool:
        """Gives up a box that is being drawn, or about to be; says whether there was one."""
        was_drawing = self._draws_next or self._corner is not None
        self._corner, self._draws_next = None, False
        self._hover()
        self.update()
        return was_drawing

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Marks the person under the pointer, or goes on drawing a box."""
        self._pointer = event.position()
        self._hover()
        if self._corner is not None:
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Nobody is under the pointer any more."""
        self._pointer = None
        self._hover()
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remembers where a click or a box begins."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        with_shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if self._picture is not None and (self._draws_next or with_shift):
            self._corner = self._pointer = event.position()
        else:
            self._pressed_at = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tells of a click, unless the pointer was dragged away."""
        pressed_at, self._pressed_at = self._pressed_at, None
        if event.button() == Qt.MouseButton.LeftButton and self._corner is not None:
            box = self._drawn_box(event.position())
            self.stop_drawing()
            if (box[2:] - box[:2]).min() >= LEAST_DRAWN_PX:
                self.box_drawn.emit(box)
            return
        if event.button() != Qt.MouseButton.LeftButton or pressed_at is None:
            return
        moved_px = (event.position() - pressed_at).manhattanLength()
        point = self.frame_point(event.position())
        if point is None or moved_px >= QApplication.startDragDistance():
            return
        behind = frontmost_containing(self._boxes, *point, behind=1)
        if event.modifiers() & Qt.KeyboardModifier.AltModifier and behind is not None:
            self.behind_clicked.emit(self._people[behind].tracklet_id)
        else:
            self.clicked.emit(*point)

    def _drawn_box(self, end: QPointF) -> np.ndarray:
        """The box between the corner and a point, cut to the frame: float32 (4,) xyxy."""
        rect = self.picture_rect()
        assert self._picture is not None
        assert self._corner is not None
        scale = self._picture.width() / rect.width(), self._picture.height() / rect.height()
        drawn = QRectF(self._corner, end).normalized().intersected(rect)
        sides = (drawn.left(), drawn.top(), drawn.right(), drawn.bottom())
        begin = (rect.left(), rect.top())
        return np.array(
            [(side - begin[at % 2]) * scale[at % 2] for at, side in enumerate(sides)], np.float32
        )

    def _hover(self) -> None:
        point = None if self._pointer is None else self.frame_point(self._pointer)
        hovered = None if point is None else frontmost_containing(self._boxes, *point)
        if hovered != self._hovered or hovered is not None:
            self.update()
        self._hovered = hovered
        if self._draws_next or self._corner is not None:
            self.setCursor(Qt.CursorShape.CrossCursor)
        elif hovered is None:
            self.unsetCursor()
        else:
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    # Painting -----------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The frame is scaled anew."""
        self._scaled = None
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the ground, then the frame with its boxes, or the text."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(tokens().ground))
        if self._picture is None:
            self._paint_text(painter)
        else:
            painter.drawPixmap(self.picture_rect().topLeft(), self._scaled_picture())
            self._paint_people(painter)
            if self._corner is not None and self._pointer is not None:
                painter.setPen(QPen(QColor(OVERLAY_ACCENT), HOVERED_LINE_PX, Qt.PenStyle.DashLine))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(self.widget_rect(self._drawn_box(self._pointer)))
        if self._hint:
            self._paint_hint(painter)
        if self._shows_focus:
            painter.setPen(QPen(QColor(tokens().accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def _scaled_picture(self) -> QPixmap:
        """The frame in the screen's own pixels, kept so that hovering costs no scaling."""
        assert self._picture is not None
        ratio = self.devicePixelRatioF()
        if self._scaled is None or self._scaled.devicePixelRatio() != ratio:
            size = (self.picture_rect().size() * ratio).toSize()
            scaled = self._picture.scaled(
                size,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            self._scaled = QPixmap.fromImage(scaled)
            self._scaled.setDevicePixelRatio(ratio)
        return self._scaled

    def _paint_people(self, painter: QPainter) -> None:
        """Boxes first, then the tags, so that no line runs through a name."""
        for row, person in enumerate(self._people):
            self._paint_box(painter, row, person)
        for row, person in enumerate(self._people):
            if row != self._hovered and person.identity_name:
                self._paint_tag(painter, person, person.identity_name, OVERLAY_SHADOW)
        if self._hovered is not None:
            person = self._people[self._hovered]
            name = person.identity_name
            self._paint_tag(
                painter,
                person,
                tr("Search for {name}", name=name) if name else tr("Search for this person"),
                None,
            )

    def _paint_box(self, painter: QPainter, row: int, person: PersonBox) -> None:
        rect = self.widget_rect(person.box)
        stands_out = row == self._hovered or person.tracklet_id == self._highlighted_id
        width_px = HOVERED_LINE_PX if stands_out else LINE_PX
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # A dark line under the light one, so that the box is seen on any footage.
        shadow = QColor(OVERLAY_SHADOW)
        shadow.setAlpha(SHADOW_ALPHA)
        for colour, pen_px in (
            (shadow, width_px + 1.5),
            (QColor(OVERLAY_ACCENT if stands_out else OVERLAY_LINE), width_px),
        ):
            pen = QPen(colour, pen_px)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            if person.interpolated:
                pen.setDashPattern([dash * LINE_PX / pen_px for dash in DASHES])
            painter.setPen(pen)
            painter.drawRect(rect)

    def _paint_tag(
        self, painter: QPainter, person: PersonBox, text: str, ground: str | None
    ) -> None:
        """A word over a box; without a ground of its own on the accent colour."""
        font = small_font(self.font())
        metrics = QFontMetricsF(font)
        room = self.picture_rect()
        rect = self.widget_rect(person.box)
        width_px = min(metrics.horizontalAdvance(text) + 3 * UNIT_PX, room.width())
        height_px = metrics.height() + UNIT_PX
        left = min(max(rect.left(), room.left()), room.right() - width_px)
        top = rect.top() - height_px - 2
        if top < room.top():
            top = rect.top() + 2
        tag = QRectF(left, top, width_px, height_px)
        colour = QColor(OVERLAY_ACCENT if ground is None else ground)
        if ground is not None:
            colour.setAlpha(TAG_ALPHA)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(tag, RADIUS_PX, RADIUS_PX)
        painter.setFont(font)
        painter.setPen(QColor(OVERLAY_SHADOW if ground is None else OVERLAY_LINE))
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_hint(self, painter: QPainter) -> None:
        area = self.picture_rect() if self._picture is not None else QRectF(self.rect())
        metrics = QFontMetricsF(self.font())
        width_px = min(metrics.horizontalAdvance(self._hint) + 6 * UNIT_PX, area.width())
        height_px = metrics.height() + 3 * UNIT_PX
        tag = QRectF(
            area.center().x() - width_px / 2,
            area.bottom() - height_px - 4 * UNIT_PX,
            width_px,
            height_px,
        )
        ground = QColor(OVERLAY_SHADOW)
        ground.setAlpha(TAG_ALPHA)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(tag, RADIUS_PX, RADIUS_PX)
        painter.setFont(self.font())
        painter.setPen(QColor(OVERLAY_LINE))
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, self._hint)

    def _paint_text(self, painter: QPainter) -> None:
        """A heading and a sentence in the middle."""
        heading, text = self._text
        room = QRectF(self.rect()).adjusted(24, 0, -24, 0)
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        painter.setFont(strong_font(self.font()))
        above = painter.boundingRect(room, flags | Qt.AlignmentFlag.AlignTop, heading)
        painter.setFont(self.font())
        below = painter.boundingRect(room, flags | Qt.AlignmentFlag.AlignTop, text)
        gap_px = 2 * UNIT_PX if text else 0
        top = room.center().y() - (above.height() + gap_px + below.height()) / 2
        painter.setFont(strong_font(self.font()))
        painter.setPen(QColor(tokens().text))
        painter.drawText(QRectF(room.left(), top, room.width(), above.height()), flags, heading)
        painter.setFont(self.font())
        painter.setPen(QColor(tokens().muted))
        top += above.height() + gap_px
        painter.drawText(QRectF(room.left(), top, room.width(), below.height()), flags, text)

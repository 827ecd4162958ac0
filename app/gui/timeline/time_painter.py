"""Paints what all lanes have in common: the times above them, and what a search leaves out."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from app.gui.hit_text import date_text
from app.gui.timeline.time_axis import TimeAxis, moment_of
from app.gui.widgets.theme import tokens

NAMES_PX, AXIS_PX = 104, 20
"""Width of the cameras' names at the left, height of the times above."""
TICK_PX = 84
"""Least distance of written times."""


def paint_head(painter: QPainter, axis: TimeAxis, zone: ZoneInfo, whole: QRect) -> None:
    """The day of the left edge, then round times with a line through all lanes."""
    colours = tokens()
    head = QRectF(0, 0, whole.width(), AXIS_PX)
    painter.fillRect(head, QColor(colours.surface))
    painter.setPen(QColor(colours.line))
    painter.drawLine(head.bottomLeft(), head.bottomRight())
    painter.setPen(QColor(colours.muted))
    day = date_text(moment_of(axis.first_s), zone)
    where = QRectF(8, 0, NAMES_PX - 12, AXIS_PX)
    painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, day)
    for tick in axis.ticks(zone, TICK_PX):
        x_px = NAMES_PX + axis.x_of(tick.time_s)
        painter.setPen(QColor(colours.line))
        painter.drawLine(QPointF(x_px, AXIS_PX - 5), QPointF(x_px, whole.height()))
        painter.setPen(QColor(colours.muted))
        painter.drawText(QPointF(x_px + 3, AXIS_PX - 6), tick.text)


def paint_left_out(
    painter: QPainter, axis: TimeAxis, ends: tuple[float | None, float | None], lanes: QRectF
) -> None:
    """Shades what lies outside of two moments, of which either may be open."""
    shade = QColor(tokens().surface)
    shade.setAlpha(170)
    first_s, last_s = ends
    width = lanes.width()
    if first_s is not None:
        until = min(max(axis.x_of(first_s), 0.0), width)
        painter.fillRect(QRectF(lanes.left(), AXIS_PX, until, lanes.height()), shade)
    if last_s is not None:
        since = min(max(axis.x_of(last_s), 0.0), width)
        left_out = QRectF(lanes.left() + since, AXIS_PX, width - since, lanes.height())
        painter.fillRect(left_out, shade)

"""Paints lanes: whatever is stored becomes at most one thing for each column of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF

from app.gui.timeline.time_axis import TimeAxis
from app.gui.widgets.theme import Tokens
from app.services.route.timeline import Density, Lane, Mark, Reading

LANE_PX = 22
_FOOTAGE_PX = 12  # of a lane, below its density
_SEEN_PX = 2.0  # below it, for how long the person was seen
_MARK_PX = 5.0  # half of a diamond
_RING_PX = 8.0
_DIAMOND = QPolygonF(
    [QPointF(0, -_MARK_PX), QPointF(_MARK_PX, 0), QPointF(0, _MARK_PX), QPointF(-_MARK_PX, 0)]
)
# Columns of marks that become one.
_MARK_COLUMNS = 6


@dataclass(frozen=True, slots=True, eq=False)
class LaneContent:
    """What is in a lane.

    Attributes:
        most: people in the fullest stretch of all lanes.
        marks: of its camera, by time.
    """

    lane: Lane
    density: Density | None
    most: int
    marks: Sequence[Mark]


def paint_lane(
    painter: QPainter, content: LaneContent, axis: TimeAxis, top_px: float, colours: Tokens
) -> None:
    """Footage, gaps, what is not read, people and marks of one lane, `LANE_PX` high."""
    footage = QRectF(0, top_px + (LANE_PX - _FOOTAGE_PX) / 2, axis.width_px, _FOOTAGE_PX)
    _paint_gaps(painter, content.lane, axis, footage, colours)
    brushes = {
        Reading.READ: QBrush(QColor(colours.line)),
        Reading.WAITING: QBrush(QColor(colours.muted), Qt.BrushStyle.BDiagPattern),
        Reading.FAILED: QBrush(QColor(colours.rejected), Qt.BrushStyle.DiagCrossPattern),
        Reading.EXCLUDED: QBrush(QColor(colours.muted), Qt.BrushStyle.Dense6Pattern),
    }
    for kind, brush in brushes.items():
        for first, last in _runs(columns_of(content.lane.stretches[kind], axis)):
            painter.fillRect(QRectF(first, footage.top(), last - first, _FOOTAGE_PX), brush)
    _paint_density(painter, content, axis, footage, colours)
    marked = np.array([(each.first_s, each.last_s) for each in content.marks if each.is_confirmed])
    for first, last in _runs(columns_of(marked.reshape(-1, 2), axis)):
        line = QRectF(first, footage.bottom(), last - first, _SEEN_PX)
        painter.fillRect(line, QColor(colours.confirmed))
    _paint_marks(painter, content.marks, axis, footage.center().y(), colours)


def columns_of(stretches: NDArray[np.float64], axis: TimeAxis) -> NDArray[np.bool_]:
    """Which columns of pixels a part of a stretch lies in, bool (width,).

    Args:
        stretches: float64 (n, 2), begin and end in POSIX seconds.
        axis: what is seen.
    """
    seen = stretches[(stretches[:, 1] >= axis.first_s) & (stretches[:, 0] <= axis.last_s)]
    changes = np.zeros(axis.width_px + 1, np.int64)
    first, last = _columns(seen[:, 0], axis), _columns(seen[:, 1], axis)
    np.add.at(changes, first, 1)
    np.add.at(changes, last + 1, -1)
    return np.asarray(np.cumsum(changes)[:-1] > 0)


def people_of(density: Density, axis: TimeAxis) -> NDArray[np.int64]:
    """How many people are seen in each column of pixels at the most, int64 (width,)."""
    there = (density.last_s >= axis.first_s) & (density.first_s < axis.last_s)
    first = _columns(density.first_s[there], axis)
    # A stretch that ends where a column begins does not reach into it.
    last = np.maximum(_columns(density.last_s[there] - axis.s_per_px / 2, axis), first)
    lengths = last - first + 1
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    every = np.repeat(first, lengths) + np.arange(int(lengths.sum())) - starts
    found = np.zeros(axis.width_px, np.int64)
    np.maximum.at(found, every, np.repeat(density.people[there], lengths))
    return found


def shown_marks(marks: Sequence[Mark], axis: TimeAxis) -> list[tuple[float, Mark]]:
    """Where marks are drawn; of those in one place the most telling one, the latest on top."""
    chosen: dict[int, tuple[float, Mark]] = {}
    for mark in marks:
        x_px = axis.x_of(mark.first_s)
        if not -_RING_PX <= x_px <= axis.width_px + _RING_PX:
            continue
        place = int(x_px // _MARK_COLUMNS)
        known = chosen.get(place)
        if known is None or _weight(mark) > _weight(known[1]):
            chosen[place] = (x_px, mark)
    return sorted(chosen.values(), key=lambda each: (_weight(each[1]), each[0]))


def mark_at(marks: Sequence[Mark], axis: TimeAxis, x_px: float) -> Mark | None:
    """The mark that is drawn at a place, or None."""
    near = [each for each in shown_marks(marks, axis) if abs(each[0] - x_px) <= _RING_PX]
    return min(near, key=lambda each: abs(each[0] - x_px))[1] if near else None


def _weight(mark: Mark) -> tuple[bool, bool]:
    return bool(mark.contradictions), mark.is_confirmed


def _columns(times_s: NDArray[np.float64], axis: TimeAxis) -> NDArray[np.int64]:
    places = np.floor((times_s - axis.first_s) / axis.s_per_px)
    return np.asarray(places.clip(0, axis.width_px - 1), np.int64)


def _runs(columns: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First column of each run, and the one after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], columns, [False]]).astype(np.int8)))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _paint_gaps(
    painter: QPainter, lane: Lane, axis: TimeAxis, footage: QRectF, colours: Tokens
) -> None:
    """A dashed line from the camera's first footage to its last; footage covers it."""
    if not len(lane.videos):
        return
    first = max(0.0, axis.x_of(float(lane.first_s[0])))
    last = min(float(axis.width_px), axis.x_of(float(lane.last_s.max())))
    if first < last:
        painter.setPen(QPen(QColor(colours.muted), 1, Qt.PenStyle.DashLine))
        middle = footage.center().y()
        painter.drawLine(QPointF(first, middle), QPointF(last, middle))


def _paint_density(
    painter: QPainter, content: LaneContent, axis: TimeAxis, footage: QRectF, colours: Tokens
) -> None:
    if content.density is None or not content.most:
        return
    people = people_of(content.density, axis)
    heights = np.ceil(np.sqrt(people / content.most) * (_FOOTAGE_PX - 2)).astype(np.int64)
    colour = QColor(colours.muted)
    colour.setAlpha(150)
    # Neighbours of one height are one bar.
    edges = np.flatnonzero(np.diff(heights, prepend=-1, append=-1)).tolist()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRects(
        [
            QRectF(first, footage.bottom() - heights[first], last - first, heights[first])
            for first, last in pairwise(edges)
            if heights[first]
        ]
    )


def _paint_marks(
    painter: QPainter, marks: Sequence[Mark], axis: TimeAxis, y_px: float, colours: Tokens
) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for (is_ringed, is_confirmed), some in groupby(
        shown_marks(marks, axis), lambda each: _weight(each[1])
    ):
        places = [QPointF(x_px, y_px) for x_px, _ in some]
        if is_confirmed:
            painter.setPen(QPen(QColor(colours.raised), 1))
            painter.setBrush(QColor(colours.confirmed))
        else:
            painter.setPen(QPen(QColor(colours.accent), 1.5))
            painter.setBrush(QColor(colours.raised))
        for place in places:
            painter.drawPolygon(_DIAMOND.translated(place))
        if is_ringed:
            painter.setPen(QPen(QColor(colours.rejected), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for place in places:
                painter.drawEllipse(place, _RING_PX, _RING_PX)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

"""Paints a row of the result gallery: a heading, or a tile with pictures, place, time, verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.core.queries import percent_text
from app.gui.hit_text import (
    clock_text,
    day_text,
    score_text,
    taken_utc,
    video_time_text,
)
from app.gui.results.gallery_rows import Heading
from app.gui.widgets import theme
from app.language import tr

if TYPE_CHECKING:
    from pathlib import Path

    from app.core.queries import Hit
    from app.gui.results.gallery_model import GalleryModel
    from app.gui.results.thumbnails import Thumbnails
    from app.gui.widgets.theme import Tokens
    from app.services.people.catalog import HitDetails

PAD_PX = theme.UNIT_PX
# Beside a time that the recorder's clock did not show; the tooltip says so in words.
CORRECTED_SIGN = "Δ"
_FADED = ("different", "thing")
TEXT_LINES = 3
BADGE_PX = 18
REJECTED_OPACITY = 0.4
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class GalleryDelegate(QStyledItemDelegate):
    """Draws tiles that are all of one size, whether their picture has arrived or not."""

    def __init__(self, model: GalleryModel, thumbnails: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._thumbnails = thumbnails
        self._view = parent
        self._tile = QSize(96, 224)
        self._has_strip = False
        self.playing: tuple[int, int] | None = None
        """Row whose pictures are shown one after the other, and which one it is, counted on."""

    def set_tile(self, size: QSize, *, has_strip: bool) -> None:
        """How large every tile is, in pixels; whether begin and end stand beside the picture."""
        self._tile = size
        self._has_strip = has_strip

    @staticmethod
    def heading_height_px(font: QFont) -> int:
        """What a heading needs, paddings included."""
        return QFontMetrics(font).height() + 3 * PAD_PX

    def stack_sign(self, rect: QRect) -> QRect:
        """Where a tile says how many hits it stands for."""
        tile = rect.adjusted(1 + PAD_PX, 1 + PAD_PX, -1 - PAD_PX, 0)
        height = QFontMetrics(self._view.font()).height() + PAD_PX
        return QRect(tile.left(), tile.top(), tile.width() - BADGE_PX - PAD_PX, height)

    @staticmethod
    def least_width_px(font: QFont) -> int:
        """Room for a time of day, paddings and outline included."""
        return QFontMetrics(font).horizontalAdvance("00:00:00") + 2 * PAD_PX + 4

    @staticmethod
    def text_height_px(font: QFont) -> int:
        """What a tile needs below its picture, paddings included."""
        return TEXT_LINES * QFontMetrics(font).height() + 3 * PAD_PX

    # Qt's face ----------------------------------------------------------------------------------

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """The size of every tile."""
        del option, index
        return self._tile

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paints the heading or the tile of a row."""
        row = self._model.at(index.row())
        if isinstance(row, Heading):
            _paint_heading(painter, option, row)
            return
        hit = row.hit
        details = self._model.details_of(hit.tracklet_id)
        is_person = self._model.is_person(hit.tracklet_id)
        verdict = self._model.verdict_of(hit.tracklet_id) if is_person else "thing"
        tokens = theme.tokens()
        tile = option.rect.adjusted(1, 1, -1, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _paint_ground(painter, tile, option.state, tokens)
        inner = tile.adjusted(PAD_PX, PAD_PX, -PAD_PX, -PAD_PX)
        text_px = self.text_height_px(option.font) - PAD_PX
        bed = QRect(inner.topLeft(), QSize(inner.width(), inner.height() - text_px + PAD_PX))
        self._paint_pictures(painter, bed, index.row(), details, verdict in _FADED, tokens)
        if len(row.hits) > 1:
            stack = self._model.stack_words(row), f"×{len(row.hits)}"
            _paint_plate(painter, self.stack_sign(option.rect), stack, tokens)
        if verdict in ("same", "different", "maybe", "thing"):
            corner = QPoint(bed.right() - BADGE_PX - 2, bed.top() + 3)
            _paint_badge(painter, QRect(corner, QSize(BADGE_PX, BADGE_PX)), verdict, tokens)
        words = QRect(inner.left(), bed.bottom() + PAD_PX, inner.width(), text_px - PAD_PX)
        self._paint_words(painter, words, option.font, hit, details, tokens)
        painter.restore()

    # Parts --------------------------------------------------------------------------------------

    def _paint_pictures(
        self,
        painter: QPainter,
        bed: QRect,
        row: int,
        details: HitDetails | None,
        is_faded: bool,
        tokens: Tokens,
    ) -> None:
        """The best one, or what is played, or the best with begin and end beside it."""
        if details is None:
            self._paint_crop(painter, bed, None, is_faded, tokens)
            return
        step = self._step_of(row, details)
        if step is not None:
            self._paint_picture(painter, bed, details, details.pictures[step], is_faded, tokens)
            _paint_step(painter, bed, step, len(details.pictures), tokens)
        elif self._has_strip and len(details.pictures) > 1:
            main, begin, end = _strip(bed)
            self._paint_picture(painter, main, details, details.thumbnail, is_faded, tokens)
            for place, path in ((begin, details.pictures[0]), (end, details.pictures[-1])):
                self._paint_crop(painter, place, path, is_faded, tokens)
        else:
            self._paint_picture(painter, bed, details, details.thumbnail, is_faded, tokens)

    def _step_of(self, row: int, details: HitDetails) -> int | None:
        """Which picture of a sighting is played now; None where none is."""
        if self.playing is None or self.playing[0] != row or len(details.pictures) < 2:
            return None
        return self.playing[1] % len(details.pictures)

    def _paint_picture(
        self,
        painter: QPainter,
        bed: QRect,
        details: HitDetails,
        path: Path,
        is_faded: bool,
        tokens: Tokens,
    ) -> None:
        self._paint_crop(painter, bed, path, is_faded, tokens)
        if details.identity:
            _paint_name(painter, bed, details.identity, tokens)

    def _paint_crop(
        self, painter: QPainter, bed: QRect, path: Path | None, is_faded: bool, tokens: Tokens
    ) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.ground))
        painter.drawRoundedRect(bed, theme.RADIUS_PX, theme.RADIUS_PX)
        if path is None:
            return
        ratio = painter.device().devicePixelRatioF()
        picture = self._thumbnails.pixmap(path, bed.size() * ratio)
        if picture is None:
            return
        if picture.isNull():
            painter.setPen(QColor(tokens.muted))
            wrapped = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(bed, wrapped, tr("picture missing"))
            return
        if is_faded:
            painter.setOpacity(REJECTED_OPACITY)
        place = QRect(QPoint(0, 0), picture.size() / ratio)
        place.moveCenter(bed.center())
        painter.drawPixmap(place, picture)
        painter.setOpacity(1.0)

    def _paint_words(
        self,
        painter: QPainter,
        words: QRect,
        font: QFont,
        hit: Hit,
        details: HitDetails | None,
        tokens: Tokens,
    ) -> None:
        metrics = QFontMetrics(font)
        line = QRect(words.left(), words.top(), words.width(), metrics.height())
        painter.setPen(QColor(tokens.text))
        painter.setFont(theme.strong_font(font))
        chance = hit.probability
        score = score_text(hit.score) if chance is None else percent_text(chance)
        painter.drawText(line, _LEFT, score)
        left_px = line.width() - painter.fontMetrics().horizontalAdvance(score) - PAD_PX
        painter.setFont(font)
        if details is None:
            return
        time = video_time_text(details.box_time_s)
        if metrics.horizontalAdvance(time) <= left_px:
            painter.setPen(QColor(tokens.muted))
            painter.drawText(line, _RIGHT, time)
        painter.setPen(QColor(tokens.text))
        line.translate(0, metrics.height())
        camera = metrics.elidedText(details.camera, Qt.TextElideMode.ElideMiddle, line.width())
        painter.drawText(line, _LEFT, camera)
        line.translate(0, metrics.height())
        painter.drawText(line, _LEFT, self._moment(details, metrics, line.width(), painter, tokens))

    def _moment(
        self,
        details: HitDetails,
        metrics: QFontMetrics,
        width_px: int,
        painter: QPainter,
        tokens: Tokens,
    ) -> str:
        """Day and time where both have room, else the time."""
        taken = taken_utc(details)
        if taken is None:
            painter.setPen(QColor(tokens.muted))
            return metrics.elidedText(tr("no clock"), Qt.TextElideMode.ElideRight, width_px)
        time = clock_text(taken, self._model.zone)
        if details.corrected:
            time = f"{time} {CORRECTED_SIGN}"
        with_day = f"{day_text(taken, self._model.zone)} {time}"
        return with_day if metrics.horizontalAdvance(with_day) <= width_px else time


def _strip(bed: QRect) -> tuple[QRect, QRect, QRect]:
    """Where the best picture goes, and at its right the first and the last one."""
    main = QRect(bed.left(), bed.top(), round(bed.width() * 2 / 3) - PAD_PX // 2, bed.height())
    left = main.right() + PAD_PX
    half = (bed.height() - PAD_PX) // 2
    begin = QRect(left, bed.top(), bed.right() - left + 1, half)
    return main, begin, begin.translated(0, half + PAD_PX)


def _paint_heading(painter: QPainter, option: QStyleOptionViewItem, heading: Heading) -> None:
    """Its words over a line, with a sign where it can be folded."""
    tokens = theme.tokens()
    painter.save()
    _paint_ground(painter, option.rect.adjusted(1, 1, -1, -1), option.state, tokens)
    room = option.rect.adjusted(PAD_PX, 0, -PAD_PX, -PAD_PX)
    sign = ("▸ " if heading.is_folded else "▾ ") if heading.count else ""
    painter.setPen(QColor(tokens.text if heading.count else tokens.muted))
    painter.setFont(theme.strong_font(option.font) if heading.count else option.font)
    metrics = painter.fontMetrics()
    text = metrics.elidedText(sign + heading.text, Qt.TextElideMode.ElideRight, room.width())
    painter.drawText(room, _LEFT, text)
    begin = room.left() + metrics.horizontalAdvance(text) + 2 * PAD_PX
    painter.setPen(QColor(tokens.line))
    painter.drawLine(begin, room.center().y() + 1, room.right(), room.center().y() + 1)
    painter.restore()


def _paint_step(painter: QPainter, bed: QRect, step: int, count: int, tokens: Tokens) -> None:
    """How far a sighting that is played has come: a bar at the foot of the picture."""
    width = bed.width() // count
    painter.fillRect(bed.left() + step * width, bed.bottom() - 2, width, 3, QColor(tokens.accent))


def _paint_plate(painter: QPainter, place: QRect, words: tuple[str, str], tokens: Tokens) -> None:
    """Words on a plate over the picture, as wide as they need; the second ones where room lacks."""
    metrics = painter.fontMetrics()
    room = place.width() - 2 * PAD_PX
    shown = words[0] if metrics.horizontalAdvance(words[0]) <= room else words[1]
    plate = QRect(place)
    plate.setWidth(metrics.horizontalAdvance(shown) + 2 * PAD_PX)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(tokens.accent))
    painter.drawRoundedRect(plate, theme.RADIUS_PX, theme.RADIUS_PX)
    painter.setPen(QColor(tokens.on_accent))
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, shown)


def _paint_ground(painter: QPainter, tile: QRect, state: QStyle.StateFlag, tokens: Tokens) -> None:
    """A chosen tile has a ground and an outline, one under the pointer a ground."""
    is_chosen = bool(state & QStyle.StateFlag.State_Selected)
    is_under_pointer = bool(state & QStyle.StateFlag.State_MouseOver)
    if not (is_chosen or is_under_pointer):
        return
    painter.setBrush(QColor(tokens.selected if is_chosen else tokens.hovered))
    painter.setPen(QPen(QColor(tokens.accent), 2) if is_chosen else Qt.PenStyle.NoPen)
    painter.drawRoundedRect(tile, theme.RADIUS_PX, theme.RADIUS_PX)


def _paint_badge(painter: QPainter, place: QRect, verdict: str, tokens: Tokens) -> None:
    """✓, ✕, ? or ∅ in a disc: a shape as well as a colour."""
    grounds = {"same": tokens.confirmed, "different": tokens.rejected}
    painter.setPen(QPen(QColor(tokens.raised), 2))
    painter.setBrush(QColor(grounds.get(verdict, tokens.uncertain)))
    painter.drawEllipse(place)
    if verdict not in grounds:
        painter.setFont(theme.strong_font(painter.font()))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, "∅" if verdict == "thing" else "?")
        return
    pen = QPen(QColor(tokens.raised), 2)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    middle, reach = place.center(), BADGE_PX // 4
    if verdict == "same":
        knee = middle + QPoint(-1, reach - 1)
        painter.drawLine(middle + QPoint(-reach, 0), knee)
        painter.drawLine(knee, middle + QPoint(reach + 1, -reach + 1))
    else:
        reach -= 1
        painter.drawLine(middle + QPoint(-reach, -reach), middle + QPoint(reach + 1, reach + 1))
        painter.drawLine(middle + QPoint(reach + 1, -reach), middle + QPoint(-reach, reach + 1))


def _paint_name(painter: QPainter, bed: QRect, name: str, tokens: Tokens) -> None:
    """The name of a known person, on a plate at the picture's foot."""
    metrics = painter.fontMetrics()
    plate = QRect(
        bed.left(), bed.bottom() - metrics.height() - 1, bed.width(), metrics.height() + 2
    )
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(tokens.raised))
    painter.setOpacity(0.85)
    painter.drawRect(plate)
    painter.setOpacity(1.0)
    painter.setPen(QColor(tokens.text))
    room = plate.adjusted(PAD_PX, 0, -PAD_PX, 0)
    shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, room.width())
    painter.drawText(room, Qt.AlignmentFlag.AlignCenter, shown)

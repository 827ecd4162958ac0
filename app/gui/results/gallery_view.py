"""The result gallery: headings and equal tiles; it says which rows are in view."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyleOptionViewItem, QWidget

from app.gui.results.gallery_delegate import PAD_PX, GalleryDelegate
from app.gui.results.gallery_layout import GalleryLayout
from app.gui.results.gallery_model import GalleryModel, Index
from app.gui.results.gallery_rows import Heading, Tile
from app.gui.results.thumbnails import Thumbnails
from app.language import tr

SMALLEST_PICTURE_PX = 96
LARGEST_PICTURE_PX = 320
DEFAULT_PICTURE_PX = 152
PICTURE_ASPECT = 0.5
"""Width of a standing person's crop as a share of its height."""
STRIP_FROM_PX = 176
"""From this height on there is room for the sighting's begin and end beside the best picture."""
REPORT_EVERY_MS = 25
"""Pages that fly by while someone drags the scroll bar are not loaded."""
PLAY_AFTER_MS, PLAY_EVERY_MS = 300, 350
"""How long the pointer rests on a tile until it plays, and how long each picture stays."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which tile is selected, whether it is in view, and how far the list is scrolled."""

    chosen_id: int | None = None
    is_chosen_in_view: bool = False
    scrolled_px: int = 0


class GalleryView(QAbstractItemView):
    """Lays tiles out in as many equal columns as fit, each section below its heading.

    Signals:
        chosen: the tracklet id of the tile that the user selected.
        rows_seen: the range of rows in view, and a page below them, whenever it changes.
        played: the row whose pictures are wanted, because the pointer rests on it.
        strips_shown: whether first and last picture of each sighting are shown, too.
    """

    chosen = Signal(int)
    rows_seen = Signal(object)
    played = Signal(int)
    strips_shown = Signal(bool)

    def __init__(
        self, model: GalleryModel, thumbnails: Thumbnails, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._gallery = model
        self._picture_px = DEFAULT_PICTURE_PX
        self._is_returning = False
        self._delegate = GalleryDelegate(model, thumbnails, self)
        self._layout = GalleryLayout((), 1, QSize(96, 224), 1)
        self._hovered: int | None = None
        self._report = QTimer(self)
        self._report.setSingleShot(True)
        self._report.timeout.connect(self._tell_rows)
        self._play = QTimer(self)
        self._play.timeout.connect(self._play_on)
        self._set_up()
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.verticalScrollBar().valueChanged.connect(self._report_later)
        # A new ranking is loaded without delay: somebody is waiting for its pictures.
        model.modelReset.connect(self._take_rows)

    def _set_up(self) -> None:
        self.setObjectName("gallery")
        self.setAccessibleName(tr("Possible matches"))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)

    # Size of tiles ------------------------------------------------------------------------------

    @property
    def picture_px(self) -> int:
        """Height of the pictures."""
        return self._picture_px

    def set_picture_px(self, height_px: int) -> None:
        """Makes pictures larger or smaller; the tile in the middle of the eye stays in view."""
        if height_px == self._picture_px:
            return
        anchor = self.currentIndex()
        if not (anchor.isValid() and self._is_in_view(anchor)):
            anchor = self._gallery.index(self.visible_rows().start)
        self._picture_px = height_px
        self._fit()
        self.strips_shown.emit(height_px >= STRIP_FROM_PX)
        if anchor.isValid():
            self.scrollTo(anchor, QAbstractItemView.ScrollHint.PositionAtTop)

    def _fit(self) -> None:
        """Divides the width into equal columns, so that no ragged rest stands at the right."""
        available = max(1, self.viewport().width() - 1)
        has_strip = self._picture_px >= STRIP_FROM_PX
        aspect = PICTURE_ASPECT * (1.5 if has_strip else 1)
        for_picture = round(self._picture_px * aspect) + 2 * PAD_PX + 2
        smallest = max(for_picture, self._delegate.least_width_px(self.font()))
        columns = max(1, available // smallest)
        text_px = self._delegate.text_height_px(self.font())
        tile = QSize(available // columns, self._picture_px + text_px + PAD_PX)
        self._delegate.set_tile(tile, has_strip=has_strip)
        heading_px = self._delegate.heading_height_px(self.font())
        self._layout = GalleryLayout(self._gallery.headings(), columns, tile, heading_px)
        bar = self.verticalScrollBar()
        bar.setSingleStep(max(1, tile.height() // 4))
        bar.setPageStep(self.viewport().height())
        bar.setRange(0, max(0, self._layout.height_px - self.viewport().height()))
        self.viewport().update()
        self._report_later()

    def _take_rows(self) -> None:
        self._hovered = None
        self._stop_playing()
        self._fit()
        self._report.start(0)

    def _is_in_view(self, index: Index) -> bool:
        return self.viewport().rect().intersects(self.visualRect(index))

    # What is in view ----------------------------------------------------------------------------

    def visible_rows(self) -> range:
        """The rows that are, even partly, in view."""
        top = self.verticalScrollBar().value()
        return self._layout.between(top, top + max(1, self.viewport().height()) - 1)

    def _report_later(self) -> None:
        if not self._report.isActive():
            self._report.start(REPORT_EVERY_MS)

    def _tell_rows(self) -> None:
        rows = self.visible_rows()
        if rows and self.isVisible():
            ahead = min(self._gallery.rowCount(), rows.stop + len(rows))
            self.rows_seen.emit(range(rows.start, ahead))

    # Selection ----------------------------------------------------------------------------------

    def chosen_id(self) -> int | None:
        """The tracklet that is selected, or None."""
        return self._id_at(self.currentIndex())

    def _id_at(self, index: Index) -> int | None:
        row = self._gallery.at(index.row()) if index.isValid() else None
        return row.hit.tracklet_id if isinstance(row, Tile) else None

    def place(self) -> Place:
        """Where the user is, to come back to after the list was replaced."""
        current = self.currentIndex()
        in_view = current.isValid() and self._is_in_view(current)
        return Place(self.chosen_id(), in_view, self.verticalScrollBar().value())

    def return_to(self, place: Place) -> None:
        """Selects and scrolls as before; what was selected in view stays in view."""
        self.verticalScrollBar().setValue(place.scrolled_px)
        row = None if place.chosen_id is None else self._gallery.row_of(place.chosen_id)
        index = QModelIndex() if row is None else self._gallery.index(row)
        self._is_returning = True
        self.setAutoScroll(False)
        try:
            self.setCurrentIndex(index)
        finally:
            self._is_returning = False
            self.setAutoScroll(True)
        if place.is_chosen_in_view and index.isValid():
            self.scrollTo(index)

    def choose(self, tracklet_id: int) -> bool:
        """Selects a hit, or nothing if it has no tile here; says whether it has."""
        row = self._gallery.row_of(tracklet_id)
        self.setCurrentIndex(QModelIndex() if row is None else self._gallery.index(row))
        return row is not None

    def choose_beside(self, way: int) -> None:
        """Selects the next hit (1) or the one before (-1); at first, the first."""
        row = self._gallery.tile_beside(self.currentIndex().row(), way)
        if row is not None:
            self.setCurrentIndex(self._gallery.index(row))

    def currentChanged(self, current: Index, previous: Index) -> None:
        """Tells which tile the user selected."""
        super().currentChanged(current, previous)
        chosen = self._id_at(current)
        if chosen is not None and not self._is_returning:
            self.chosen.emit(chosen)

    def toggle(self, row: int) -> None:
        """Folds or unfolds a heading, or spreads out a stack; what is above stays where it is."""
        place = self.place()
        self._gallery.toggle(row)
        self.return_to(place)
        if isinstance(self._gallery.at(row), Heading):
            self._is_returning = True
            self.setCurrentIndex(self._gallery.index(row))
            self._is_returning = False

    # Qt's face ----------------------------------------------------------------------------------

    def visualRect(self, index: Index) -> QRect:
        """Where a row is, in the viewport."""
        return self._layout.rect(index.row()).translated(0, -self.verticalOffset())

    def indexAt(self, point: QPoint) -> QModelIndex:
        """The row at a point of the viewport."""
        row = self._layout.row_at(point.x(), point.y() + self.verticalOffset())
        return QModelIndex() if row is None else self._gallery.index(row)

    def scrollTo(
        self,
        index: Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """Brings a row into view."""
        rect, bar = self._layout.rect(index.row()), self.verticalScrollBar()
        if rect.isEmpty():
            return
        height = self.viewport().height()
        below = rect.bottom() + 1 - height
        if hint is QAbstractItemView.ScrollHint.PositionAtTop or rect.top() < bar.value():
            bar.setValue(rect.top())
        elif below > bar.value():
            bar.setValue(min(below, rect.top()))

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Where an arrow key leads."""
        del modifiers
        count, row = self._gallery.rowCount(), self.currentIndex().row()
        if not count:
            return QModelIndex()
        moves = QAbstractItemView.CursorAction
        page = self._layout.lines_in(self.viewport().height())
        if row < 0 or action is moves.MoveHome:
            row = 0
        elif action is moves.MoveEnd:
            row = count - 1
        elif action in (moves.MoveLeft, moves.MovePrevious):
            row = max(0, row - 1)
        elif action in (moves.MoveRight, moves.MoveNext):
            row = min(count - 1, row + 1)
        else:
            lines = {moves.MoveUp: -1, moves.MoveDown: 1, moves.MovePageUp: -page}
            row = self._layout.beside(row, lines.get(action, page))
        return self._gallery.index(row)

    def horizontalOffset(self) -> int:
        """Nothing is ever wider than the view."""
        return 0

    def verticalOffset(self) -> int:
        """How far it is scrolled."""
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: Index) -> bool:
        """Folded hits have no row at all."""
        del index
        return False

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Selects what is at a point."""
        index = self.indexAt(rect.topLeft())
        if index.isValid():
            self.selectionModel().select(index, command)

    def visualRegionForSelection(self, selection: object) -> QRegion:
        """All that may have to be painted again."""
        del selection
        return QRegion(self.viewport().rect())

    def updateGeometries(self) -> None:
        """Fits the tiles to the room there is."""
        super().updateGeometries()
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints the rows in view."""
        painter = QPainter(self.viewport())
        top = self.verticalOffset()
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        plain = option.state
        current = self.currentIndex().row()
        for row in self._layout.between(top + event.rect().top(), top + event.rect().bottom()):
            index = self._gallery.index(row)
            option.rect = self.visualRect(index)
            option.state = plain
            if self.selectionModel().isSelected(index):
                option.state |= QStyle.StateFlag.State_Selected
            if row == self._hovered:
                option.state |= QStyle.StateFlag.State_MouseOver
            if row == current and self.hasFocus():
                option.state |= QStyle.StateFlag.State_HasFocus
            self._delegate.paint(painter, option, index)
        painter.end()

    # Events -------------------------------------------------------------------------------------

    def viewportEvent(self, event: QEvent) -> bool:
        """Follows the pointer."""
        if event.type() in (QEvent.Type.HoverMove, QEvent.Type.HoverEnter):
            self._hover(self.indexAt(event.position().toPoint()).row())  # type: ignore[attr-defined]
        elif event.type() in (QEvent.Type.HoverLeave, QEvent.Type.Leave):
            self._hover(-1)
        return super().viewportEvent(event)

    def _hover(self, row: int) -> None:
        hovered = row if row >= 0 else None
        if hovered == self._hovered:
            return
        self._hovered = hovered
        self._stop_playing()
        if hovered is not None and isinstance(self._gallery.at(hovered), Tile):
            self._play.start(PLAY_AFTER_MS)
        self.viewport().update()

    def _play_on(self) -> None:
        """Shows the next picture of the sighting under the pointer."""
        if self._hovered is None:
            return
        self._play.setInterval(PLAY_EVERY_MS)
        playing = self._delegate.playing
        step = playing[1] + 1 if playing is not None and playing[0] == self._hovered else 0
        self._delegate.playing = (self._hovered, step)
        if step == 0:
            self.played.emit(self._hovered)
        self.viewport().update(self.visualRect(self._gallery.index(self._hovered)))

    def _stop_playing(self) -> None:
        self._play.stop()
        self._delegate.playing = None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Folds at a click on a heading; spreads out a stack at a click on its sign."""
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        if event.button() is not Qt.MouseButton.LeftButton or not index.isValid():
            return
        row = self._gallery.at(index.row())
        if isinstance(row, Heading) or (
            len(row.hits) > 1
            and self._delegate.stack_sign(self.visualRect(index)).contains(
                event.position().toPoint()
            )
        ):
            self.toggle(index.row())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keeps the keys that move about; what types a character is the player's."""
        current = self.currentIndex()
        is_heading = current.isValid() and isinstance(self._gallery.at(current.row()), Heading)
        if is_heading and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.toggle(current.row())
        elif event.text().isprintable() and event.text():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits the columns to the new width."""
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Has what came while it was hidden loaded now."""
        super().showEvent(event)
        self._report_later()

    def keyboardSearch(self, search: str) -> None:
        """Does nothing: looking through thousands of tiles for typed letters helps nobody."""
        del search

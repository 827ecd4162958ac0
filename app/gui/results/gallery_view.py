"""The result gallery: a list view of equal tiles that says which rows are in view."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from app.gui.results.gallery_delegate import PAD_PX, GalleryDelegate
from app.gui.results.gallery_model import GalleryModel, Index
from app.gui.results.thumbnails import Thumbnails
from app.language import tr

SMALLEST_PICTURE_PX = 96
LARGEST_PICTURE_PX = 320
DEFAULT_PICTURE_PX = 152
PICTURE_ASPECT = 0.5
"""Width of a standing person's crop as a share of its height."""
REPORT_EVERY_MS = 25
"""Pages that fly by while someone drags the scroll bar are not loaded."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which tile is selected, whether it is in view, and how far the list is scrolled."""

    chosen_id: int | None = None
    is_chosen_in_view: bool = False
    scrolled_px: int = 0


class GalleryView(QListView):
    """Lays tiles out in as many equal columns as fit.

    Signals:
        chosen: the tracklet id of the tile that the user selected.
        rows_seen: the range of rows in view, and a page below them, whenever it changes.
    """

    chosen = Signal(int)
    rows_seen = Signal(object)

    def __init__(
        self, model: GalleryModel, thumbnails: Thumbnails, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._gallery = model
        self._picture_px = DEFAULT_PICTURE_PX
        self._columns = 1
        self._is_returning = False
        self._delegate = GalleryDelegate(model, thumbnails, self)
        self._report = QTimer(self)
        self._report.setSingleShot(True)
        self._report.timeout.connect(self._tell_rows)
        self._set_up()
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.verticalScrollBar().valueChanged.connect(self._report_later)
        # A new ranking is loaded without delay: somebody is waiting for its pictures.
        model.modelReset.connect(lambda: self._report.start(0))

    def _set_up(self) -> None:
        self.setObjectName("gallery")
        self.setAccessibleName(tr("Possible matches"))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        # Without it Qt asks the size of each of thousands of tiles.
        self.setUniformItemSizes(True)
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
        if anchor.isValid():
            self.scrollTo(anchor, QAbstractItemView.ScrollHint.PositionAtTop)

    def _fit(self) -> None:
        """Divides the width into equal columns, so that no ragged rest stands at the right."""
        available = max(1, self.viewport().width() - 1)
        for_picture = round(self._picture_px * PICTURE_ASPECT) + 2 * PAD_PX + 2
        smallest = max(for_picture, self._delegate.least_width_px(self.font()))
        self._columns = max(1, available // smallest)
        text_px = self._delegate.text_height_px(self.font())
        tile = QSize(available // self._columns, self._picture_px + text_px + PAD_PX)
        self._delegate.set_tile(tile)
        self.setGridSize(tile)
        self.verticalScrollBar().setSingleStep(max(1, tile.height() // 4))
        self._report_later()

    def _is_in_view(self, index: Index) -> bool:
        return self.viewport().rect().intersects(self.visualRect(index))

    # What is in view ----------------------------------------------------------------------------

    def visible_rows(self) -> range:
        """The rows that are, even partly, in view."""
        count = len(self._gallery)
        if not count:
            return range(0)
        height = max(1, self.gridSize().height())
        top = self.verticalScrollBar().value()
        first = (top // height) * self._columns
        last = ((top + max(1, self.viewport().height()) - 1) // height + 1) * self._columns
        return range(min(first, count), min(last, count))

    def _report_later(self) -> None:
        if not self._report.isActive():
            self._report.start(REPORT_EVERY_MS)

    def _tell_rows(self) -> None:
        rows = self.visible_rows()
        if rows and self.isVisible():
            ahead = min(len(self._gallery), rows.stop + len(rows))
            self.rows_seen.emit(range(rows.start, ahead))

    # Selection ----------------------------------------------------------------------------------

    def chosen_id(self) -> int | None:
        """The tracklet that is selected, or None."""
        index = self.currentIndex()
        return self._gallery.hit(index.row()).tracklet_id if index.isValid() else None

    def place(self) -> Place:
        """Where the user is, to come back to after the list was replaced."""
        current = self.currentIndex()
        in_view = current.isValid() and self._is_in_view(current)
        return Place(self.chosen_id(), in_view, self.verticalScrollBar().value())

    def return_to(self, place: Place) -> None:
        """Selects and scrolls as before; what was selected in view stays in view."""
        self.executeDelayedItemsLayout()  # else there is nothing yet to scroll over
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

    def currentChanged(self, current: Index, previous: Index) -> None:
        """Tells which tile the user selected."""
        super().currentChanged(current, previous)
        if current.isValid() and not self._is_returning:
            self.chosen.emit(self._gallery.hit(current.row()).tracklet_id)

    # Events -------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keeps the keys that move about; what types a character is the player's."""
        if event.text().isprintable() and event.text():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits the columns to the new width."""
        self._fit()
        super().resizeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Has what came while it was hidden loaded now."""
        super().showEvent(event)
        self._report_later()

    def keyboardSearch(self, search: str) -> None:
        """Does nothing: looking through thousands of tiles for typed letters helps nobody."""
        del search

"""The ranked gallery with its head, filters, order, and what can be done with a hit."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.core.clock import zone_text
from app.core.journal import UndoState
from app.core.queries import SearchResult
from app.gui.hit_text import count_text
from app.gui.results.gallery_loader import GalleryLoader
from app.gui.results.gallery_model import GalleryModel
from app.gui.results.gallery_rows import GalleryOrder, Shown
from app.gui.results.gallery_view import (
    DEFAULT_PICTURE_PX,
    LARGEST_PICTURE_PX,
    SMALLEST_PICTURE_PX,
    GalleryView,
    Place,
)
from app.gui.results.hit_actions import HitActions
from app.gui.results.query_head import QueryHead
from app.gui.results.results_states import EmptyPage, NoticeBar
from app.gui.results.search_filters import SearchFilters
from app.gui.results.thumbnails import Thumbnails
from app.gui.widgets.choosing import choose_picture
from app.gui.widgets.drops import picture_in
from app.gui.widgets.elided_label import ElidedLabel
from app.gui.widgets.flow_layout import FlowLayout
from app.gui.widgets.theme import UNIT_PX
from app.language import tr, trn

if TYPE_CHECKING:
    from app.gui.tasks import TaskRunner

_ORDERS = {
    GalleryOrder.RELEVANCE: tr("by relevance"),
    GalleryOrder.TIME: tr("by time"),
    GalleryOrder.CAMERA: tr("by camera"),
    GalleryOrder.MOMENT: tr("by moment"),
}
FIRST_STEP = tr("Click a person in the player, or drop a picture of a person here.")


class ResultsPanel(QWidget):
    """Shows rankings; says by signals what the user wants.

    Signals:
        hit_chosen: tracklet id of the hit that the user selected.
        search_wanted: tracklet id of the hit whose person is to be searched next.
        verdict_wanted: (tracklet id, what is said about it: a Verdict).
        undo_wanted: the last decision is to be taken back.
        thing_wanted: (tracklet id, whether it shows a thing and no person).
        redo_wanted: the decision that was taken back is to be made again.
        why_wanted: tracklet id of the hit that is to be explained.
        filter_changed: the SearchFilter to search with from now on.
        order_wanted: the GalleryOrder to sort by.
        picture_wanted: a picture to search: the path of its file, or its pixels.
        search_again_wanted: the library has grown since the last search.
        refined_wanted: the refined order, which would move tiles, is to be shown.
        example_left: tracklet id of one who is no longer to be judged.
    """

    hit_chosen = Signal(int)
    search_wanted = Signal(int)
    verdict_wanted = Signal(int, str)
    thing_wanted = Signal(int, bool)
    undo_wanted = Signal()
    redo_wanted = Signal()
    why_wanted = Signal(int)
    filter_changed = Signal(object)
    order_wanted = Signal(object)
    picture_wanted = Signal(object)
    search_again_wanted = Signal()
    refined_wanted = Signal()
    example_left = Signal(int)

    def __init__(self, tasks: TaskRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("resultsPanel")
        self.setAccessibleName(tr("Results"))
        self.model = GalleryModel(self)
        self.thumbnails = Thumbnails(tasks, parent=self)
        self.loader = GalleryLoader(self.model, self.thumbnails, tasks, self)
        self.head = QueryHead(self)
        self.filters = SearchFilters(self)
        self.notice = NoticeBar(self)
        self.growth = QPushButton(self)
        self.refined = QPushButton(tr("↻ A refined order is ready – show it"), self)
        self.order = QComboBox(self)
        self.zone = ElidedLabel(self)
        self.picture_size = QSlider(Qt.Orientation.Horizontal, self)
        self.gallery = GalleryView(self.model, self.thumbnails, self)
        self.empty = EmptyPage(self)
        self.stack = QStackedWidget(self)
        self.hits = HitActions(self.gallery, self.model, self.filters, self)
        self.actions_by_name = self.hits.actions
        self._set_up()
        self._lay_out()
        self._connect()
        self.hits.offer_undo(UndoState())
        self.clear()

    # Building -----------------------------------------------------------------------------------

    def _set_up(self) -> None:
        for button, name in ((self.growth, "libraryGrew"), (self.refined, "refinedOrder")):
            button.setObjectName(name)
            button.setProperty("role", "row")
        self.refined.hide()
        self.order.setObjectName("galleryOrder")
        self.order.setAccessibleName(tr("Sort the results"))
        for order in GalleryOrder:
            self.order.addItem(_ORDERS[order], order)
        self.zone.setObjectName("timeZone")
        self.zone.setProperty("role", "muted")
        self.picture_size.setObjectName("thumbnailSize")
        self.picture_size.setAccessibleName(tr("Size of the pictures"))
        self.picture_size.setToolTip(tr("Size of the pictures"))
        self.picture_size.setRange(SMALLEST_PICTURE_PX, LARGEST_PICTURE_PX)
        self.picture_size.setValue(DEFAULT_PICTURE_PX)
        self.picture_size.setSingleStep(8)
        self.picture_size.setPageStep(32)
        self.picture_size.setMinimumWidth(96)
        self.picture_size.setMaximumWidth(160)
        self.gallery.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(2 * UNIT_PX)
        tools.addWidget(self.order)
        tools.addWidget(self.zone, 2)
        tools.addWidget(self.picture_size, 1)
        self.stack.addWidget(self.gallery)
        self.stack.addWidget(self.empty)
        self.tools = QWidget(self)
        self.tools.setLayout(tools)
        tools.setContentsMargins(0, 0, 0, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * UNIT_PX, 2 * UNIT_PX, 2 * UNIT_PX, 2 * UNIT_PX)
        column.setSpacing(2 * UNIT_PX)
        for part in (self.head, self.filters, self.tools, self.notice, self.growth):
            column.addWidget(part)
        column.addWidget(self.stack, 1)
        column.addWidget(self.refined)  # below: no tile moves when it appears
        column.addWidget(self._make_buttons())

    def _make_buttons(self) -> QWidget:
        self.buttons = QWidget(self)
        self.buttons.setObjectName("hitButtons")
        row = FlowLayout(self.buttons)
        for name in ("confirm", "reject", "maybe", "undo", "redo", "search-person"):
            action = self.actions_by_name[name]
            button = QToolButton(self.buttons)
            button.setDefaultAction(action)
            button.setObjectName(f"{name}Button")
            button.setAccessibleName(action.toolTip())
            # A click on a button leaves the arrow keys with the gallery.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            action.visibleChanged.connect(lambda b=button, a=action: b.setVisible(a.isVisible()))
            row.addWidget(button)
        return self.buttons

    def _connect(self) -> None:
        for name in ("search", "why", "verdict", "thing", "undo", "redo"):
            getattr(self.hits, f"{name}_wanted").connect(getattr(self, f"{name}_wanted"))
        self.gallery.selectionModel().currentChanged.connect(lambda *_: self.hits.offer())
        self.gallery.chosen.connect(self.hit_chosen)
        self.gallery.rows_seen.connect(self.loader.show_rows)
        self.gallery.played.connect(self.loader.play)
        self.gallery.strips_shown.connect(self.loader.load_ends)
        self.gallery.doubleClicked.connect(
            lambda _: self.actions_by_name["search-person"].trigger()
        )
        self.gallery.customContextMenuRequested.connect(self.hits.show_menu)
        self.loader.arrived.connect(lambda _: self.hits.offer())
        self.filters.changed.connect(lambda: self.filter_changed.emit(self.filters.chosen()))
        self.filters.shown_changed.connect(self._show_only)
        self.order.activated.connect(lambda _: self.order_wanted.emit(self.chosen_order()))
        self.picture_size.valueChanged.connect(self.gallery.set_picture_px)
        self.growth.clicked.connect(self.search_again_wanted)
        self.refined.clicked.connect(self.refined_wanted)
        self.head.example_chosen.connect(self._show_example)
        self.head.example_left.connect(self.example_left)
        self.empty.widening_wanted.connect(self.filters.clear)
        self.empty.picture_wanted.connect(self._ask_for_picture)

    def chosen_order(self) -> GalleryOrder:
        """What the user wants the results to be sorted by."""
        return GalleryOrder(self.order.currentData())

    # What is shown ------------------------------------------------------------------------------

    def clear(self, *, has_library: bool = False) -> None:
        """No query: says how to begin."""
        self.model.forget()
        self.head.clear()
        self.notice.hide()
        self.show_growth(0)
        self.hits.offer_verdicts(False)
        self.filters.setVisible(has_library)
        self.setAcceptDrops(has_library)
        self.tools.hide()
        title = tr("Who are you looking for?") if has_library else tr("No results yet")
        advice = FIRST_STEP if has_library else tr("Open a library, or drop a folder of videos.")
        self.empty.say(title, advice, offers_picture=has_library)
        self._show_page()

    def show_searching(self) -> None:
        """A search has begun; the results of the one before stand until there are others."""
        self.notice.hide()
        self.show_growth(0)
        self.head.show_searching()
        if not len(self.model):
            self.empty.say(tr("Searching…"), "")

    def show_query(self, picture: QPixmap, caption: str) -> None:
        """Says who is sought; the results of another one stand until there are new ones."""
        self.head.show_query(picture, caption)

    def start_anew(self) -> None:
        """Forgets the results: those that come are for another query."""
        self.model.forget()
        self.gallery.return_to(Place())

    def show_result(self, result: SearchResult, place: Place | None = None) -> None:
        """Replaces the ranking; what was selected stays selected, or what a place says is."""
        place = place or self.gallery.place()
        self.model.show(result.hits, is_calibrated=result.calibrated)
        self.head.show_result(result)
        if not result.hits:
            self._say_nobody()
        self.tools.setVisible(bool(result.hits))
        self.gallery.return_to(place)  # before it is seen: a focus would select the first hit
        self._show_page()
        self.gallery.return_to(place)  # once it has its size
        self.hits.offer()

    def sort(self) -> None:
        """Puts the results into the order that the user chose, as far as it is known."""
        place = self.gallery.place()
        self.model.sort_by(self.chosen_order())
        self.gallery.return_to(place)

    def _show_only(self, shown: Shown) -> None:
        place = self.gallery.place()
        self.model.show_only(shown)
        self.gallery.return_to(place)
        if shown is not Shown.ALL:
            self.loader.fetch_all()  # of hits that were never seen, verdicts are not known yet
        self.hits.offer()

    def show_problem(self, message: str, remedy: str) -> None:
        """Says what went wrong, above what is there."""
        self.notice.say(message, remedy)
        self.head.settle()
        if not len(self.model):
            self.empty.say(tr("No results"), FIRST_STEP, offers_picture=True)
        self._show_page()

    @property
    def offers_growth(self) -> bool:
        """Whether searching again is offered."""
        return not self.growth.isHidden()

    def show_growth(self, new_people: int) -> None:
        """Offers to search again when there are sightings that the last search did not know."""
        self.growth.setVisible(new_people > 0)
        text = trn(
            "{number} new sighting since this search – search again",
            "{number} new sightings since this search – search again",
            new_people,
            number=count_text(new_people),
        )
        self.growth.setText(f"↻ {text}")
        self.growth.setAccessibleName(text)

    def offer_refined(self, is_ready: bool) -> None:
        """Whether a refined order waits to be shown."""
        self.refined.setVisible(is_ready)

    def set_zone(self, zone: ZoneInfo) -> None:
        """In which zone times are told and typed."""
        self.model.zone = zone
        self.zone.set_whole(tr("times in {zone}", zone=zone_text(zone)))
        self.filters.set_zone(zone)

    def _say_nobody(self) -> None:
        where = self.filters.words()
        if where:
            self.empty.say(
                tr("Nobody {where}", where=where), tr("Widen the filter."), offers_wider=True
            )
        else:
            self.empty.say(
                tr("Nobody else is in this library yet"),
                tr("Drop a folder of videos on the window to load it."),
            )

    def _show_page(self) -> None:
        has_hits = bool(len(self.model))
        self.stack.setCurrentWidget(self.gallery if has_hits else self.empty)
        self.buttons.setVisible(has_hits)

    # What the user does -------------------------------------------------------------------------

    def _show_example(self, tracklet_id: int) -> None:
        if not self.gallery.choose(tracklet_id):
            self.hit_chosen.emit(tracklet_id)

    def _ask_for_picture(self) -> None:
        choose_picture(self, self.picture_wanted.emit)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes a picture file; a folder is the window's."""
        if picture_in(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Searches the person of the picture."""
        picture = picture_in(event.mimeData())
        if picture is not None:
            event.acceptProposedAction()
            self.picture_wanted.emit(picture)

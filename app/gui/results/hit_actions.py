"""What can be done with the selected hit: from its menu, by keys, and by buttons."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Signal, SignalInstance
from PySide6.QtWidgets import QWidget

from app.core.entities import Verdict
from app.core.journal import Decision, SightingEdit, UndoState
from app.gui.action_making import context_menu, make_actions
from app.gui.actions import Where
from app.gui.hit_text import taken_utc
from app.gui.widgets.plain import plain_caption
from app.language import tr

if TYPE_CHECKING:
    from app.gui.results.gallery_model import GalleryModel
    from app.gui.results.gallery_view import GalleryView
    from app.gui.results.search_filters import SearchFilters
    from app.services.people.catalog import HitDetails

SIGNS: dict[Verdict, str] = {"same": " ✓", "different": " ✕", "maybe": " ?", "open": ""}
_AROUND = timedelta(minutes=10)


class HitActions(QObject):
    """Actions on the selected hit.

    Signals:
        search_wanted, why_wanted, verdict_wanted, thing_wanted, undo_wanted, redo_wanted: see
            `ResultsPanel`.

    Attributes:
        actions: by name in the table.
    """

    search_wanted = Signal(int)
    why_wanted = Signal(int)
    verdict_wanted = Signal(int, str)
    thing_wanted = Signal(int, bool)
    undo_wanted = Signal()
    redo_wanted = Signal()

    def __init__(
        self, gallery: GalleryView, model: GalleryModel, filters: SearchFilters, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._gallery, self._model, self._filters, self._parent = gallery, model, filters, parent
        self.actions = made = make_actions(
            self,
            {
                "search-person": partial(self._tell, self.search_wanted),
                "why-match": partial(self._tell, self.why_wanted),
                "narrow-time": self._narrow_to_time,
                "narrow-camera": self._narrow_to_camera,
                "confirm": lambda: self._judge("same"),
                "reject": lambda: self._judge("different"),
                "maybe": lambda: self._judge("maybe"),
                "undecide": lambda: self._judge("open"),
                "not-a-person": self._say_thing,
                "undo": self.undo_wanted.emit,
                "redo": self.redo_wanted.emit,
            },
        )
        gallery.addActions(list(made.values()))
        self._verdicts = [made[name] for name in ("confirm", "reject", "maybe", "undecide")]
        self._on_one = [
            *self._verdicts,
            *(made[name] for name in ("search-person", "why-match", "not-a-person")),
        ]

    # What is offered ----------------------------------------------------------------------------

    def offer_verdicts(self, judging: bool) -> None:
        """Whether hits can be confirmed and rejected."""
        for action in self._verdicts:
            action.setVisible(judging)
        self.offer()

    def offer_undo(self, state: UndoState) -> None:
        """Which decision can be taken back, and which be made again."""
        for action, word, decision in (
            (self.actions["undo"], tr("Undo"), state.undoable),
            (self.actions["redo"], tr("Redo"), state.redoable),
        ):
            action.setEnabled(decision is not None)
            sign = SIGNS[decision.verdict] if isinstance(decision, Decision) else ""
            action.setText(word + (" ∅" if isinstance(decision, SightingEdit) else sign))
        self.actions["redo"].setVisible(state.redoable is not None)

    def offer(self) -> None:
        """Offers what makes sense for the selected hit, by what is known of it."""
        chosen, details = self._gallery.chosen_id(), self._details()
        is_person = chosen is None or self._model.is_person(chosen)
        for action in self._on_one:
            action.setEnabled(chosen is not None)
        for action in self._verdicts:
            action.setEnabled(chosen is not None and is_person)
        around, camera = (self.actions[f"narrow-{what}"] for what in ("time", "camera"))
        around.setVisible(details is not None and taken_utc(details) is not None)
        camera.setVisible(details is not None)
        if details is not None:
            camera.setText(tr("Only {camera}", camera=plain_caption(details.camera)))
        thing = self.actions["not-a-person"]
        thing.setText(tr("Not a person") if is_person else tr("A person after all"))

    def show_menu(self, place: QPoint) -> None:
        """Selects the hit at a point of the gallery and opens its menu."""
        index = self._gallery.indexAt(place)
        if index.isValid():
            self._gallery.setCurrentIndex(index)
            menu = context_menu(Where.RESULTS, self.actions, self._parent)
            menu.popup(self._gallery.viewport().mapToGlobal(place))

    # What is done -------------------------------------------------------------------------------

    def _judge(self, verdict: Verdict) -> None:
        chosen = self._gallery.chosen_id()
        if chosen is not None:
            self.verdict_wanted.emit(chosen, verdict)
            if verdict != "open":
                self._go_on(chosen)

    def _go_on(self, judged_id: int) -> None:
        """Selects the next hit about which nothing is said; stays where there is none."""
        row = self._model.row_of(judged_id)
        if row is not None:
            following = self._model.next_open(row)
            if following is not None:
                self._gallery.setCurrentIndex(self._model.index(following))

    def _say_thing(self) -> None:
        chosen = self._gallery.chosen_id()
        if chosen is not None:
            self.thing_wanted.emit(chosen, self._model.is_person(chosen))
            self._go_on(chosen)

    def _tell(self, wanted: SignalInstance) -> None:
        chosen = self._gallery.chosen_id()
        if chosen is not None:
            wanted.emit(chosen)

    def _details(self) -> HitDetails | None:
        chosen = self._gallery.chosen_id()
        return None if chosen is None else self._model.details_of(chosen)

    def _narrow_to_time(self) -> None:
        details = self._details()
        taken = None if details is None else taken_utc(details)
        if taken is not None:
            self._filters.narrow_to_time(taken, _AROUND)

    def _narrow_to_camera(self) -> None:
        details = self._details()
        if details is not None:
            self._filters.narrow_to_camera(details.camera)

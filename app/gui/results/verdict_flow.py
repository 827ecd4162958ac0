"""Confirming and rejecting hits: shown at once, stored in the background, undone by the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.core.entities import Decision, Verdict
from app.core.errors import UserFacingError
from app.core.journal import UndoState
from app.language import tr

if TYPE_CHECKING:
    from app.gui.results.results_panel import ResultsPanel
    from app.gui.tasks import TaskRunner
    from app.services.people.people import People

LANE = "decisions"
"""Decisions are stored one after another, in the order they were made."""


@dataclass(frozen=True, slots=True, eq=False)
class _Decision:
    """One that is being stored."""

    people: People
    query_id: int
    hit_id: int
    before: Verdict | None
    verdict: Verdict


class VerdictFlow(QObject):
    """Carries the user's decisions about hits of the current query to the people service.

    Signals:
        stored: a decision was stored, undone or redone; names and verdicts may be others now.
    """

    stored = Signal()

    def __init__(self, panel: ResultsPanel, tasks: TaskRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._panel = panel
        self._tasks = tasks
        self._people: People | None = None
        self._query_id: int | None = None
        panel.verdict_wanted.connect(self._decide)
        panel.undo_wanted.connect(lambda: self._step_back(redo=False))
        panel.redo_wanted.connect(lambda: self._step_back(redo=True))

    def set_people(self, people: People | None) -> None:
        """Another library is open, or none."""
        self._people = people
        self.set_query(None)
        self._panel.offer_undo(UndoState())
        if people is not None:
            self._read_state(people)

    def set_query(self, tracklet_id: int | None) -> None:
        """Hits are compared with this tracklet from now on; None: with a picture, or nothing."""
        self._query_id = tracklet_id
        self._panel.offer_verdicts(self._people is not None and tracklet_id is not None)

    def _decide(self, hit_id: int, verdict: Verdict) -> None:
        query_id, people = self._query_id, self._people
        before = self._panel.model.verdict_of(hit_id)
        if people is None or query_id is None or verdict == before:
            return
        made = _Decision(people, query_id, hit_id, before, verdict)
        self._panel.model.expect_verdict(hit_id, verdict)
        self._panel.offer_undo(UndoState(Decision(query_id, hit_id, verdict, datetime.now(UTC))))
        record = people.confirm if verdict == "same" else people.reject
        task = self._tasks.start(LANE, _then_state(people, partial(record, query_id, hit_id)))
        task.advanced.connect(lambda state: self._settle(made, state))
        task.failed.connect(lambda error: self._refuse(error, made))

    def _step_back(self, *, redo: bool) -> None:
        people = self._people
        if people is None:
            return
        task = self._tasks.start(LANE, _then_state(people, people.redo if redo else people.undo))
        task.advanced.connect(lambda state: self._show_stored(people, state))
        task.failed.connect(self._report)

    def _settle(self, made: _Decision, state: UndoState) -> None:
        if self._is_shown(made):
            self._panel.model.settle_verdict(made.hit_id, made.verdict)
        self._show_stored(made.people, state)

    def _is_shown(self, made: _Decision) -> bool:
        """Whether the gallery is still for the query that the decision is about."""
        return made.people is self._people and made.query_id == self._query_id

    def _show_stored(self, people: People, state: UndoState) -> None:
        if people is not self._people:
            return
        self._panel.offer_undo(state)
        # Whoever shares an identity with the hit may have another name or verdict now.
        self._panel.model.expire()
        self._panel.loader.show_rows(self._panel.gallery.visible_rows())
        self.stored.emit()

    def _read_state(self, people: People) -> None:
        task = self._tasks.start(LANE, _then_state(people, None))
        task.advanced.connect(
            lambda state: self._panel.offer_undo(state) if people is self._people else None
        )

    def _refuse(self, error: Exception, made: _Decision) -> None:
        if self._is_shown(made):
            self._panel.model.settle_verdict(made.hit_id, made.before)
        self._report(error)
        self._read_state(made.people)

    def _report(self, error: Exception) -> None:
        if isinstance(error, UserFacingError):
            self._panel.show_problem(error.message, error.remedy)
        else:
            # Logged with its trace by the task runner.
            self._panel.show_problem(
                tr("The decision could not be stored: an error in Retrace."),
                tr("Decide again; if it stays, send the log (Help → Open log folder)."),
            )


def _then_state(people: People, record: Callable[[], Any] | None) -> Iterator[UndoState]:
    """Job: records something, if there is something, and tells what can be undone then."""
    if record is not None:
        record()
    yield people.undo_state()

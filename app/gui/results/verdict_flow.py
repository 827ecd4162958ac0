"""Judging hits: shown at once, stored in the background, undone by the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.core.entities import Verdict
from app.core.errors import SeenTogetherError, UserFacingError
from app.core.journal import Decision, UndoState
from app.gui.widgets.question import ask
from app.language import tr

if TYPE_CHECKING:
    from app.gui.results.results_panel import ResultsPanel
    from app.gui.tasks import TaskRunner
    from app.services.people.people import People
    from app.services.people.sightings import Sightings
    from app.services.workspace import Workspace

LANE = "decisions"
"""Decisions are stored one after another, in the order they were made."""


@dataclass(frozen=True, slots=True, eq=False)
class _Decision:
    """One that is being stored.

    Attributes:
        query_id: a sighting of the person; the hit itself where only pictures were known.
    """

    people: People
    query_id: int
    hit_id: int
    before: Verdict | None
    verdict: Verdict


class VerdictFlow(QObject):
    """Carries the user's decisions about hits of the current query to the people service.

    Somebody of whom only pictures are known becomes a person with the first hit that is confirmed;
    what was said about other hits before is stored then.

    Signals:
        stored: a decision was stored, undone or redone; names and verdicts may be others now.
        began: id of the first sighting of somebody of whom only pictures were known.
    """

    stored = Signal()
    began = Signal(int)

    def __init__(self, panel: ResultsPanel, tasks: TaskRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._panel = panel
        self._tasks = tasks
        self._people: People | None = None
        self._sightings: Sightings | None = None
        self._query_id: int | None = None
        self._said_before: dict[int, Verdict] = {}
        panel.verdict_wanted.connect(self._decide)
        panel.thing_wanted.connect(self._say_thing)
        panel.undo_wanted.connect(lambda: self._step_back(redo=False))
        panel.redo_wanted.connect(lambda: self._step_back(redo=True))

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none."""
        people = self._people = None if workspace is None else workspace.people
        self._sightings = None if workspace is None else workspace.sightings
        self.set_query(None, judging=False)
        self._panel.hits.offer_undo(UndoState())
        if people is not None:
            self.read_state()

    def set_query(self, tracklet_id: int | None, *, judging: bool) -> None:
        """Hits are compared with this tracklet from now on, or with pictures alone.

        Args:
            tracklet_id: a sighting of the person sought, or None.
            judging: whether somebody is sought.
        """
        self._query_id = tracklet_id
        self._said_before.clear()
        self._panel.hits.offer_verdicts(self._people is not None and judging)

    def follow(self, tracklet_id: int | None) -> None:
        """The same person has another first sighting, or none any more."""
        self._query_id = tracklet_id

    def read_state(self) -> None:
        """Finds out what can be undone, after others have changed people."""
        people = self._people
        if people is not None:
            task = self._tasks.start(LANE, _then_state(people, None))
            task.advanced.connect(
                lambda state: self._panel.hits.offer_undo(state) if people is self._people else None
            )

    def _decide(self, hit_id: int, verdict: Verdict) -> None:
        people, before = self._people, self._panel.model.verdict_of(hit_id)
        if people is None or (before or "open") == verdict:
            return
        query_id = self._query_id
        if query_id is None:
            self._panel.model.expect_verdict(hit_id, verdict)
            if verdict != "same":
                self._said_before[hit_id] = verdict
                return
            self._said_before.pop(hit_id, None)
            query_id = hit_id
        self._store(_Decision(people, query_id, hit_id, before, verdict))

    def _store(self, made: _Decision, *, anyway: bool = False) -> None:
        self._panel.model.expect_verdict(made.hit_id, made.verdict)
        now = datetime.now(UTC)
        self._panel.hits.offer_undo(
            UndoState(Decision(made.query_id, made.hit_id, made.verdict, now))
        )
        others = tuple(self._said_before.items()) if made.query_id == made.hit_id else ()
        record = partial(_record, made, others, anyway)
        task = self._tasks.start(LANE, _then_state(made.people, record))
        task.advanced.connect(lambda state: self._settle(made, state))
        task.failed.connect(lambda error: self._refuse(error, made))

    def _say_thing(self, tracklet_id: int, is_thing: bool) -> None:
        people, sightings = self._people, self._sightings
        if people is None or sightings is None:
            return
        self._panel.model.expect_thing(tracklet_id, is_thing)
        record = partial(sightings.say_thing, [tracklet_id], is_thing=is_thing)
        task = self._tasks.start(LANE, _then_state(people, record))
        task.advanced.connect(lambda state: self._show_stored(people, state))
        task.failed.connect(self._report)

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
            if made.query_id == made.hit_id:
                self._query_id = made.hit_id
                self._said_before.clear()
                self.began.emit(made.hit_id)
        self._show_stored(made.people, state)

    def _is_shown(self, made: _Decision) -> bool:
        """Whether the gallery is still for the query that the decision is about."""
        is_first = self._query_id is None and made.query_id == made.hit_id
        return made.people is self._people and (is_first or made.query_id == self._query_id)

    def _show_stored(self, people: People, state: UndoState) -> None:
        if people is not self._people:
            return
        self._panel.hits.offer_undo(state)
        # Whoever shares an identity with the hit may have another name or verdict now.
        self._panel.model.expire()
        self._panel.loader.show_rows(self._panel.gallery.visible_rows())
        self.stored.emit()

    def _refuse(self, error: Exception, made: _Decision) -> None:
        if self._is_shown(made):
            self._panel.model.settle_verdict(made.hit_id, made.before)
        self.read_state()
        if isinstance(error, SeenTogetherError):
            ask(
                self._panel,
                tr("One person?"),
                error.message,
                tr("&Confirm anyway"),
                lambda: self._store(made, anyway=True),
            )
        else:
            self._report(error)

    def _report(self, error: Exception) -> None:
        if isinstance(error, UserFacingError):
            self._panel.show_problem(error.message, error.remedy)
        else:
            # Logged with its trace by the task runner.
            self._panel.show_problem(
                tr("The decision could not be stored: an error in Retrace."),
                tr("Decide again; if it happens again, send the log (Help → Open log folder)."),
            )


def _record(made: _Decision, others: Sequence[tuple[int, Verdict]], anyway: bool) -> None:
    people = made.people
    if made.query_id == made.hit_id:
        people.begin(made.hit_id)
    elif made.verdict == "same":
        people.confirm(made.query_id, made.hit_id, anyway=anyway)
    else:
        _part(people, made.query_id, made.hit_id, made.verdict)
    for hit_id, verdict in others:
        if verdict != "open":
            _part(people, made.query_id, hit_id, verdict)


def _part(people: People, query_id: int, hit_id: int, verdict: Verdict) -> None:
    record = {"different": people.reject, "maybe": people.doubt, "open": people.reopen}
    record[verdict](query_id, hit_id)


def _then_state(people: People, record: Callable[[], Any] | None) -> Iterator[UndoState]:
    """Job: records something, if there is something, and tells what can be undone then."""
    if record is not None:
        record()
    yield people.undo_state()

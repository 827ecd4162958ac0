"""Confirming and rejecting hits: shown at once, stored in the background, taken back by undo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from app.core.entities import Verdict
from app.core.errors import UserFacingError

if TYPE_CHECKING:
    from app.gui.panels.results_panel import ResultsPanel
    from app.gui.tasks import TaskRunner
    from app.services.people import People

LANE = "decisions"
"""Decisions are stored one after another, in the order they were made."""


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    people: People
    query_id: int
    hit_id: int
    before: Verdict | None
    after: Verdict


class VerdictFlow(QObject):
    """Carries the user's decisions about hits of the current query to the people service."""

    def __init__(self, panel: ResultsPanel, tasks: TaskRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._panel = panel
        self._tasks = tasks
        self._people: People | None = None
        self._query_id: int | None = None
        self._steps: list[_Step] = []
        panel.verdict_wanted.connect(self._decide)
        panel.undo_wanted.connect(self._undo)

    def set_people(self, people: People | None) -> None:
        """Another library is open, or none."""
        self._people = people
        self._steps.clear()
        self.set_query(None)

    def set_query(self, tracklet_id: int | None) -> None:
        """Hits are compared with this tracklet from now on; None: with a picture, or nothing."""
        self._query_id = tracklet_id
        self._offer()

    def _offer(self) -> None:
        judging = self._people is not None and self._query_id is not None
        self._panel.offer_verdicts(judging=judging, undoing=bool(self._steps))

    def _decide(self, hit_id: int, verdict: Verdict) -> None:
        query_id, people = self._query_id, self._people
        before = self._panel.model.verdict_of(hit_id)
        if people is None or query_id is None or verdict == before:
            return
        step = _Step(people, query_id, hit_id, before, verdict)
        self._steps.append(step)
        self._panel.model.expect_verdict(hit_id, verdict)
        self._offer()
        record = people.confirm if verdict == "same" else people.reject
        self._store(partial(record, query_id, hit_id), step, holds=verdict, otherwise=before)

    def _undo(self) -> None:
        if not self._steps:
            return
        step = self._steps.pop()
        if self._is_shown(step):
            self._panel.model.expect_verdict(step.hit_id, step.before)
        self._offer()
        self._store(step.people.undo, step, holds=step.before, otherwise=step.after)

    def _store(
        self,
        record: Callable[[], Any],
        step: _Step,
        *,
        holds: Verdict | None,
        otherwise: Verdict | None,
    ) -> None:
        task = self._tasks.start(LANE, _once(record))
        task.finished.connect(lambda: self._settle(step, holds))
        task.failed.connect(lambda error: self._refuse(error, step, otherwise))

    def _is_shown(self, step: _Step) -> bool:
        """Whether the gallery is still for the query that the decision is about."""
        return step.people is self._people and step.query_id == self._query_id

    def _settle(self, step: _Step, verdict: Verdict | None) -> None:
        if not self._is_shown(step):
            return
        model = self._panel.model
        model.settle_verdict(step.hit_id, verdict)
        # Whoever shares an identity with the hit may have another name or verdict now.
        model.expire()
        self._panel.loader.show_rows(self._panel.gallery.visible_rows())

    def _refuse(self, error: Exception, step: _Step, verdict: Verdict | None) -> None:
        if step in self._steps:
            self._steps.remove(step)
        if self._is_shown(step):
            self._panel.model.settle_verdict(step.hit_id, verdict)
        self._offer()
        if isinstance(error, UserFacingError):
            self._panel.show_problem(error.message, error.remedy)
        else:
            # Logged with its trace by the task runner.
            self._panel.show_problem(
                "The decision could not be stored because of a fault in the program.",
                "Decide again; if it stays, send the log (Help → Open log folder).",
            )


def _once(record: Callable[[], Any]) -> Iterator[Any]:
    """A job of one step."""
    yield record()

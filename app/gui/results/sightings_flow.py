"""From one sighting of the person sought to the next in time, across cameras."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.core.queries import Band, Hit
from app.language import tr

if TYPE_CHECKING:
    from app.gui.player.player_flow import PlayerFlow
    from app.gui.results.results_panel import ResultsPanel
    from app.gui.results.search_flow import SearchFlow
    from app.gui.tasks import TaskRunner
    from app.services.people.catalog import HitDetails
    from app.services.workspace import Workspace

LANE = "sightings"
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Found:
    """Sightings in order of time, and what the player shows.

    Attributes:
        now: time of the frame, or None if that is not known.
    """

    sightings: Sequence[HitDetails]
    position: tuple[int, float] | None
    now: datetime | None


class SightingsFlow(QObject):
    """Shows the next confirmed sighting of the person; of somebody unconfirmed, the next hit.

    Signals:
        shown: HitDetails of a sighting that has no tile among the results.
        problem: an exception.
    """

    shown = Signal(object)
    problem = Signal(object)

    def __init__(
        self, panel: ResultsPanel, search: SearchFlow, player: PlayerFlow, tasks: TaskRunner
    ) -> None:
        super().__init__(panel)
        self._panel, self._search, self._player, self._tasks = panel, search, player, tasks
        self._workspace: Workspace | None = None
        self._steps = 0  # asked for since the last one that was made

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none."""
        self._tasks.cancel(LANE)
        self._workspace, self._steps = workspace, 0

    def go(self, way: int) -> None:
        """Shows the next sighting after the frame in the player (1), or the one before (-1)."""
        workspace, here = self._workspace, self._search.here()
        if workspace is None or here is None:
            return
        self._steps += way
        model = self._panel.model
        hits = [
            hit
            for hit in model.ranking()
            if hit.band is not Band.UNLIKELY and model.verdict_of(hit.tracklet_id) != "different"
        ]
        job = _read(workspace, here.sought.sighting_id, hits, self._player.position())
        self._tasks.replace(LANE, job, self._take).failed.connect(self.problem)

    def _take(self, found: _Found) -> None:
        steps, self._steps = self._steps, 0
        place = self._place_after(found, steps)
        if place is None:
            self._player.show_hint(
                tr("There is no later sighting.")
                if steps > 0
                else tr("There is no earlier sighting.")
            )
            return
        sighting = found.sightings[place]
        if not self._panel.gallery.choose(sighting.tracklet_id):
            self.shown.emit(sighting)

    def _place_after(self, found: _Found, steps: int) -> int | None:
        """Which sighting is so many after what the player shows; the last one, if fewer are."""
        sightings, count = found.sightings, len(found.sightings)
        place = self._place_of_shown(found)
        if place is not None:
            goal = min(max(place + steps, 0), count - 1)
            return goal if goal != place else None
        begins = [each.start_utc or _NEVER for each in sightings]
        following = 0 if found.now is None else bisect_left(begins, found.now)
        goal = following + steps - (1 if steps > 0 else 0)
        goal = min(max(goal, 0), count - 1)
        return goal if count and (goal >= following) == (steps > 0) else None

    def _place_of_shown(self, found: _Found) -> int | None:
        """Where the sighting chosen in the player stands, if the player has not left it."""
        chosen, position = self._player.chosen_id, found.position
        for place, each in enumerate(found.sightings):
            if each.tracklet_id == chosen and position is not None:
                is_there = each.first_time_s - 0.5 <= position[1] <= each.last_time_s + 0.5
                return place if is_there and position[0] == each.video_id else None
        return None


def _read(
    workspace: Workspace,
    sighting_id: int | None,
    hits: Sequence[Hit],
    position: tuple[int, float] | None,
) -> Iterator[_Found]:
    """Job: the person's confirmed sightings or, where there are none, the hits."""
    person = None if sighting_id is None else workspace.library.tracklet(sighting_id).identity_id
    if person is None:
        sightings = workspace.catalog.in_time_order(hits)
    else:
        sightings = workspace.catalog.sightings(person)
    now = None
    if position is not None:
        now = workspace.playback.video(position[0]).moment(position[1])
    yield _Found(sightings, position, now)

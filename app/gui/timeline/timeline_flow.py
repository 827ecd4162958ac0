"""What the timeline shows is read in tasks; what the user wants there goes to player and search."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from app.gui.timeline.lane_text import no_footage_text
from app.gui.timeline.time_axis import moment_of
from app.services.route.timeline import Density, Lane, Mark, densities, lanes_of, marks

if TYPE_CHECKING:
    from app.core.entities import Video
    from app.core.queries import Hit
    from app.gui.player.player_flow import PlayerFlow
    from app.gui.results.results_panel import ResultsPanel
    from app.gui.results.search_flow import SearchFlow
    from app.gui.tasks import TaskRunner
    from app.gui.timeline.timeline_panel import TimelinePanel
    from app.services.workspace import Workspace

_Event = TypeVar("_Event")
LANE, DENSITY_LANE, MARKS_LANE = "timeline", "timeline-density", "timeline-marks"
# What one column of a density may stand for, in seconds.
_BINS_S = (0.2, 1, 4, 15, 60, 300, 1200, 3600, 14_400, 86_400)
_GROWTH_MS = 2000
_RANKING_MS = 150


class TimelineFlow(QObject):
    """Joins the timeline with library, player and search.

    Signals:
        problem: an exception that belongs into a dialog.
    """

    problem = Signal(object)

    def __init__(
        self,
        panel: TimelinePanel,
        tasks: TaskRunner,
        player: PlayerFlow,
        search: SearchFlow,
        results: ResultsPanel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._view, self._tasks = panel, panel.view, tasks
        self._player, self._search, self._results = player, search, results
        self._workspace: Workspace | None = None
        self._lanes: Sequence[Lane] = ()
        self._videos: dict[int, Video] = {}
        self._marks: Sequence[Mark] = ()
        self._hits: Sequence[Hit] = ()  # whose marks are shown
        self._counted: tuple[float, frozenset[int]] | None = None
        self._growth = self._timer(_GROWTH_MS, self.refresh)
        self._ranking = self._timer(_RANKING_MS, self.refresh_marks)
        self._view.window_changed.connect(self._count)
        self._view.moment_chosen.connect(self._go_to)
        self._view.span_chosen.connect(self.search_span)
        self._view.mark_chosen.connect(self._select)
        player.position_changed.connect(self._show_now)
        results.model.modelReset.connect(self._take_ranking)
        search.query_changed.connect(lambda _: self._ranking.start())
        results.filters.changed.connect(self._show_filter)

    def _timer(self, wait_ms: int, run: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(wait_ms)
        timer.timeout.connect(run)
        return timer

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none."""
        for lane in (LANE, DENSITY_LANE, MARKS_LANE):
            self._tasks.cancel(lane)
        for timer in (self._growth, self._ranking):
            timer.stop()
        self._workspace, self._counted = workspace, None
        self._lanes, self._videos, self._marks = (), {}, ()
        zone = None if workspace is None else workspace.library.timezone
        self._panel.set_zone(zone)
        if workspace is None:
            self._view.clear()
            self._panel.set_undated(0)
        self.refresh()

    def grown(self) -> None:
        """More was read or people were found: shown in a moment."""
        if not self._growth.isActive():
            self._growth.start()

    def refresh(self) -> None:
        """Reads all anew: footage, its times, or names have changed."""
        if self._workspace is not None:
            self._start(LANE, _read(self._workspace), self._show_lanes)
            self.refresh_marks()

    def _start(self, lane: str, job: Iterator[_Event], take: Callable[[_Event], None]) -> None:
        self._tasks.replace(lane, job, take).failed.connect(self.problem)

    # What is shown ------------------------------------------------------------------------------

    def _show_lanes(self, lanes: Sequence[Lane]) -> None:
        workspace = self._workspace
        if workspace is None:
            return
        self._lanes, self._counted = lanes, None
        self._videos = {video.id: video for lane in lanes for video in lane.videos}
        self._view.set_lanes(lanes, workspace.library.timezone)
        self._panel.set_undated(sum(lane.undated for lane in lanes))
        self._count()
        self._show_filter()
        position = self._player.position()
        if position is not None:
            self._show_now(*position)

    def _count(self) -> None:
        """Counts people in what is seen and a window's width on either side."""
        axis, workspace = self._view.axis, self._workspace
        if workspace is None or not self._lanes:
            return
        bin_s = next((each for each in _BINS_S if each >= axis.s_per_px), _BINS_S[-1])
        around_s = axis.last_s - axis.first_s
        seen, near = (
            frozenset(
                video.id
                for lane in self._lanes
                for video in lane.between(axis.first_s - more_s, axis.last_s + more_s)
            )
            for more_s in (0.0, around_s)
        )
        if self._counted is not None and self._counted[0] == bin_s and seen <= self._counted[1]:
            return
        self._counted = (bin_s, near)
        self._start(
            DENSITY_LANE, densities(workspace.library, self._lanes, near, bin_s), self._show_people
        )

    def _show_people(self, found: Mapping[int, Density] | None) -> None:
        if found is not None:
            self._view.set_densities(found)

    def _take_ranking(self) -> None:
        """Rows are made anew for a folded heading, too: then the ranking is the same list."""
        if self._results.model.ranking() is not self._hits:
            self._ranking.start()

    def refresh_marks(self) -> None:
        """Reads anew which sightings are the person's, or could be."""
        workspace, here = self._workspace, self._search.here()
        hits = self._hits = self._results.model.ranking()
        if workspace is None or (here is None and not hits):
            self._show_marks(())
            return
        query = None if here is None else here.sought.query
        self._start(
            MARKS_LANE, marks(workspace.library, workspace.routes, query, hits), self._show_marks
        )
        self._show_filter()

    def _show_marks(self, found: Sequence[Mark]) -> None:
        self._marks = found
        self._view.set_marks(found)

    def _show_now(self, video_id: int, time_s: float) -> None:
        video = self._videos.get(video_id)
        moment = None if video is None else video.moment(time_s)
        if video is not None and moment is not None:
            self._view.set_now(video.camera.id, moment.timestamp())

    def _show_filter(self) -> None:
        where = self._results.filters.chosen()
        self._view.set_filter(
            *(None if end is None else end.timestamp() for end in (where.from_utc, where.to_utc))
        )

    # What the user wants ------------------------------------------------------------------------

    def _go_to(self, camera_id: int, time_s: float) -> None:
        workspace = self._workspace
        lane = next((each for each in self._lanes if each.camera.id == camera_id), None)
        if workspace is None or lane is None:
            return
        found = lane.at(time_s)
        if found is None:
            self._panel.say(no_footage_text(lane, time_s, workspace.library.timezone))
        else:
            self._player.show(found[0].id, found[1])

    def search_span(self, first_s: float, last_s: float) -> None:
        """Searches only between two moments, in POSIX seconds."""
        first, last = moment_of(math.floor(first_s)), moment_of(math.ceil(last_s))
        self._results.filters.narrow_to_span(first, last)

    def _select(self, tracklet_id: int) -> None:
        model = self._results.model
        row = model.row_of(tracklet_id)
        if row is not None:
            self._results.gallery.setCurrentIndex(model.index(row))
            return
        mark = next((each for each in self._marks if each.tracklet_id == tracklet_id), None)
        if mark is not None:
            self._player.show(mark.video_id, mark.time_s, tracklet_id)


def _read(workspace: Workspace) -> Iterator[tuple[Lane, ...]]:
    """Job: a lane for each camera."""
    yield lanes_of(workspace.catalog.cameras())

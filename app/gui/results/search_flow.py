"""Joins what the user looks for, the search service, and the results panel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPixmap

from app.core.errors import UserFacingError
from app.core.queries import (
    REFINEMENTS,
    Refinement,
    SearchEvent,
    SearchFilter,
    SearchResult,
    SearchStage,
    StageLeftOut,
    StageRunning,
)
from app.gui.results.gallery_rows import GalleryOrder
from app.gui.results.gallery_view import Place
from app.gui.results.search_history import SearchHistory, Visit
from app.gui.results.sought import (
    BoxOfFrame,
    Find,
    PointOfFrame,
    Sought,
    boxed,
    known_by_now,
    person,
    pointed_at,
    stored,
    with_first,
)
from app.gui.results.verdict_flow import VerdictFlow
from app.language import sentences, tr

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from app.core.entities import FloatArray
    from app.gui.results.results_panel import ResultsPanel
    from app.gui.tasks import Task, TaskRunner
    from app.services.people.catalog import CameraEntry
    from app.services.workspace import Workspace

LANE = "search"
INDEX_LANE = "index"
GROWTH_LANE = "growth"
LIMIT = 5000


class SearchFlow(QObject):
    """Runs searches, the newest one only, and tells what was selected.

    Signals:
        hit_selected: HitDetails of the hit that the user selected.
        query_changed: the Query that the results are for from now on.
        decisions_changed: somebody was confirmed or rejected, or that was taken back.
        history_changed: whether there is a search to go back to, and one to go forward to.
    """

    hit_selected = Signal(object)
    query_changed = Signal(object)
    decisions_changed = Signal()
    history_changed = Signal(bool, bool)

    def __init__(
        self, panel: ResultsPanel, tasks: TaskRunner, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._panel = panel
        self._tasks = tasks
        self._workspace: Workspace | None = None
        self._find: Find | None = None
        self._ask: Find | None = None  # what the user asked for, as long as nobody else is sought
        self._sought: Sought | None = None
        self._shown: Sought | None = None
        self._task: Task | None = None
        self._stages: frozenset[Refinement] = REFINEMENTS
        self._left_out: list[UserFacingError] = []
        self._awaited_id: int | None = None
        self._has_begun = False  # the user, to look through the shown ranking
        self._held: SearchResult | None = None  # it would move tiles that the user looks at
        self._newest_id = 0  # of those that the shown ranking was chosen from
        self._has_grown = False  # the library, since the newest search began
        self._history = SearchHistory()
        self._resumed: tuple[Find, SearchFilter, Place] | None = None  # once cameras are listed
        self._verdicts = VerdictFlow(panel, tasks, self)
        self._verdicts.stored.connect(self.decisions_changed)
        self._verdicts.stored.connect(self._ask_again)
        self._verdicts.began.connect(self._begin_person)
        panel.refined_wanted.connect(self._show_held)
        panel.example_left.connect(self._leave_out)
        panel.hit_chosen.connect(self._select)
        panel.search_wanted.connect(self.search_tracklet)
        panel.filter_changed.connect(lambda _: self._run_again())
        panel.order_wanted.connect(self._sort)
        panel.search_again_wanted.connect(self.refresh_if_stale)
        panel.loader.arrived.connect(self._tell_awaited)
        panel.loader.all_arrived.connect(panel.sort)
        panel.loader.failed.connect(self.report)

    # What can be asked --------------------------------------------------------------------------

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none: everything of the one before is forgotten."""
        self._cancel()
        self._workspace = workspace
        self._find = self._ask = self._sought = self._shown = self._awaited_id = None
        self._drop_held()
        self._history, self._resumed = SearchHistory(), None
        self.history_changed.emit(False, False)
        self._verdicts.set_workspace(workspace)
        self._panel.loader.set_source(None)
        self._panel.clear(has_library=workspace is not None)
        self._panel.filters.clear()
        self._panel.filters.set_cameras([])
        if workspace is not None:
            self._panel.set_zone(workspace.library.timezone)
            self._load_cameras()
        self._prepare()

    def set_stages(self, stages: frozenset[Refinement]) -> None:
        """Only these refinements are made from now on; searches again."""
        self._stages = stages
        self._run_again()

    def networks_changed(self) -> None:
        """Other vectors or refinements are used from now on: searches again."""
        self._prepare()
        self._run_again()

    def times_changed(self) -> None:
        """Names or clocks of cameras are others now: searches again, shows nothing of before."""
        self._shown = None
        self._find = self._ask
        self.networks_changed()
        self.refresh_filters()

    def search_tracklet(self, tracklet_id: int) -> None:
        """Looks for the person of a stored tracklet."""
        self._start(lambda workspace: stored(workspace, tracklet_id))

    def search_person(self, identity_id: int) -> None:
        """Looks for a person of the library, by all that is known."""
        self._start(lambda workspace: person(workspace, identity_id))

    def people_changed(self) -> None:
        """People were named, merged or split elsewhere."""
        self._verdicts.read_state()
        self._panel.model.expire()
        self._panel.loader.show_rows(self._panel.gallery.visible_rows())
        self._ask_again()

    def search_point(self, video_id: int, time_s: float, x_px: float, y_px: float) -> None:
        """Looks for the person at a point of a frame, stored or not."""
        point = PointOfFrame(video_id, time_s, x_px, y_px)
        self._start(lambda workspace: pointed_at(workspace, point))

    def search_box(self, video_id: int, time_s: float, box: FloatArray) -> None:
        """Looks for the person in a box that was drawn on a frame."""
        drawn = BoxOfFrame(video_id, time_s, *map(float, box))
        self._start(lambda workspace: boxed(workspace, drawn))

    def search(self, sought: Sought) -> None:
        """Looks for somebody who was found in a picture."""
        self._start(lambda _: sought)

    def go(self, way: int) -> None:
        """Shows the search before (-1) or after (+1) the one that is shown, as it was left."""
        workspace, goal = self._workspace, self._history.set_goal(way, self.here())
        if workspace is not None and goal is not None:
            self._panel.filters.choose(goal.where)
            self._find = self._ask = partial(known_by_now, workspace, goal.sought)
            self._run_again()

    def here(self) -> Visit | None:
        """The search that is shown."""
        if self._shown is None:
            return None
        return Visit(self._shown, self._panel.filters.chosen(), self._panel.gallery.place())

    def resume(self, find: Find, where: SearchFilter, place: Place) -> None:
        """Makes a search of an earlier run again, as soon as the filter can be set."""
        self._resumed = (find, where, place)

    def library_grew(self) -> None:
        """More people can be found; offers to search again if the filter lets one through."""
        self._has_grown = True
        workspace = self._workspace
        if workspace is not None and self._shown is not None:
            where, newest_id = self._panel.filters.chosen(), self._newest_id
            job = _count_new(workspace, where, newest_id)
            self._tasks.replace(GROWTH_LANE, job, self._panel.show_growth)

    def refresh_if_stale(self) -> None:
        """Searches again if that was offered."""
        if self._panel.offers_growth:
            self._run_again()

    def refresh_filters(self) -> None:
        """Offers the cameras and the span of time that the library has by now."""
        if self._workspace is not None:
            self._load_cameras()

    def _prepare(self) -> None:
        """Builds the index in the background: the first search of a large library takes seconds."""
        self._tasks.cancel(INDEX_LANE)
        if self._workspace is not None:
            task = self._tasks.start(INDEX_LANE, _made_ready(self._workspace))
            task.failed.connect(self.report)

    # Searching ----------------------------------------------------------------------------------

    def _start(self, find: Callable[[Workspace], Sought]) -> None:
        workspace = self._workspace
        if workspace is not None:
            self._resumed = None
            self._history.set_goal(0)
            self._find = self._ask = partial(find, workspace)
            self._run_again()

    def _run_again(self) -> None:
        workspace, find = self._workspace, self._find
        if workspace is None or find is None:
            return
        self._cancel()
        self._has_grown = False
        self._left_out.clear()
        self._panel.show_searching()
        job = _search(workspace, find, self._panel.filters.chosen(), self._stages)
        self._task = self._tasks.start(LANE, job, self._take)
        self._task.failed.connect(self._fail)
        self._task.finished.connect(self._panel.head.settle)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._tasks.cancel(GROWTH_LANE)

    def _take(self, event: Sought | SearchEvent) -> None:
        if isinstance(event, StageRunning):
            self._panel.head.show_running(event.stage)
        elif isinstance(event, StageLeftOut):
            self._left_out.append(event.error)
            told = sentences(*(error.message for error in self._left_out))
            self._panel.show_problem(told, event.error.remedy)
        elif isinstance(event, SearchResult):
            if self._would_move_tiles(event):
                self._held = event
                self._panel.offer_refined(True)
                return
            self._drop_held()
            if event.stage is SearchStage.RETRIEVED:
                self._tasks.cancel(GROWTH_LANE)
                self._newest_id = event.newest_id
                self._panel.show_growth(0)
            place = self._adopt()
            if event.stage is SearchStage.RETRIEVED and self._has_grown:
                self.library_grew()  # perhaps too late for this ranking
            self._panel.show_result(event, place)
            if self._panel.chosen_order() is not GalleryOrder.RELEVANCE:
                self._panel.loader.fetch_all()
        else:
            self._sought = event
            # Found once, it need not be found again when the filter changes.
            self._find = lambda: event
            self._panel.show_query(
                QPixmap.fromImage(event.picture), event.caption(self._panel.model.zone)
            )
            self._panel.head.show_examples(event.examples, event.counts)

    def _adopt(self) -> Place | None:
        """From now on the gallery is for who is sought now; nothing if it was before.

        Returns:
            What is to be selected in a search that was not shown before.
        """
        workspace, sought, shown = self._workspace, self._sought, self._shown
        if workspace is None or sought is None or shown is sought:
            return None
        query_id, left, place = sought.sighting_id, self.here(), None
        self._shown = sought
        is_new = shown is None or shown.origin != sought.origin
        if is_new:
            place = self._history.arrive(sought, left)
            if self._resumed is not None:
                (_, _, place), self._resumed = self._resumed, None
            self.history_changed.emit(self._history.has(-1), self._history.has(1))
            self._awaited_id, self._has_begun = None, place.chosen_id is not None
            self._panel.start_anew()
            self._verdicts.set_query(query_id, judging=True)
        else:
            self._verdicts.follow(query_id)
        self._panel.loader.set_source(
            lambda hits: workspace.catalog.details(hits, query_tracklet_id=query_id)
        )
        if is_new:
            self.query_changed.emit(sought.query)
        return place

    # Judging ------------------------------------------------------------------------------------

    def _ask_again(self) -> None:
        """Searches with what is known of the person by now, if that is more or less than before."""
        workspace, sought = self._workspace, self._shown
        if workspace is not None and sought is not None:
            self._find = partial(known_by_now, workspace, sought)
            self._run_again()

    def _begin_person(self, tracklet_id: int) -> None:
        """Somebody of whom only pictures were known has a first sighting."""
        if self._shown is not None:
            self._shown = self._sought = with_first(self._shown, tracklet_id)

    def _leave_out(self, tracklet_id: int) -> None:
        """A sighting in the head is no longer judged."""
        self._panel.verdict_wanted.emit(tracklet_id, "open")

    def _would_move_tiles(self, result: SearchResult) -> bool:
        """Whether a late refinement would change the order of hits that the user looks through."""
        late = result.stage is not SearchStage.RETRIEVED and self._has_begun
        by_rank = self._panel.chosen_order() is GalleryOrder.RELEVANCE
        return late and by_rank and not self._panel.model.has_order(result.hits)

    def _show_held(self) -> None:
        held = self._held
        self._drop_held()
        if held is not None:
            self._panel.show_result(held)

    def _drop_held(self) -> None:
        self._held = None
        self._panel.offer_refined(False)

    def _fail(self, error: Exception) -> None:
        sought = self._sought
        self._find = self._ask = None if sought is None else lambda: sought
        self._resumed = None
        self._history.set_goal(0)
        # Hits of one person must not stand under the picture of another.
        self._adopt()
        self.report(error)

    def report(self, error: Exception) -> None:
        """Says above the results why there is no search."""
        if isinstance(error, UserFacingError):
            self._panel.show_problem(error.message, error.remedy)
        else:
            # Logged with its trace by the task runner.
            self._panel.show_problem(
                tr("The search was stopped by an error in Retrace."),
                tr("Search again; if it happens again, send the log (Help → Open log folder)."),
            )

    # Selection and order ------------------------------------------------------------------------

    def _select(self, tracklet_id: int) -> None:
        self._has_begun = True
        self._awaited_id = tracklet_id
        self._tell_awaited(())

    def _tell_awaited(self, _arrived: object) -> None:
        """Tells the selected hit as soon as its details are there."""
        if self._awaited_id is None:
            return
        details = self._panel.model.details_of(self._awaited_id)
        row = self._panel.model.row_of(self._awaited_id)
        if details is None or row is None:
            return
        self._awaited_id = None
        hit, rank = self._panel.model.hit(row), self._panel.model.rank_of(details.tracklet_id)
        self.hit_selected.emit(replace(details, rank=rank, score=hit.score))

    def _sort(self, order: GalleryOrder) -> None:
        if order is GalleryOrder.RELEVANCE:
            self._panel.sort()
        else:
            # Then `all_arrived` sorts.
            self._panel.loader.fetch_all()

    # Filters ------------------------------------------------------------------------------------

    def _load_cameras(self) -> None:
        workspace = self._workspace
        assert workspace is not None
        job = (workspace.catalog.cameras() for _ in range(1))
        offer = partial(self._offer_cameras, workspace)
        self._tasks.start("details", job, offer).failed.connect(self.report)

    def _offer_cameras(self, workspace: Workspace, entries: Sequence[CameraEntry]) -> None:
        if workspace is not self._workspace:
            return
        self._panel.filters.set_cameras([entry.camera for entry in entries])
        spans = [span for entry in entries for span in entry.recorded()]
        if spans:
            first, last = min(span[0] for span in spans), max(span[1] for span in spans)
            self._panel.filters.offer_span(first, last)
            zone = workspace.library.timezone
            self._panel.filters.mark_days({day for span in spans for day in _days(span, zone)})
        if self._resumed is not None and self._find is None:
            find, where, _ = self._resumed
            self._panel.filters.choose(where)
            self._find = self._ask = find
            self._run_again()


def _search(
    workspace: Workspace, find: Find, where: SearchFilter, stages: frozenset[Refinement]
) -> Iterator[Sought | SearchEvent]:
    """A job: first who is sought, then ever better rankings."""
    sought = find()
    yield sought
    yield from workspace.search.run(
        sought.query, where, limit=LIMIT, stages=stages, with_judged=True
    )


def _made_ready(workspace: Workspace) -> Iterator[None]:
    """A job: what the first search would take its time for."""
    yield from workspace.search.prepare()
    yield from workspace.search.calibrate()


def _count_new(workspace: Workspace, where: SearchFilter, newest_id: int) -> Iterator[int]:
    """A job: how many people a search would find that an earlier one did not."""
    yield workspace.search.count_new(where, newest_id)


def _days(span: tuple[datetime, datetime], zone: ZoneInfo) -> Iterator[date]:
    """The days that a stretch of footage touches."""
    first, last = (moment.astimezone(zone).date() for moment in span)
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)

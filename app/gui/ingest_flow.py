"""Footage → people in the library: joins the lists of the window with the ingest job."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.entities import Video, VideoStatus
from app.core.errors import ModelError, UserFacingError
from app.core.events import (
    IngestEvent,
    IngestSummary,
    Progress,
    TrackletStored,
    VideoFailed,
    VideoFinished,
    VideoSkipped,
    VideoStarted,
)
from app.core.networks import ModelRole
from app.gui.dialogs.model_dialog import ModelDialog
from app.gui.panels.ingest_panel import IngestPanel, Notice, NoticeKind
from app.gui.panels.sources_panel import SourcesPanel
from app.gui.tasks import Task, TaskRunner
from app.services.ingest import IngestOptions
from app.services.model_choice import WEIGHTS_SUFFIXES

if TYPE_CHECKING:
    from app.services.catalog import CameraEntry
    from app.services.workspace import Workspace

LANE = "ingest"
_LIST_LANE = "sources"
_COUNT_EVERY_MS = 500
_AGAIN_REMEDY = "Choose “Ingest again” in its menu in the list of videos to have it done anew."


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to be ingested."""

    path: Path
    options: IngestOptions


@dataclass(frozen=True, slots=True)
class SourceList:
    """What the list of videos shows, read in the background."""

    entries: list[CameraEntry]
    missing: frozenset[int]
    zone: ZoneInfo


class IngestFlow(QObject):
    """Runs one ingest at a time; further ones wait their turn.

    Signals:
        library_changed: people were stored or removed; comes at most every half second.
        people_stored: how many people were stored since it came last.
        video_started: a video's turn has come; the library remembers the networks by then.
        videos_listed: ids of the videos that can be played, in the order of the list.
        busy_changed: whether something is being ingested.
        problem: an exception that belongs into a dialog.
    """

    library_changed = Signal()
    people_stored = Signal(int)
    video_started = Signal()
    videos_listed = Signal(object)
    busy_changed = Signal(bool)
    problem = Signal(object)

    def __init__(
        self,
        sources_panel: SourcesPanel,
        ingest_panel: IngestPanel,
        tasks: TaskRunner,
        parent: QObject | None = None,
        options: IngestOptions | None = None,
    ) -> None:
        super().__init__(parent)
        self._sources, self._panel, self._tasks = sources_panel, ingest_panel, tasks
        self._usual = options or IngestOptions()
        self._workspace: Workspace | None = None
        self._waiting: deque[Order] = deque()
        self._stopped: list[Order] = []
        self._current: Order | None = None
        self._task: Task | None = None
        self._dialog: ModelDialog | None = None
        self._has_begun = False  # a video of the current order
        self._told: set[Path] = set()
        self._running: tuple[int, float | None, float] | None = None  # video, begun at, resumed at
        self._stored: Counter[int] = Counter()  # by video, not yet in the list
        self._new_people = 0
        self._list_task: Task | None = None
        self._list_again = False
        self._counting = QTimer(self)
        self._counting.setSingleShot(True)
        self._counting.setInterval(_COUNT_EVERY_MS)
        self._counting.timeout.connect(self._count)
        ingest_panel.cancel_requested.connect(self.cancel)
        ingest_panel.continue_requested.connect(self.go_on)
        sources_panel.again_requested.connect(self.ingest_again)

    # Public face --------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether something is being ingested, or waits for an answer of the user."""
        return self._current is not None

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Works on another library from now on; what ran for the old one is cancelled."""
        self._drop_all()
        self._workspace = workspace
        self._usual = replace(self._usual, detector=None, embedder=None)
        self._panel.show_idle()
        self._sources.show_running(None)
        if workspace is None:
            self._sources.show_sources([], frozenset(), ZoneInfo("UTC"))
        else:
            self.refresh()

    def forget_detector(self) -> None:
        """The library has another detector than the one that was chosen in this session."""
        self._usual = replace(self._usual, detector=None)

    def forget_embedder(self) -> None:
        """The library has another embedder than the one that was chosen in this session."""
        self._usual = replace(self._usual, embedder=None)

    def ingest(self, path: Path, options: IngestOptions | None = None) -> None:
        """Loads a folder or file, after whatever runs now."""
        if self._workspace is None:
            return
        if not self.is_busy:
            self._stopped.clear()
            self._panel.show_idle()
            self._told.clear()
        self._waiting.append(Order(path, options or self._usual))
        if self.is_busy:
            self._panel.show_waiting(len(self._waiting))
        else:
            self._next()

    def ingest_again(self, video: Video) -> None:
        """Analyses a stored video anew, or goes on with an interrupted one."""
        self.ingest(video.path, replace(self._usual, again=True))

    def cancel(self) -> None:
        """Stops within a second; what is stored is kept."""
        if self._current is None:
            return
        self._stopped = [self._rest_of(self._current), *self._waiting]
        self._waiting.clear()
        if self._dialog is not None:
            self._close_dialog()
            self._end_cancelled()
        elif self._task is not None:
            self._task.cancel()
            self._panel.show_stopping()

    def go_on(self) -> None:
        """Takes up what was cancelled or failed."""
        orders, self._stopped = self._stopped, []
        for order in orders:
            self.ingest(order.path, order.options)

    def refresh(self) -> None:
        """Reads the list of videos anew, in the background."""
        if self._workspace is None:
            return
        if self._list_task is not None:
            self._list_again = True
            return
        task = self._tasks.start(_LIST_LANE, _read_sources(self._workspace), self._show_list)
        task.failed.connect(self.problem)
        task.ended.connect(self._list_read)
        self._list_task = task

    # Job ----------------------------------------------------------------------------------------

    def _next(self) -> None:
        was_busy = self.is_busy
        self._current = self._waiting.popleft() if self._waiting else None
        if self._current is not None and self._workspace is not None:
            self._run(self._current)
        if self.is_busy != was_busy:
            self.busy_changed.emit(self.is_busy)

    def _run(self, order: Order) -> None:
        assert self._workspace is not None
        self._has_begun = False
        self._panel.show_started(order.path)
        self._panel.show_waiting(len(self._waiting))
        job = self._workspace.ingest(order.path, order.options)
        task = self._tasks.start(LANE, job, self._hear)
        task.failed.connect(self._fail)
        task.finished.connect(self._end)
        task.cancelled.connect(self._end_cancelled)
        self._task = task

    def _hear(self, event: IngestEvent) -> None:
        match event:
            case VideoStarted():
                self._has_begun = True
                self._running = (event.video_id, None, event.resumed_s)
                self._sources.show_running(event.video_id, event.resumed_s)
                self.refresh()
                self.video_started.emit()
            case Progress():
                self._panel.show_progress(event)
                self._show_share(event)
            case TrackletStored():
                self._stored[event.video_id] += 1
                self._new_people += 1
                if not self._counting.isActive():
                    self._counting.start()
            case VideoFinished():
                if event.problem:
                    self._tell_cut(event)
                self._leave_video()
            case VideoSkipped():
                if event.differs:
                    self._tell(NoticeKind.SKIPPED, event.path, event.reason, _AGAIN_REMEDY)
            case VideoFailed():
                self._tell(NoticeKind.FAILED, event.path, event.error.message, event.error.remedy)
                self._leave_video()
            case IngestSummary():
                for cut in event.partial:
                    self._tell_cut(cut)
                self._panel.show_summary(event)

    def _show_share(self, progress: Progress) -> None:
        """Tells the list how far the running video is: the job counts over all of them."""
        if self._running is None:
            return
        video_id, begun_s, resumed_s = self._running
        if begun_s is None:
            begun_s = progress.done_s - resumed_s
            self._running = (video_id, begun_s, resumed_s)
        self._sources.show_running(video_id, max(0.0, progress.done_s - begun_s))

    def _tell_cut(self, event: VideoFinished) -> None:
        remedy = "What was readable is kept; copy the file anew if the original is whole."
        self._tell(NoticeKind.PARTIAL, event.path, event.problem, remedy)

    def _tell(self, kind: NoticeKind, path: Path, message: str, remedy: str) -> None:
        if path not in self._told:
            self._told.add(path)
            self._panel.add_notice(Notice(kind, path, message, remedy))

    def _leave_video(self) -> None:
        self._running = None
        self._sources.show_running(None)
        self._count()
        self.refresh()
        self.library_changed.emit()

    def _count(self) -> None:
        """Passes on what was stored since the last time."""
        self._counting.stop()
        for video_id, people in self._stored.items():
            self._sources.add_people(video_id, people)
        self._stored.clear()
        people, self._new_people = self._new_people, 0
        if people:
            self.people_stored.emit(people)
            self.library_changed.emit()

    # Ends ---------------------------------------------------------------------------------------

    def _end(self) -> None:
        self._task = None
        self._leave_video()
        self._next()

    def _end_cancelled(self) -> None:
        self._panel.show_stopped()
        self._end()

    def _fail(self, error: Exception) -> None:
        self._task = None
        named = error.role if isinstance(error, ModelError) else None
        role = next((each for each in WEIGHTS_SUFFIXES if each == named), None)
        if isinstance(error, ModelError) and role is not None:
            self._ask_for_model(error, role)
        else:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """The whole order failed; the ones behind it have their turn."""
        assert self._current is not None
        self._stopped.append(self._rest_of(self._current))
        if isinstance(error, UserFacingError):
            message, remedy = error.message, error.remedy
        else:
            message, remedy = f"A mistake in the program stopped the ingest: {error}", ""
            self.problem.emit(error)
        path = self._current.path
        self._panel.show_failed(Notice(NoticeKind.STOPPED, path, message, remedy))
        self._end()

    def _ask_for_model(self, error: ModelError, role: ModelRole) -> None:
        dialog = ModelDialog(error, role, self._panel.window())
        self._dialog = dialog
        self._panel.show_question(f"Waiting for a file: {error.message}")
        dialog.file_chosen.connect(lambda path: self._take_model(role, path))
        dialog.rejected.connect(lambda: self._no_model(error))
        dialog.open()

    def _take_model(self, role: ModelRole, path: Path) -> None:
        self._dialog = None
        if self._current is None:
            return
        chosen: dict[str, Any] = {role: str(path)}
        self._usual = replace(self._usual, **chosen)
        self._current = replace(self._current, options=replace(self._current.options, **chosen))
        self._waiting = deque(
            replace(order, options=replace(order.options, **chosen)) for order in self._waiting
        )
        self._run(self._current)

    def _no_model(self, error: ModelError) -> None:
        if self._dialog is not None and self._current is not None:
            self._dialog = None
            self._give_up(error)

    def _close_dialog(self) -> None:
        """Takes the question away, which is no answer to it."""
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.reject()

    def _rest_of(self, order: Order) -> Order:
        """What is left of the running order: videos it has begun anew are gone on with."""
        again = order.options.again and not self._has_begun
        return replace(order, options=replace(order.options, again=again))

    def _drop_all(self) -> None:
        """Forgets every order; a running job goes on its way out unheard."""
        self._waiting.clear()
        self._stopped.clear()
        self._told.clear()
        self._counting.stop()
        self._stored.clear()
        self._new_people = 0
        self._running = None
        was_busy, self._current = self.is_busy, None
        self._close_dialog()
        if self._task is not None:
            self._task.failed.disconnect(self._fail)
            self._task.finished.disconnect(self._end)
            self._task.cancelled.disconnect(self._end_cancelled)
            self._task.cancel()
        if self._list_task is not None:
            self._list_task.ended.disconnect(self._list_read)
            self._list_task.cancel()
        self._task = self._list_task = None
        self._list_again = False
        if was_busy:
            self.busy_changed.emit(False)

    # List of videos -----------------------------------------------------------------------------

    def _show_list(self, found: SourceList) -> None:
        self._stored.clear()  # what was just read holds them
        self._sources.show_sources(found.entries, found.missing, found.zone)
        videos = [video for entry in found.entries for video in entry.videos]
        self.videos_listed.emit(
            [
                video.id
                for video in videos
                if video.id not in found.missing and video.status is not VideoStatus.FAILED
            ]
        )

    def _list_read(self) -> None:
        self._list_task = None
        if self._list_again:
            self._list_again = False
            self.refresh()


def _read_sources(workspace: Workspace) -> Iterator[SourceList]:
    """Job: the videos of a library, and which of them are not where they were."""
    entries = workspace.catalog.cameras()
    missing = frozenset(
        video.id for entry in entries for video in entry.videos if not video.path.exists()
    )
    yield SourceList(entries, missing, workspace.library.timezone)

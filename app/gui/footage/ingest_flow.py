"""Footage → people in the library: joins the lists of the window with the ingest job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.entities import Video, VideoStatus
from app.core.errors import ModelError, UserFacingError
from app.core.events import (
    FootageOrdered,
    IngestEvent,
    IngestSummary,
    Progress,
    QueuePaused,
    TrackletStored,
    VideoFailed,
    VideoFinished,
    VideoSkipped,
    VideoStarted,
)
from app.core.networks import MODEL_ROLES, ModelRole, NamedModels
from app.gui.footage.ingest_line import IngestLine
from app.gui.footage.ingest_notices import Notice, NoticeKind
from app.gui.footage.model_dialog import ModelDialog
from app.gui.footage.source_list import SourceList, read_sources
from app.gui.footage.sources_panel import SourcesPanel
from app.gui.tasks import Task, TaskRunner
from app.language import tr
from app.services.ingest.ingest_options import IngestOptions

if TYPE_CHECKING:
    from app.services.workspace import Workspace

LANE = "ingest"
_ORDER_LANE = "orders"
_LIST_LANE = "sources"
_COUNT_EVERY_MS = 500
_AGAIN_REMEDY = tr("To analyse it again, choose “Load again” in its menu in the list of videos.")


class IngestFlow(QObject):
    """Runs the library's queue: one job takes what waits, orders add to it meanwhile.

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
        ingest_line: IngestLine,
        tasks: TaskRunner,
        parent: QObject | None = None,
        options: IngestOptions | None = None,
        *,
        goes_on_at_start: bool = True,
    ) -> None:
        super().__init__(parent)
        self._sources, self._panel, self._tasks = sources_panel, ingest_line, tasks
        self._usual = options or IngestOptions()
        self._goes_on_at_start = goes_on_at_start
        self._workspace: Workspace | None = None
        self._task: Task | None = None
        self._dialog: ModelDialog | None = None
        self._is_new = False  # the library: what waits in it has not been gone on with yet
        self._has_begun = False  # to ingest, since the library was opened
        self._again = False  # something was ordered while a job ran, perhaps too late for it
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
        ingest_line.pause_requested.connect(self.pause)
        ingest_line.continue_requested.connect(self.go_on)
        sources_panel.again_requested.connect(self.ingest_again)
        sources_panel.exclude_requested.connect(self.exclude)
        sources_panel.move_requested.connect(self.move)

    # Public face --------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether something is being ingested, or waits for an answer of the user."""
        return self._task is not None or self._dialog is not None

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Works on another library from now on; what ran for the old one is cancelled.

        What waits in the new one is gone on with, unless the user paused it, or wants to be asked.
        """
        self._drop_all()
        self._workspace = workspace
        self._is_new, self._has_begun = workspace is not None, False
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
        """Orders a folder or file; its videos are taken after whatever waits now."""
        workspace = self._workspace
        if workspace is None:
            return
        if self.is_busy:
            job = workspace.order(path, options or self._usual)
            task = self._tasks.start(_ORDER_LANE, job, self._hear)
            task.failed.connect(lambda error: self._tell_stopped(error, path))
            task.ended.connect(self._ordered)
            return
        self._begin(_unpaused(workspace, workspace.ingest(path, options or self._usual)), path)

    def ingest_all(self, paths: Sequence[Path], options: IngestOptions | None = None) -> None:
        """Orders several folders or files, one after the other."""
        for path in paths:
            self.ingest(path, options)

    def take_arrivals(self) -> None:
        """Recordings have joined the queue by themselves."""
        if self._goes_on_at_start or self._has_begun:
            self._ordered()
        else:
            self.refresh()

    def ingest_again(self, videos: Sequence[Video]) -> None:
        """Analyses stored videos anew, and takes others after all."""
        stored = [v.id for v in videos if v.status in (VideoStatus.DONE, VideoStatus.PARTIAL)]
        others = [video.id for video in videos if video.id not in stored]

        def put(workspace: Workspace) -> None:
            chosen = {"detector": self._usual.detector, "embedder": self._usual.embedder}
            changed = {role: name for role, name in chosen.items() if name is not None}
            usual = self._usual.packed()
            with workspace.library.transaction():
                workspace.library.queue_videos(stored, usual, {**changed, "again": True})
                workspace.library.queue_videos(others, usual, changed)

        self._change_queue(put).finished.connect(self._ordered)

    def exclude(self, video_ids: Sequence[int]) -> None:
        """Takes videos out of the queue; one that is being read stops within a second."""
        self._change_queue(lambda it: it.library.exclude_videos(video_ids))

    def move(self, video_ids: Sequence[int], to_front: bool) -> None:
        """Has videos taken next, or last."""
        self._change_queue(lambda it: it.library.move_in_queue(video_ids, to_front=to_front))

    def pause(self) -> None:
        """Stops within a second, and at the next start too; what is stored is kept."""
        if not self.is_busy:
            return
        self._change_queue(lambda it: it.library.pause_queue(True))
        self._again = False
        if self._dialog is not None:
            self._close_dialog()
            self._end()
        elif self._task is not None:
            self._task.cancel()
            self._panel.show_stopping()

    def go_on(self) -> None:
        """Takes what waits."""
        if self._workspace is not None and not self.is_busy:
            workspace = self._workspace
            job = _unpaused(workspace, workspace.go_on(self._networks()))
            self._begin(job, workspace.library.folder)

    def _networks(self) -> NamedModels:
        return NamedModels(detector=self._usual.detector, embedder=self._usual.embedder)

    def _change_queue(self, change: Callable[[Workspace], None]) -> Task:
        assert self._workspace is not None
        workspace = self._workspace
        task = self._tasks.start(_ORDER_LANE, _once(lambda: change(workspace)))
        task.failed.connect(self.problem)
        task.finished.connect(self.refresh)
        return task

    def _ordered(self) -> None:
        """Something has joined the queue: a running job takes it, or the next one."""
        self._again = True
        self.refresh()

    def refresh(self) -> None:
        """Reads the list of videos anew, in the background."""
        if self._workspace is None:
            return
        if self._list_task is not None:
            self._list_again = True
            return
        task = self._tasks.start(_LIST_LANE, read_sources(self._workspace), self._show_list)
        task.failed.connect(self.problem)
        task.ended.connect(self._list_read)
        self._list_task = task

    # Job ----------------------------------------------------------------------------------------

    def _begin(self, job: Iterator[IngestEvent], path: Path) -> None:
        self._panel.show_idle()
        self._told.clear()
        self._is_new, self._has_begun = False, True
        self._run(job, path)
        self.busy_changed.emit(True)

    def _run(self, job: Iterator[IngestEvent], path: Path) -> None:
        self._panel.show_started(path)
        task = self._tasks.start(LANE, job, self._hear)
        task.failed.connect(lambda error: self._fail(error, path))
        task.finished.connect(self._end)
        task.cancelled.connect(self._end)
        self._task = task

    def _hear(self, event: IngestEvent) -> None:
        match event:
            case VideoStarted():
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
            case FootageOrdered() | VideoSkipped() | QueuePaused():
                if isinstance(event, VideoSkipped) and event.differs:
                    self._tell(NoticeKind.SKIPPED, event.path, event.reason, _AGAIN_REMEDY)
                self.refresh()
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
        remedy = tr("What was readable is kept; copy the file again if the original is complete.")
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
        self.busy_changed.emit(False)

    def _fail(self, error: Exception, path: Path) -> None:
        self._task = None
        named = error.role if isinstance(error, ModelError) else None
        role = next((each for each in MODEL_ROLES if each == named), None)
        if isinstance(error, ModelError) and role is not None:
            self._ask_for_model(error, role, path)
        else:
            self._give_up(error, path)

    def _give_up(self, error: Exception, path: Path) -> None:
        self._tell_stopped(error, path)
        self._panel.show_stopped()
        self._end()

    def _tell_stopped(self, error: Exception, path: Path) -> None:
        if isinstance(error, UserFacingError):
            message, remedy = error.message, error.remedy
        else:
            message, remedy = (
                tr("An error in Retrace stopped the loading: {error}", error=error),
                "",
            )
            self.problem.emit(error)
        self._panel.add_notice(Notice(NoticeKind.STOPPED, path, message, remedy))

    def _ask_for_model(self, error: ModelError, role: ModelRole, path: Path) -> None:
        dialog = ModelDialog(error, role, self._panel.window())
        self._dialog = dialog
        self._panel.show_question(tr("Waiting for a file: {message}", message=error.message))
        dialog.file_chosen.connect(lambda chosen: self._take_model(role, chosen))
        dialog.rejected.connect(lambda: self._no_model(error, path))
        dialog.open()

    def _take_model(self, role: ModelRole, path: Path) -> None:
        if self._dialog is None or self._workspace is None:
            return
        self._dialog = None
        chosen: dict[str, Any] = {role: str(path)}
        self._usual = replace(self._usual, **chosen)
        self._run(self._workspace.go_on(self._networks()), self._workspace.library.folder)

    def _no_model(self, error: ModelError, path: Path) -> None:
        if self._dialog is not None:
            self._dialog = None
            self._give_up(error, path)

    def _close_dialog(self) -> None:
        """Takes the question away, which is no answer to it."""
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.reject()

    def _drop_all(self) -> None:
        """Lets go of the library; a running job goes on its way out unheard."""
        self._told.clear()
        self._counting.stop()
        self._stored.clear()
        self._new_people = 0
        self._running = None
        was_busy = self.is_busy
        self._close_dialog()
        if self._task is not None:
            for signal in (self._task.failed, self._task.finished, self._task.cancelled):
                signal.disconnect()
            self._task.cancel()
        self._tasks.cancel(_ORDER_LANE)
        if self._list_task is not None:
            self._list_task.ended.disconnect(self._list_read)
            self._list_task.cancel()
        self._task = self._list_task = None
        self._list_again = self._again = False
        if was_busy:
            self.busy_changed.emit(False)

    # List of videos -----------------------------------------------------------------------------

    def _show_list(self, found: SourceList) -> None:
        self._stored.clear()  # what was just read holds them
        self._sources.show_sources(found.entries, found.missing, found.zone, found.waiting)
        self._show_queue(found)
        videos = [video for entry in found.entries for video in entry.videos]
        self.videos_listed.emit(
            [
                video.id
                for video in videos
                if video.id not in found.missing
                and video.status is not VideoStatus.FAILED
                and video.info.width_px  # looked at: before that, its length is unknown
            ]
        )

    def _show_queue(self, found: SourceList) -> None:
        """Says how many videos wait; goes on with them where nothing stands against it."""
        if self.is_busy:
            running = self._running is not None and self._running[0] in found.waiting
            self._panel.show_waiting(len(found.waiting) - running)
            return
        wanted = self._again or (self._is_new and self._goes_on_at_start)
        self._again = self._is_new = False
        if found.waiting and wanted and not found.is_paused:
            self.go_on()
        elif found.waiting:
            self._panel.show_queue(len(found.waiting))

    def _list_read(self) -> None:
        self._list_task = None
        if self._list_again:
            self._list_again = False
            self.refresh()


def _unpaused(workspace: Workspace, job: Iterator[IngestEvent]) -> Iterator[IngestEvent]:
    """Job: an ingest that the user wants now, although the queue was paused."""
    workspace.library.pause_queue(False)
    yield from job


def _once(change: Callable[[], None]) -> Iterator[None]:
    """Job of one step."""
    change()
    yield

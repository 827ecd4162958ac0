"""Background work: every long job is a plain generator of events, run in a worker thread.

These are the only threads of the window. A job never sees Qt; what it yields, returns or raises is
heard through signals of its `Task`, all of them emitted in the GUI thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from app.core.errors import UserFacingError

logger = logging.getLogger(__name__)


class _Outcome(Enum):
    RAN_TO_END = auto()
    FAILED = auto()
    CANCELLED = auto()


class Task(QObject):
    """Handle of one job. Lives in the GUI thread, where all its signals are emitted.

    Exactly one of `finished`, `failed` and `cancelled` comes, always after control has returned to
    the event loop: connecting right after `TaskRunner.start` is never too late. After `cancel` no
    further event is delivered, and whatever the job does then, even failing, counts as cancelled.

    Signals:
        advanced: one event yielded by the job.
        finished: the job ran to its end.
        failed: the exception that ended the job.
        cancelled: the job was closed before its end.
        ended: after any of the three; the task is of no further use.
    """

    advanced = Signal(object)
    finished = Signal()
    failed = Signal(object)
    cancelled = Signal()
    ended = Signal()

    _posted = Signal(object, object)  # worker thread → GUI thread: (None | _Outcome, payload)

    def __init__(self, lane: str, parent: QObject) -> None:
        super().__init__(parent)
        self.lane = lane
        self._stop = threading.Event()
        self._closed = threading.Event()
        self._posted.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def is_cancelled(self) -> bool:
        """Whether the job was told to stop; it may still be on its way out."""
        return self._stop.is_set()

    def cancel(self) -> None:
        """Has the job closed at its next event, or never begun. May be called again, any time."""
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Blocks until the job has been closed; for other jobs and for the end, never for the GUI.

        Returns:
            Whether it has been closed, False after `timeout_s` seconds without.
        """
        return self._closed.wait(timeout_s)

    def _run(self, job: Iterator[Any]) -> None:
        """Runs the job and closes it exactly once, all in the worker thread."""
        error: Exception | None = None
        try:
            self._consume(job)
        except Exception as raised:
            if not isinstance(raised, UserFacingError):
                logger.exception("A job of lane %r failed.", self.lane)
            error = raised
        finally:
            self._closed.set()
        if self._stop.is_set():
            self._post(_Outcome.CANCELLED, None)
        elif error is not None:
            self._post(_Outcome.FAILED, error)
        else:
            self._post(_Outcome.RAN_TO_END, None)

    def _consume(self, job: Iterator[Any]) -> None:
        """Hands over the job's events until it ends or is told to stop."""
        try:
            while not self._stop.is_set():
                try:
                    event = next(job)
                except StopIteration:
                    return
                self._post(None, event)
        finally:
            # The job's own `finally` blocks run here, in the thread that ran the job.
            if isinstance(job, Generator):
                job.close()

    def _post(self, outcome: _Outcome | None, payload: object) -> None:
        try:
            self._posted.emit(outcome, payload)
        except RuntimeError:
            # The Qt half of this object is gone with the window: nobody is left to be told.
            self._stop.set()

    def _deliver(self, outcome: _Outcome | None, payload: object) -> None:
        """Emits in the GUI thread what the worker posted."""
        if outcome is None:
            if not self._stop.is_set():
                self.advanced.emit(payload)
            return
        if self._stop.is_set():
            self.cancelled.emit()
        elif outcome is _Outcome.FAILED:
            self.failed.emit(payload)
        else:
            self.finished.emit()
        self.ended.emit()


class TaskRunner(QObject):
    """One lane per kind of work: jobs of a lane run one after another, lanes run side by side.

    Signals:
        lane_busy_changed: (lane, busy), when the first job of a lane starts or its last one ends.
    """

    lane_busy_changed = Signal(str, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes: dict[str, ThreadPoolExecutor] = {}
        self._tasks: dict[str, list[Task]] = {}
        self._closed = False

    def start(
        self,
        lane: str,
        job: Iterator[Any],
        on_event: Callable[[Any], object] | None = None,
    ) -> Task:
        """Puts a job at the end of a lane.

        Args:
            lane: "library", "ingest", "search", "player", "thumbnails", …
            job: a generator that has not begun; it yields at least every 0.3 s, because a
                cancellation acts between two events.
            on_event: connected to the task's `advanced`.

        Returns:
            The handle. After `shutdown` it is one whose job is never begun and that tells nothing.
        """
        task = Task(lane, self)
        if on_event is not None:
            task.advanced.connect(on_event)
        task.ended.connect(self._forget_sender)
        if self._closed:
            task.cancel()
            return task
        waiting = self._tasks.setdefault(lane, [])
        waiting.append(task)
        pool = self._lanes.get(lane)
        if pool is None:
            pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=lane)
            self._lanes[lane] = pool
        pool.submit(task._run, job)
        if len(waiting) == 1:
            self.lane_busy_changed.emit(lane, True)
        return task

    def replace(
        self,
        lane: str,
        job: Iterator[Any],
        on_event: Callable[[Any], object] | None = None,
    ) -> Task:
        """Cancels everything in the lane, then starts the job: only the newest one matters."""
        self.cancel(lane)
        return self.start(lane, job, on_event)

    def cancel(self, lane: str) -> None:
        """Cancels what runs and what waits in the lane; returns at once."""
        for task in self._tasks.get(lane, []):
            task.cancel()

    def running(self) -> list[Task]:
        """The tasks of all lanes that have not yet been told to have ended."""
        return [task for tasks in self._tasks.values() for task in tasks]

    def is_busy(self, lane: str) -> bool:
        """Whether a job of the lane runs, waits, or has not yet been told to have ended."""
        return bool(self._tasks.get(lane))

    def shutdown(self) -> None:
        """Cancels every job and waits until each has been closed in its own thread.

        Later `start`s run nothing.
        """
        self._closed = True
        for lane in self._tasks:
            self.cancel(lane)
        for pool in self._lanes.values():
            # Jobs that still wait are not dropped from the queue but "run", so that they are
            # closed like any other; being cancelled they return at once.
            pool.shutdown(wait=True)

    def _forget_sender(self) -> None:
        task = self.sender()
        if not isinstance(task, Task):
            return
        rest = self._tasks.get(task.lane, [])
        if task in rest:
            rest.remove(task)
            if not rest:
                self.lane_busy_changed.emit(task.lane, False)
        task.deleteLater()

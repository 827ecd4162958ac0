"""Watched folders: what is recorded into them is ordered while the library is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.core.events import FootageOrdered, IngestEvent
from app.gui.tasks import TaskRunner
from app.services.ingest.ingest_options import IngestOptions

if TYPE_CHECKING:
    from app.services.workspace import Workspace

LANE = "watch"


class WatchFlow(QObject):
    """Keeps one job running that watches all folders of the open library.

    Signals:
        arrived: recordings have joined the queue.
        watched_changed: list of the folders that are watched.
        problem: an exception that belongs into a dialog.
    """

    arrived = Signal()
    watched_changed = Signal(object)
    problem = Signal(object)

    def __init__(self, tasks: TaskRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._workspace: Workspace | None = None

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Watches what another library watches from now on."""
        self._tasks.cancel(LANE)
        self._workspace = workspace
        if workspace is None:
            self.watched_changed.emit([])
        else:
            self._start(lambda _: None)

    def watch(self, folder: Path, options: IngestOptions) -> None:
        """Loads whatever is recorded into a folder, at the next start, too."""
        self._start(lambda it: it.library.watch_folder(folder, options.packed()))

    def stop(self, folder: Path) -> None:
        """Leaves a folder alone; what it has brought stays."""
        self._start(lambda it: it.library.watch_folder(folder, None))

    def _start(self, change: Callable[[Workspace], None]) -> None:
        """Changes what is watched, and watches that."""
        if self._workspace is None:
            return
        job = _watching(self._workspace, change)
        task = self._tasks.replace(LANE, job, self._hear)
        task.failed.connect(self.problem)

    def _hear(self, event: list[Path] | IngestEvent) -> None:
        if isinstance(event, list):
            self.watched_changed.emit(event)
        elif isinstance(event, FootageOrdered) and event.videos:
            self.arrived.emit()


def _watching(
    workspace: Workspace, change: Callable[[Workspace], None]
) -> Iterator[list[Path] | IngestEvent]:
    """Job: first which folders are watched, then what arrives in them."""
    change(workspace)
    yield [each.folder for each in workspace.library.watched_folders()]
    yield from workspace.order_arrivals()

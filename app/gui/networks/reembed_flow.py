"""Another embedder for the open library: its file, the job, and how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.gui.footage.ingest_flow import LANE
from app.gui.networks.reembed_dialog import ReembedDialog
from app.gui.tasks import Task, TaskRunner
from app.gui.widgets.choosing import choose_model_file
from app.language import tr

if TYPE_CHECKING:
    from app.services.workspace import Workspace


class ReembedFlow(QObject):
    """Runs one at a time, in the lane of ingests: what is stored meanwhile would be left out.

    Signals:
        embedder_changed: the library has another embedder from now on.
        problem: an exception that belongs into a dialog.
    """

    embedder_changed = Signal()
    problem = Signal(object)

    def __init__(self, tasks: TaskRunner, window: QWidget) -> None:
        super().__init__(window)
        self._tasks, self._window = tasks, window
        self._workspace: Workspace | None = None
        self._dialog: ReembedDialog | None = None
        self._task: Task | None = None

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Works on another library from now on; what runs for the old one is cancelled."""
        self._workspace = workspace
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        if self._dialog is not None:
            self._dialog.end()

    def ask(self) -> None:
        """Lets the user choose the network, or shows how far the running one is."""
        if self._task is not None and self._dialog is not None:
            self._dialog.activateWindow()
        elif self._workspace is not None:
            choose_model_file(
                self._window,
                tr("Compute new vectors with another network"),
                "embedder",
                self.start,
            )

    def change_to(self, path: Path | None) -> None:
        """Computes the vectors anew with a network, or lets the user choose it."""
        if path is None:
            self.ask()
        else:
            self.start(path)

    def start(self, path: Path) -> None:
        """Computes the vectors of all people with another network."""
        if self._workspace is None or self._task is not None:
            return
        if self._dialog is not None:
            self._dialog.end()
        self._dialog = dialog = ReembedDialog(path.stem, self._window)
        task = self._tasks.start(LANE, self._workspace.reembed(str(path)), dialog.show_progress)
        task.finished.connect(lambda: self._finish(task))
        task.cancelled.connect(lambda: self._stop(task))
        task.failed.connect(lambda error: self._fail(task, error))
        dialog.cancel_wanted.connect(task.cancel)
        dialog.finished.connect(lambda: self._forget(dialog))
        dialog.show()
        self._task = task

    def _forget(self, dialog: ReembedDialog) -> None:
        if self._dialog is dialog:
            self._dialog = None

    def _finish(self, task: Task) -> None:
        if self._task is not task:
            return
        self._task = None
        if self._dialog is not None:
            self._dialog.show_done()
        self.embedder_changed.emit()

    def _stop(self, task: Task) -> None:
        if self._task is not task:
            return
        self._task = None
        if self._dialog is not None:
            self._dialog.show_stopped()

    def _fail(self, task: Task, error: Exception) -> None:
        if self._task is not task:
            return
        self._task = None
        if self._dialog is not None:
            self._dialog.end()
        self.problem.emit(error)

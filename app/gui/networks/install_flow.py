"""Install from file… and Download… of the list of networks: the job, its progress, its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.core.errors import UserFacingError
from app.core.networks import role_words
from app.gui.networks.download_dialog import DownloadDialog
from app.gui.networks.networks_dialog import NetworksDialog
from app.gui.tasks import Task, TaskRunner
from app.language import tr
from app.services.networks.installation import Installed, InstallEvent

if TYPE_CHECKING:
    from app.services.networks.model_shelf import ModelShelf

LANE = "install"


class InstallFlow(QObject):
    """Runs one installation at a time, and lives as long as the dialog: closing that cancels.

    Signals:
        installed: a weights file is in its place.
        problem: an exception that belongs into a dialog.
    """

    installed = Signal()
    problem = Signal(object)

    def __init__(self, tasks: TaskRunner, dialog: NetworksDialog, shelf: ModelShelf) -> None:
        super().__init__(dialog)
        self._tasks, self._dialog, self._shelf = tasks, dialog, shelf
        self._task: Task | None = None
        dialog.install_wanted.connect(lambda path: self._start(str(path), None))
        dialog.download_wanted.connect(self._ask)
        dialog.progress.cancel_wanted.connect(self._cancel)
        dialog.finished.connect(self._leave)

    def _ask(self, proposed: str) -> None:
        question = DownloadDialog(self._dialog.public(), proposed, self._dialog)
        question.chosen.connect(self._start)
        question.open()

    def _start(self, source: str, sha256: str | None) -> None:
        if self._task is not None:
            return
        self._dialog.progress.show_started(Path(source).name)
        self._dialog.show_installing(True)
        job = self._shelf.install(source, sha256=sha256)
        self._task = self._tasks.start(LANE, job, self._hear)
        self._task.failed.connect(self._fail)
        self._task.cancelled.connect(
            lambda: self._end(tr("Stopped. The next download continues from here."))
        )

    def _hear(self, event: InstallEvent) -> None:
        if self._task is None:
            return
        if not isinstance(event, Installed):
            self._dialog.progress.show_event(event)
            return
        text = tr(
            "{name} was installed as {role}.", name=event.path.name, role=role_words(event.role)
        )
        if self._dialog.has_library:
            button = tr("Change…") if event.role == "embedder" else tr("Choose…")
            text += " " + tr("To use it in this library, click {button} above.", button=button)
        self._end(text)
        self.installed.emit()

    def _fail(self, error: Exception) -> None:
        if isinstance(error, UserFacingError):
            self._end(f"! {error}")
        else:
            self._end(tr("! An error in Retrace stopped the installation."))
            self.problem.emit(error)

    def _end(self, text: str) -> None:
        if self._task is None:
            return  # the dialog was closed meanwhile
        self._task = None
        self._dialog.progress.show_end(text)
        self._dialog.show_installing(False)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._dialog.progress.show_stopping()

    def _leave(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

"""Library → Networks…: what is used, what it costs, and the user's choice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.core.errors import UserFacingError
from app.core.networks import ModelRole
from app.gui.networks.install_flow import InstallFlow
from app.gui.networks.networks_dialog import NetworksDialog
from app.gui.tasks import TaskRunner

if TYPE_CHECKING:
    from app.services.workspace import Workspace

LANE = "networks"


class NetworksFlow(QObject):
    """Shows the networks of the open library, and notes another one than the embedder.

    Signals:
        detector_changed: footage is loaded with another detector from now on.
        changed: searches refine their rankings by other networks from now on.
        embedder_change_wanted: the library is to get another embedder's vectors; of that path, or
            None where the user is to be asked.
        problem: an exception that belongs into a dialog.
    """

    detector_changed = Signal()
    changed = Signal()
    embedder_change_wanted = Signal(object)
    problem = Signal(object)

    def __init__(self, tasks: TaskRunner, window: QWidget) -> None:
        super().__init__(window)
        self._tasks, self._window = tasks, window
        self._workspace: Workspace | None = None
        self._dialog: NetworksDialog | None = None

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Works on another library from now on, or on none."""
        self._workspace = workspace
        if self._dialog is not None:
            self._dialog.close()

    def ask(self) -> None:
        """Opens the list."""
        if self._workspace is None:
            return
        if self._dialog is None:
            self._dialog = NetworksDialog(self._window)
            self._dialog.file_chosen.connect(self._choose)
            self._dialog.removal_wanted.connect(lambda role: self._choose(role, None))
            self._dialog.embedder_change_wanted.connect(self._change_embedder)
            install = InstallFlow(self._tasks, self._dialog, self._workspace.shelf)
            install.installed.connect(self._list)
            install.problem.connect(self.problem)
            self._dialog.finished.connect(self._forget_dialog)
            self._dialog.open()
        self._list()

    def _list(self) -> None:
        if self._workspace is None or self._dialog is None:
            return
        task = self._tasks.replace(LANE, self._workspace.list_networks(), self._dialog.show_entry)
        task.failed.connect(self.problem)

    def _forget_dialog(self) -> None:
        self._dialog = None
        self._tasks.cancel(LANE)

    def _choose(self, role: ModelRole, path: Path | None) -> None:
        if self._workspace is None:
            return
        task = self._tasks.replace(LANE, _remember(self._workspace, role, path))
        task.finished.connect(lambda: self._take(role))
        task.failed.connect(self._refuse)

    def _take(self, role: ModelRole) -> None:
        if self._dialog is not None:
            self._dialog.show_problem("")
        self._list()
        if role == "detector":
            self.detector_changed.emit()
        else:
            self.changed.emit()

    def _refuse(self, error: Exception) -> None:
        if isinstance(error, UserFacingError) and self._dialog is not None:
            self._dialog.show_problem(str(error))
            self._list()
        else:
            self.problem.emit(error)

    def _change_embedder(self, path: Path | None) -> None:
        if self._dialog is not None:
            self._dialog.close()
        self.embedder_change_wanted.emit(path)


def _remember(workspace: Workspace, role: ModelRole, path: Path | None) -> Iterator[None]:
    """Job: the library uses another network, or none, in a role."""
    workspace.networks.remember(role, path)
    yield None

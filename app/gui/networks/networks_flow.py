"""Library → Networks…: what is used, what it costs, and the user's choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.core.networks import ModelRole
from app.gui.dialog_flow import DialogFlow
from app.gui.networks.install_flow import InstallFlow
from app.gui.networks.networks_dialog import NetworksDialog
from app.gui.tasks import TaskRunner

if TYPE_CHECKING:
    from app.services.networks.model_shelf import ModelShelf
    from app.services.workspace import Workspace


class NetworksFlow(DialogFlow[NetworksDialog]):
    """Shows the networks of the open library, and notes another one than the embedder.

    Where none is open, it shows those that a new library would use.

    Signals:
        detector_changed: footage is loaded with another detector from now on.
        changed: searches refine their rankings by other networks from now on.
        embedder_change_wanted: the library is to get another embedder's vectors; of that path, or
            None where the user is to be asked.
    """

    detector_changed = Signal()
    changed = Signal()
    embedder_change_wanted = Signal(object)

    def __init__(
        self, tasks: TaskRunner, window: QWidget, open_shelf: Callable[[], ModelShelf]
    ) -> None:
        super().__init__("networks", tasks, window)
        self._open_shelf = open_shelf

    def ask(self) -> None:
        """Opens the list."""
        if self._dialog is None:
            dialog = NetworksDialog(self._window, has_library=self._workspace is not None)
            dialog.file_chosen.connect(self._choose)
            dialog.removal_wanted.connect(lambda role: self._choose(role, None))
            dialog.embedder_change_wanted.connect(self._change_embedder)
            install = InstallFlow(self._tasks, dialog, self._shelf())
            install.installed.connect(self._list)
            install.problem.connect(self.problem)
            self._adopt(dialog)
            dialog.open()
        self._list()

    def _list(self) -> None:
        if self._dialog is None:
            return
        workspace = self._workspace
        job = self._shelf().in_roles(None) if workspace is None else workspace.list_networks()
        task = self._tasks.replace(self._lane, job, self._dialog.show_entry)
        task.failed.connect(self.problem)

    def _shelf(self) -> ModelShelf:
        return self._open_shelf() if self._workspace is None else self._workspace.shelf

    def _forget(self, dialog: NetworksDialog) -> None:
        super()._forget(dialog)
        self._tasks.cancel(self._lane)

    def _choose(self, role: ModelRole, path: Path | None) -> None:
        if self._workspace is None:
            return
        task = self._tasks.replace(self._lane, _remember(self._workspace, role, path))
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
        super()._refuse(error)
        self._list()

    def _change_embedder(self, path: Path | None) -> None:
        self._dismiss()
        self.embedder_change_wanted.emit(path)


def _remember(workspace: Workspace, role: ModelRole, path: Path | None) -> Iterator[None]:
    """Job: the library uses another network, or none, in a role."""
    workspace.networks.remember(role, path)
    yield None

"""Footage that was moved: what is missing, where it is now, and the library's note of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.core.errors import UserFacingError
from app.gui.footage.locate_dialog import LocateDialog
from app.gui.tasks import TaskRunner
from app.services.footage.relocation import MissingFootage, locate_footage, missing_footage

if TYPE_CHECKING:
    from app.gui.tasks import Task
    from app.services.workspace import Workspace

LANE = "sources"


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the disk has shown.

    Attributes:
        lost: what is missing.
        found: how many videos were found just before.
    """

    lost: Sequence[MissingFootage]
    found: int = 0


class LocateFlow(QObject):
    """Shows what is missing, and takes the folder where it is now.

    Signals:
        located: videos have another place now.
        problem: an exception that belongs into a dialog.
    """

    located = Signal()
    problem = Signal(object)

    def __init__(self, tasks: TaskRunner, window: QWidget) -> None:
        super().__init__(window)
        self._tasks, self._window = tasks, window
        self._workspace: Workspace | None = None
        self._dialog: LocateDialog | None = None

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Works on another library from now on, or on none."""
        self._workspace = workspace
        if self._dialog is not None:
            self._dialog.close()

    def ask(self) -> None:
        """Opens the list of what is missing."""
        if self._workspace is None:
            return
        task = self._start(_look(self._workspace))
        task.advanced.connect(self._show)
        task.failed.connect(self.problem)

    def _start(self, job: Iterator[Look]) -> Task:
        return self._tasks.start(LANE, job)

    def _show(self, look: Look) -> None:
        if self._workspace is None:
            return
        if self._dialog is None:
            self._dialog = LocateDialog(self._window)
            self._dialog.folder_chosen.connect(self._locate)
            self._dialog.finished.connect(self._forget_dialog)
            self._dialog.open()
        self._dialog.show_missing(look.lost, look.found)

    def _forget_dialog(self) -> None:
        self._dialog = None

    def _locate(self, lost: MissingFootage, folder: Path) -> None:
        if self._workspace is None:
            return
        task = self._start(_locate(self._workspace, lost, folder))
        task.advanced.connect(self._show)
        task.finished.connect(self.located)
        task.failed.connect(self._refuse)

    def _refuse(self, error: Exception) -> None:
        if isinstance(error, UserFacingError) and self._dialog is not None:
            self._dialog.show_problem(str(error))
        else:
            self.problem.emit(error)


def _look(workspace: Workspace) -> Iterator[Look]:
    """Job: what is missing."""
    yield Look(missing_footage(workspace.library))


def _locate(workspace: Workspace, lost: MissingFootage, folder: Path) -> Iterator[Look]:
    """Job: notes where footage is now, and looks what is still missing."""
    found = locate_footage(workspace.library, lost, folder)
    yield Look(missing_footage(workspace.library), found)

"""What flows have in common that work on the open library from a dialog of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.core.errors import UserFacingError
from app.gui.tasks import Task, TaskRunner
from app.gui.widgets.problem_dialog import ProblemDialog

if TYPE_CHECKING:
    from app.services.workspace import Workspace

D = TypeVar("D", bound=ProblemDialog)
T = TypeVar("T")


class DialogFlow(QObject, Generic[D]):
    """Has one dialog at a time and runs its jobs; what fails is said in the dialog.

    Signals:
        problem: an exception that belongs into a dialog of its own.

    Args:
        lane: where its jobs run.
        tasks: runs them.
        window: what the dialog is shown over.
    """

    problem = Signal(object)

    def __init__(self, lane: str, tasks: TaskRunner, window: QWidget) -> None:
        super().__init__(window)
        self._lane, self._tasks, self._window = lane, tasks, window
        self._workspace: Workspace | None = None
        self._dialog: D | None = None

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Works on another library from now on, or on none; the dialog is closed."""
        self._workspace = workspace
        self._dismiss()

    def _adopt(self, dialog: D) -> None:
        """Takes a dialog in the place of the one before; the caller opens it."""
        self._dismiss()
        dialog.finished.connect(lambda: self._forget(dialog))
        self._dialog = dialog

    def _dismiss(self) -> None:
        if self._dialog is not None:
            self._dialog.reject()

    def _forget(self, dialog: D) -> None:
        if self._dialog is dialog:
            self._dialog = None

    def _start(self, job: Iterator[Any], take: Callable[[Any], object] | None = None) -> Task:
        task = self._tasks.start(self._lane, job, take)
        task.failed.connect(self._refuse)
        return task

    def _do(self, work: Callable[[Workspace], T], take: Callable[[T], object]) -> None:
        """Works on the open library in the background, and takes the answer in the window."""
        workspace = self._workspace
        if workspace is not None:
            self._start((work(workspace) for _ in range(1)), take)

    def _refuse(self, error: Exception) -> None:
        if isinstance(error, UserFacingError) and self._dialog is not None:
            self._dialog.show_problem(str(error))
        else:
            self.problem.emit(error)

"""Merging and splitting cameras from the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.core.entities import Camera, Video
from app.core.errors import UserFacingError
from app.gui.footage.cameras_dialog import CamerasDialog, merge_dialog, split_dialog
from app.gui.tasks import TaskRunner

if TYPE_CHECKING:
    from app.services.workspace import Workspace

_LANE = "cameras"


class CameraFlow(QObject):
    """One question at a time.

    Signals:
        saved: some videos are of another camera now.
        problem: an exception that belongs into a dialog.
    """

    saved = Signal()
    problem = Signal(object)

    def __init__(self, tasks: TaskRunner, window: QWidget) -> None:
        super().__init__(window)
        self._tasks, self._window = tasks, window
        self._workspace: Workspace | None = None
        self._dialog: CamerasDialog | None = None

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Works on another library from now on."""
        self._workspace = workspace
        if self._dialog is not None:
            self._dialog.reject()

    def ask_merge(self, cameras: Sequence[Camera]) -> None:
        """Asks which of the cameras stays, and makes them one."""
        self._ask(
            merge_dialog(
                cameras,
                self._window,
                lambda into: self._do(lambda it: it.cameras.merge(cameras, into)),
            )
        )

    def ask_split(self, videos: Sequence[Video]) -> None:
        """Asks for the name of a new camera, and gives it some videos of another."""
        camera = videos[0].camera
        self._ask(
            split_dialog(
                videos,
                self._window,
                lambda name: self._do(lambda it: it.cameras.split(camera, videos, name)),
            )
        )

    def _ask(self, dialog: CamerasDialog) -> None:
        if self._dialog is not None:
            self._dialog.reject()
        dialog.finished.connect(lambda: self._forget(dialog))
        self._dialog = dialog
        dialog.open()

    def _do(self, change: Callable[[Workspace], None]) -> None:
        workspace = self._workspace
        if workspace is None:
            return

        def job() -> Iterator[None]:
            change(workspace)
            yield

        self._tasks.start(_LANE, job(), self._done).failed.connect(self._fail)

    def _done(self, _nothing: object) -> None:
        if self._dialog is not None:
            self._dialog.accept()
        self.saved.emit()

    def _fail(self, error: Exception) -> None:
        if isinstance(error, UserFacingError) and self._dialog is not None:
            self._dialog.show_problem(str(error))
        else:
            self.problem.emit(error)

    def _forget(self, dialog: CamerasDialog) -> None:
        if self._dialog is dialog:
            self._dialog = None

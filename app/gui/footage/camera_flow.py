"""Merging and splitting cameras from the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.core.entities import Camera, Video
from app.gui.dialog_flow import DialogFlow
from app.gui.footage.cameras_dialog import CamerasDialog, merge_dialog, split_dialog
from app.gui.tasks import TaskRunner

if TYPE_CHECKING:
    from app.services.workspace import Workspace


class CameraFlow(DialogFlow[CamerasDialog]):
    """One question at a time.

    Signals:
        saved: some videos are of another camera now.
    """

    saved = Signal()

    def __init__(self, tasks: TaskRunner, window: QWidget) -> None:
        super().__init__("cameras", tasks, window)

    def ask_merge(self, cameras: Sequence[Camera]) -> None:
        """Asks which of the cameras stays, and makes them one."""
        self._ask(
            merge_dialog(
                cameras,
                self._window,
                lambda into: self._change(lambda it: it.cameras.merge(cameras, into)),
            )
        )

    def ask_split(self, videos: Sequence[Video]) -> None:
        """Asks for the name of a new camera, and gives it some videos of another."""
        camera = videos[0].camera
        self._ask(
            split_dialog(
                videos,
                self._window,
                lambda name: self._change(lambda it: it.cameras.split(camera, videos, name)),
            )
        )

    def _ask(self, dialog: CamerasDialog) -> None:
        self._adopt(dialog)
        dialog.open()

    def _change(self, change: Callable[[Workspace], None]) -> None:
        self._do(change, self._done)

    def _done(self, _nothing: object) -> None:
        if self._dialog is not None:
            self._dialog.accept()
        self.saved.emit()

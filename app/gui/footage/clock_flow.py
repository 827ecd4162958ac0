"""A camera's name and clock from the window: typed, or from events marked in the player."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.core.camera_clock import parse_offset
from app.core.clock import format_offset
from app.core.entities import Camera
from app.core.errors import UsageError
from app.gui.dialog_flow import DialogFlow
from app.gui.footage.clock_dialog import ClockDialog
from app.gui.tasks import TaskRunner
from app.language import tr
from app.services.footage.cameras import MarkedEvent, SolvedClock, changed

if TYPE_CHECKING:
    from app.services.workspace import Workspace

Moment = tuple[int, float]
"""Video id, seconds into it."""


class ClockFlow(DialogFlow[ClockDialog]):
    """One camera at a time.

    Signals:
        saved: names or times of the library are others now.
    """

    saved = Signal()

    def __init__(self, tasks: TaskRunner, window: QWidget) -> None:
        super().__init__("clock", tasks, window)
        self._camera: Camera | None = None
        self._shown: Moment | None = None
        self._here: Moment | None = None
        self._there: Moment | None = None
        self._events: list[MarkedEvent] = []

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Works on another library from now on, or on none; the dialog is closed."""
        super().set_workspace(workspace)
        self._shown = None

    def note_position(self, video_id: int, time_s: float) -> None:
        """What the player shows."""
        self._shown = (video_id, time_s)

    def ask(self, camera: Camera) -> None:
        """Shows name and clock of a camera."""
        if self._workspace is None:
            return
        self._camera, self._here, self._there = camera, None, None
        self._events = []
        dialog = ClockDialog(camera, self._workspace.library.timezone, self._window)
        dialog.here_marked.connect(lambda: self._mark(is_here=True))
        dialog.there_marked.connect(lambda: self._mark(is_here=False))
        dialog.agreed.connect(self._save)
        self._adopt(dialog)
        dialog.show()
        # Not over the player, in which the event is to be found.
        corner = self._window.geometry().bottomRight() - dialog.frameGeometry().bottomRight()
        dialog.move(dialog.frameGeometry().topLeft() + corner)

    def _mark(self, *, is_here: bool) -> None:
        if self._camera is None:
            return
        if self._shown is None:
            self._refuse(
                UsageError(tr("No video is shown."), tr("Show the event in the player first."))
            )
            return
        if is_here:
            self._here = self._shown
        else:
            self._there = self._shown
        if self._here is None or self._there is None:
            at = format_offset(self._shown[1])
            self._tell(
                tr("Marked at {at} in this camera. Now mark it in the other camera.", at=at)
                if is_here
                else tr("Marked at {at} in the other camera. Now mark it in this camera.", at=at)
            )
            return
        event = MarkedEvent(*self._here, *self._there)
        self._here = self._there = None
        events, camera = [*self._events, event], self._camera

        def solve(workspace: Workspace) -> SolvedClock:
            return workspace.cameras.solve(camera, events)

        def take(solved: SolvedClock) -> None:
            self._events = events
            if self._dialog is not None:
                self._dialog.show_clock(solved.clock)
            self._tell(solved.words())

        self._do(solve, take)

    def _save(self, name: str, zone: str, offset: str, drift: str) -> None:
        try:
            offset_s, drift_s = parse_offset(offset or "0"), parse_offset(drift or "0")
        except UsageError as error:
            self._refuse(error)
            return
        camera = self._camera
        if camera is None:
            return

        def save(workspace: Workspace) -> None:
            own = [each for each in workspace.library.videos() if each.camera.id == camera.id]
            clock = changed(camera.clock, zone, offset_s, drift_s, own)
            workspace.cameras.change(camera, name, clock)

        def close(_nothing: object) -> None:
            if self._dialog is not None:
                self._dialog.accept()
            self.saved.emit()

        self._do(save, close)

    def _tell(self, text: str) -> None:
        if self._dialog is not None:
            self._dialog.show_marks(text)

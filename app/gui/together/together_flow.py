"""The moment that the player shows → the other cameras at that moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.gui.tasks import TaskRunner
from app.gui.together.camera_grid import CameraGrid
from app.gui.together.together_session import CellsUsed, TogetherEvent, TogetherSession
from app.language import tr

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from app.services.workspace import Workspace

LANE = "together"


class TogetherFlow(QObject):
    """Keeps the other cameras in step with the player.

    Args:
        grid: shows them.
        tasks: runs the decoding.

    Signals:
        problem: an exception that belongs into a dialog.
    """

    problem = Signal(object)

    def __init__(self, grid: CameraGrid, tasks: TaskRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._grid, self._tasks = grid, tasks
        self._session: TogetherSession | None = None
        self._position: tuple[int, float] | None = None
        self._cameras = 1
        self._zone: ZoneInfo | None = None

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Shows another library's cameras from now on, or none."""
        if self._session is not None and self._cameras > 1:
            self._session.close()
        self._session = self._position = None
        self._grid.use(0, "")
        if workspace is not None:
            self._session = TogetherSession(workspace.playback, self._start)

    def set_count(self, cameras: int) -> None:
        """Shows so many cameras at once, the main one among them: 1, 4 or 9."""
        self._cameras = cameras
        self._grid.set_count(cameras)
        if cameras > 1:
            self._ask()
        elif self._session is not None:
            self._session.close()

    def follow(self, video_id: int, time_s: float) -> None:
        """The player shows a frame."""
        self._position = (video_id, time_s)
        if self._cameras > 1:
            self._ask()

    def refresh(self) -> None:
        """Videos, clocks or names have changed."""
        if self._session is not None and self._cameras > 1 and self._position is not None:
            self._session.refresh()

    def _ask(self) -> None:
        if self._session is not None and self._position is not None:
            self._session.show(*self._position, self._cameras - 1)

    def _start(self, session: TogetherSession) -> None:
        task = self._tasks.start(LANE, session.work(), lambda event: self._take(session, event))
        task.failed.connect(self.problem)

    def _take(self, session: TogetherSession, event: TogetherEvent) -> None:
        if session is not self._session:
            return
        if isinstance(event, CellsUsed):
            self._zone = event.zone
            self._grid.use(
                event.count,
                tr("This library has no other camera.")
                if event.is_known
                else tr("It is not known when this was recorded."),
            )
        elif self._zone is not None:
            self._grid.show_cell(event, self._zone)

"""Cutting the sighting in the player in two at the frame that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.language import tr

if TYPE_CHECKING:
    from app.gui.player.player_flow import PlayerFlow
    from app.gui.tasks import TaskRunner
    from app.services.workspace import Workspace

LANE = "decisions"


class SplitFlow(QObject):
    """Splits sightings, in the lane of decisions: what was said before is stored before.

    Signals:
        done: a sighting was split.
        problem: an exception that belongs into a dialog.
    """

    done = Signal()
    problem = Signal(object)

    def __init__(self, player: PlayerFlow, tasks: TaskRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._player, self._tasks = player, tasks
        self._workspace: Workspace | None = None

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none."""
        self._workspace = workspace

    def split(self) -> None:
        """Cuts the chosen sighting in two; the frame that is shown begins the later part."""
        workspace, chosen, position = (
            self._workspace,
            self._player.chosen_id,
            self._player.position(),
        )
        if workspace is None or chosen is None or position is None:
            self._player.show_hint(tr("Select a sighting, and go to the frame to split it at."))
            return
        self._player.pause()
        self._player.show_hint(tr("Splitting the sighting…"), lasting=True)
        job = workspace.splitting.run(chosen, position[1])
        task = self._tasks.start(LANE, job, lambda ids: self._tell(workspace, ids))
        task.failed.connect(self._fail)

    def _tell(self, workspace: Workspace, ids: tuple[int, int] | None) -> None:
        if ids is None or workspace is not self._workspace:
            return
        self._player.show_hint(tr("Split. The part without the picture is a sighting of its own."))
        self.done.emit()

    def _fail(self, error: Exception) -> None:
        self._player.show_hint("")
        self.problem.emit(error)

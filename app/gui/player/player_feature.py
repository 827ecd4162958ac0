"""The player in the middle of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMainWindow

from app.gui.feature import Feature
from app.gui.player.player_flow import PlayerFlow
from app.gui.player.player_panel import PlayerPanel
from app.gui.tasks import TaskRunner

if TYPE_CHECKING:
    from app.services.workspace import Workspace


class PlayerFeature(Feature):
    """Frames of one video, and the people in them. It knows no other feature."""

    def __init__(self, tasks: TaskRunner, window: QMainWindow) -> None:
        super().__init__(window)
        self.panel = PlayerPanel()
        self.flow = PlayerFlow(self.panel, tasks, self)
        self.flows = (self.flow,)
        self.actions = self.panel.actions_by_name

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none."""
        super().set_workspace(workspace)
        self.actions["paste-picture"].setEnabled(workspace is not None)

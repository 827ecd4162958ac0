"""The player in the middle of the window."""

from __future__ import annotations

from PySide6.QtWidgets import QMainWindow

from app.gui.feature import Feature
from app.gui.player.player_flow import PlayerFlow
from app.gui.player.player_panel import PlayerPanel
from app.gui.tasks import TaskRunner


class PlayerFeature(Feature):
    """Frames of one video, and the people in them. It knows no other feature."""

    def __init__(self, tasks: TaskRunner, window: QMainWindow) -> None:
        super().__init__(window)
        self.panel = PlayerPanel()
        self.flow = PlayerFlow(self.panel, tasks, self)
        self.flows = (self.flow,)

"""The player in the middle of the window, and the photo that may stand in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget

from app.gui.feature import Feature
from app.gui.player.photo_panel import PhotoPanel
from app.gui.player.player_flow import PlayerFlow
from app.gui.player.player_panel import PlayerPanel
from app.gui.tasks import TaskRunner

if TYPE_CHECKING:
    from app.services.workspace import Workspace


class PlayerFeature(Feature):
    """Frames of one video, and the people in them; or a photo. It knows no other feature.

    Attributes:
        middle: shows the player or the photo.
    """

    def __init__(self, tasks: TaskRunner, window: QMainWindow) -> None:
        super().__init__(window)
        self.panel, self.photo = PlayerPanel(), PhotoPanel()
        self.middle = QStackedWidget()
        self.middle.setObjectName("middle")
        self.middle.addWidget(self.panel)
        self.middle.addWidget(self.photo)
        self.flow = PlayerFlow(self.panel, tasks, self)
        self.flow.video_wanted.connect(lambda: self.show_photo(False))
        self.flows = (self.flow,)
        self.actions = self.panel.actions_by_name

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none."""
        super().set_workspace(workspace)
        self.actions["paste-picture"].setEnabled(workspace is not None)

    def show_photo(self, wanted: bool) -> None:
        """Has the photo stand in the player's place, which pauses, or the video again."""
        page = self.photo if wanted else self.panel
        if self.middle.currentWidget() is page:
            return
        if wanted:
            self.flow.pause()
        self.middle.setCurrentWidget(page)
        self.panel.stand_behind(self.photo.view if wanted else None)
        page.setFocus()

    def takes_key(self, event: QKeyEvent) -> bool:
        """Does what a key means to the photo or the player, which need not have the focus."""
        is_photo = self.middle.currentWidget() is self.photo
        return (is_photo and self.photo.takes_key(event)) or self.panel.takes_key(event)

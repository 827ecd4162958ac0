"""One, four or nine cameras at the same moment, in the middle of the window."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMainWindow

from app.gui.action_making import make_actions
from app.gui.feature import Feature
from app.gui.footage.footage_feature import FootageFeature
from app.gui.player.player_feature import PlayerFeature
from app.gui.tasks import TaskRunner
from app.gui.together.camera_grid import COLUMNS, CameraGrid
from app.gui.together.together_flow import TogetherFlow


class TogetherFeature(Feature):
    """Puts the other cameras below the player's frame; a click makes one the main camera.

    Args:
        tasks: runs the decoding.
        window: owns the feature.
        player: shows the main camera.
        footage: says when videos and clocks have changed.
    """

    def __init__(
        self,
        tasks: TaskRunner,
        window: QMainWindow,
        player: PlayerFeature,
        footage: FootageFeature,
    ) -> None:
        super().__init__(window)
        self.grid = CameraGrid(player.panel.view)
        player.panel.show_inside(self.grid)
        self.flow = TogetherFlow(self.grid, tasks, self)
        self.flows = (self.flow,)
        self.actions = make_actions(
            self, {f"cameras-{count}": partial(self.flow.set_count, count) for count in COLUMNS}
        )
        self._group = QActionGroup(self)
        for count in COLUMNS:
            action = self.actions[f"cameras-{count}"]
            action.setIconText(str(count))
            self._group.addAction(action)
        player.panel.add_to_header([self.actions[f"cameras-{count}"] for count in COLUMNS])
        self.actions["cameras-1"].setChecked(True)
        self.flow.problem.connect(self.problem)
        self.grid.chosen.connect(player.flow.show)
        self.grid.chosen.connect(lambda video_id, _time_s: footage.sources.select_video(video_id))
        player.flow.position_changed.connect(self.flow.follow)
        for changed in (
            footage.ingest.library_changed,
            footage.clock.saved,
            footage.cameras.saved,
        ):
            changed.connect(self.flow.refresh)

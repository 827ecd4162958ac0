"""The results panel with its flow on a workspace of fakes."""

from __future__ import annotations

from results_fakes import FakeWorkspace, a_result

from app.gui.player.photo_panel import PhotoPanel
from app.gui.results.photo_flow import PhotoFlow
from app.gui.results.results_panel import ResultsPanel
from app.gui.results.search_flow import SearchFlow
from app.gui.tasks import TaskRunner


class Window:
    """The panel, the flow, and a workspace that is open in them."""

    def __init__(self, tasks: TaskRunner, qtbot) -> None:
        self.qtbot = qtbot
        self.tasks = tasks
        self.panel = ResultsPanel(tasks)
        qtbot.addWidget(self.panel)
        self.panel.resize(380, 800)
        self.panel.show()
        self.flow = SearchFlow(self.panel, tasks, self.panel)
        self.photo = PhotoPanel()
        qtbot.addWidget(self.photo)
        self.photos = PhotoFlow(self.photo, tasks, self.flow, self.panel)
        self.panel.picture_wanted.connect(self.photos.open)
        self.workspace = FakeWorkspace()
        self.photos.set_workspace(self.workspace)
        self.flow.set_workspace(self.workspace)
        self.told: list = []
        self.flow.hit_selected.connect(self.told.append)
        self.settle()

    def settle(self) -> None:
        """Until no job runs and every page in view is loaded."""
        lanes = ("search", "details", "thumbnails", "decisions", "growth", "photo")
        timer = self.panel.gallery._report
        self.qtbot.waitUntil(
            lambda: not timer.isActive() and not any(self.tasks.is_busy(lane) for lane in lanes)
        )

    def ids(self) -> list[int]:
        model = self.panel.model
        return [model.hit(row).tracklet_id for row in range(len(model))]

    def choose(self, row: int) -> None:
        self.panel.gallery.setCurrentIndex(self.panel.model.index(row))

    def search(self, tracklet_id: int, *found: int) -> None:
        self.workspace.search.results = [a_result(*found)]
        self.flow.search_tracklet(tracklet_id)
        self.settle()

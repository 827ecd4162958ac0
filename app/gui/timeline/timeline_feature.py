"""The timeline at the bottom of the window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow

from app.gui.action_making import make_actions
from app.gui.feature import Feature
from app.gui.footage.footage_feature import FootageFeature
from app.gui.player.player_feature import PlayerFeature
from app.gui.results.results_feature import ResultsFeature
from app.gui.tasks import TaskRunner
from app.gui.timeline.days_flow import DaysFlow
from app.gui.timeline.route_flow import RouteFlow
from app.gui.timeline.timeline_flow import TimelineFlow
from app.gui.timeline.timeline_panel import TimelinePanel
from app.gui.timeline.ways_flow import WaysFlow
from app.gui.widgets.dock import Dock
from app.language import tr

_STEP = 1.6


class TimelineFeature(Feature):
    """Shows when each camera saw whom; sends the player there, and narrows searches.

    Args:
        tasks: reads what is shown.
        window: owns it.
        player: goes to moments, and says where it is.
        results: whose ranking is marked.
        footage: says when footage or people were added.
    """

    def __init__(
        self,
        tasks: TaskRunner,
        window: QMainWindow,
        player: PlayerFeature,
        results: ResultsFeature,
        footage: FootageFeature,
    ) -> None:
        super().__init__(window)
        self.panel = TimelinePanel()
        view = self.panel.view
        self.flow = TimelineFlow(
            self.panel, tasks, player.flow, results.flow, results.panel, window
        )
        self.ways = WaysFlow(tasks, window)
        self.days = DaysFlow(view, tasks, window)
        self.route = RouteFlow(player.flow, results.flow, tasks, window)
        self.flows = (self.flow, self.ways, self.days, self.route)
        below = Qt.DockWidgetArea.BottomDockWidgetArea
        head = self.panel.head
        self.docks = (Dock(tr("Timeline"), "timeline_dock", self.panel, below, 136, 168, head),)
        self.actions = make_actions(
            self,
            {
                "timeline-in": lambda: view.zoom(1 / _STEP),
                "timeline-out": lambda: view.zoom(_STEP),
                "timeline-all": view.show_all,
                "ways": self.ways.ask,
                "days": self.days.ask,
                "route": self.route.ask,
            },
        )
        self.panel.days.setDefaultAction(self.actions["days"])
        for flow in (self.flow, self.ways, self.days, self.route):
            flow.problem.connect(self.problem)
        self.days.searched.connect(self.flow.search_span)
        self.ways.saved.connect(results.flow.networks_changed)
        self.ways.saved.connect(self.flow.refresh_marks)
        footage.ingest.people_stored.connect(self.flow.grown)
        footage.ingest.library_changed.connect(self.flow.grown)
        for changed in (
            footage.ingest.videos_listed,
            footage.clock.saved,
            footage.cameras.saved,
            footage.locate.located,
        ):
            changed.connect(self.flow.refresh)
        results.flow.decisions_changed.connect(self.flow.refresh_marks)

"""The list of people at the left of the window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow

from app.gui.feature import Feature
from app.gui.people.people_flow import PeopleFlow
from app.gui.people.people_panel import PeoplePanel
from app.gui.player.player_feature import PlayerFeature
from app.gui.results.results_feature import ResultsFeature
from app.gui.tasks import TaskRunner
from app.gui.widgets.dock import Dock
from app.language import tr


class PeopleFeature(Feature):
    """Lists the people of the library; who is chosen is searched for.

    Args:
        tasks: runs what is done with people.
        window: what dialogs are shown over.
        player: shows names.
        results: searches for people, and says when somebody was judged.
    """

    def __init__(
        self,
        tasks: TaskRunner,
        window: QMainWindow,
        player: PlayerFeature,
        results: ResultsFeature,
    ) -> None:
        super().__init__(window)
        self.panel = PeoplePanel()
        self.flow = PeopleFlow(self.panel, tasks, window)
        self.flows = (self.flow,)
        left = Qt.DockWidgetArea.LeftDockWidgetArea
        self.docks = (Dock(tr("People"), "people_dock", self.panel, left, 296),)
        self.actions = self.panel.actions_by_name
        self.flow.problem.connect(self.problem)
        self.panel.opened.connect(results.flow.search_person)
        self.flow.changed.connect(results.flow.people_changed)
        self.flow.changed.connect(player.flow.refresh)
        results.flow.decisions_changed.connect(self.flow.refresh)

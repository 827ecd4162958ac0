"""Compares the selected sighting with the person sought, in the place of the main frame."""

from __future__ import annotations

from PySide6.QtWidgets import QMainWindow

from app.gui.action_making import make_actions
from app.gui.compare.compare_flow import CompareFlow
from app.gui.compare.compare_panel import ComparePanel
from app.gui.feature import Feature
from app.gui.results.results_feature import ResultsFeature
from app.gui.tasks import TaskRunner
from app.gui.together.together_feature import TogetherFeature


class CompareFeature(Feature):
    """The other cameras at the same moment stay below the pair.

    Args:
        tasks: reads pictures.
        window: owns the feature.
        results: where sightings are selected.
        together: lends the place of the main frame.
    """

    def __init__(
        self,
        tasks: TaskRunner,
        window: QMainWindow,
        results: ResultsFeature,
        together: TogetherFeature,
    ) -> None:
        super().__init__(window)
        self.panel = ComparePanel()
        self._grid = together.grid
        self._grid.add_page(self.panel)
        self.flow = CompareFlow(self.panel, tasks, self)
        self.flows = (self.flow,)
        self.actions = make_actions(self, {"compare": self._switch})
        self.flow.problem.connect(self.problem)
        results.flow.query_changed.connect(self.flow.set_query)
        results.flow.hit_selected.connect(self.flow.set_hit)

    def _switch(self) -> None:
        is_on = self.actions["compare"].isChecked()
        self._grid.show_page(self.panel if is_on else None)
        self.flow.switch(is_on)

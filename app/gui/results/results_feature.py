"""Searches: whom the user looks for, and the results at the right of the window."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow

from app.core.queries import REFINEMENTS, Refinement
from app.gui.action_making import make_actions
from app.gui.feature import Feature
from app.gui.player.player_feature import PlayerFeature
from app.gui.preferences import keep_preferences
from app.gui.results.photo_flow import PhotoFlow
from app.gui.results.results_panel import ResultsPanel
from app.gui.results.search_flow import SearchFlow
from app.gui.results.sightings_flow import SightingsFlow
from app.gui.results.split_flow import SplitFlow
from app.gui.results.why_flow import WhyFlow
from app.gui.tasks import TaskRunner
from app.gui.widgets.choosing import choose_picture
from app.gui.widgets.dock import Dock
from app.language import tr
from app.settings import SearchSettings

if TYPE_CHECKING:
    from app.services.people.catalog import HitDetails


class ResultsFeature(Feature):
    """Searches for whoever is clicked in the player, and shows there which hit is selected.

    Args:
        tasks: runs the searches.
        window: what dialogs are shown over.
        player: where people are clicked.
        stages: the refinements that are switched on.
    """

    def __init__(
        self,
        tasks: TaskRunner,
        window: QMainWindow,
        player: PlayerFeature,
        stages: frozenset[Refinement],
    ) -> None:
        super().__init__(window)
        self._window, self._player = window, player
        self.panel = ResultsPanel(tasks)
        self.flow = SearchFlow(self.panel, tasks, self)
        self.why = WhyFlow(self.panel, tasks, window)
        self.photos = PhotoFlow(player.photo, tasks, self.flow, self)
        self.sightings = SightingsFlow(self.panel, self.flow, player.flow, tasks)
        self.splitting = SplitFlow(player.flow, tasks, self)
        self.flows = (self.flow, self.why, self.photos, self.sightings, self.splitting)
        self.splitting.problem.connect(self.problem)
        self.splitting.done.connect(self.flow.people_changed)
        self.splitting.done.connect(self.flow.decisions_changed)
        self.why.problem.connect(self.problem)
        self.sightings.problem.connect(self.problem)
        self.sightings.shown.connect(self._show_hit)
        self.flow.query_changed.connect(self.why.set_query)
        right = Qt.DockWidgetArea.RightDockWidgetArea
        self.docks = (Dock(tr("Results"), "results_dock", self.panel, right, 400, 480),)
        self.panel.actions_by_name.update(
            make_actions(self, {"split-sighting": self.splitting.split})
        )
        self.actions = self.panel.actions_by_name | make_actions(
            self,
            {
                "search-picture": partial(choose_picture, window, self.photos.open),
                "show-photo": self.photos.show_again,
                "next-hit": lambda: self.panel.gallery.choose_beside(1),
                "previous-hit": lambda: self.panel.gallery.choose_beside(-1),
                "next-sighting": lambda: self.sightings.go(1),
                "previous-sighting": lambda: self.sightings.go(-1),
                "back": lambda: self.flow.go(-1),
                "forward": lambda: self.flow.go(1),
                **{f"refine-{each}": self._choose_stages for each in REFINEMENTS},
            },
        )
        self.panel.head.offer_ways(self.actions["back"], self.actions["forward"])
        self.flow.history_changed.connect(self._offer_ways)
        self._offer_ways(False, False)
        for each in REFINEMENTS:
            self.actions[f"refine-{each}"].setChecked(each in stages)
        self.flow.set_stages(stages)
        player.flow.person_clicked.connect(self.flow.search_point)
        player.flow.tracklet_clicked.connect(self.flow.search_tracklet)
        player.flow.box_drawn.connect(self.flow.search_box)
        player.flow.picture_dropped.connect(self.photos.open)
        self.panel.picture_wanted.connect(self.photos.open)
        self.photos.shown.connect(player.show_photo)
        self.photos.offered.connect(self.actions["show-photo"].setEnabled)
        player.panel.offer_photo(self.actions["show-photo"])
        self.actions["show-photo"].setEnabled(False)
        self.flow.hit_selected.connect(self._show_hit)
        self.flow.decisions_changed.connect(player.flow.refresh)

    def _offer_ways(self, back: bool, forward: bool) -> None:
        self.actions["back"].setEnabled(back)
        self.actions["forward"].setEnabled(forward)

    def _show_hit(self, hit: HitDetails) -> None:
        self._player.flow.show(hit.video_id, hit.box_time_s, hit.tracklet_id)

    def _choose_stages(self) -> None:
        on = [each for each in REFINEMENTS if self.actions[f"refine-{each}"].isChecked()]
        stages = frozenset(on)
        self.flow.set_stages(stages)
        keep_preferences(self._window.statusBar(), search=SearchSettings.of(stages))

"""Footage: cameras and their videos at the left of the window, and how they are loaded below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow, QMenu

from app.core.entities import Video
from app.gui.action_making import make_actions
from app.gui.feature import Feature
from app.gui.footage.camera_flow import CameraFlow
from app.gui.footage.clock_flow import ClockFlow
from app.gui.footage.footage_flow import FootageFlow
from app.gui.footage.ingest_flow import IngestFlow
from app.gui.footage.ingest_line import IngestLine
from app.gui.footage.locate_flow import LocateFlow
from app.gui.footage.sources_panel import SourcesPanel
from app.gui.footage.watch_flow import WatchFlow
from app.gui.player.player_feature import PlayerFeature
from app.gui.results.results_feature import ResultsFeature
from app.gui.tasks import TaskRunner
from app.gui.widgets.dock import Dock
from app.gui.widgets.error_dialog import ErrorDialog
from app.gui.widgets.plain import plain_caption, plain_tip
from app.language import tr
from app.services.ingest.ingest_options import IngestOptions

if TYPE_CHECKING:
    from app.services.people.catalog import HitDetails


class FootageFeature(Feature):
    """Loads footage and lists it; the player shows what is chosen, searches hear what is new.

    Args:
        tasks: runs the ingests.
        window: what dialogs are shown over.
        player: shows videos.
        results: searches what was stored.
        options: how footage is loaded where nothing is changed.
        goes_on_at_start: whether what waits in a library is gone on with when it is opened.
    """

    def __init__(
        self,
        tasks: TaskRunner,
        window: QMainWindow,
        player: PlayerFeature,
        results: ResultsFeature,
        options: IngestOptions,
        *,
        goes_on_at_start: bool,
    ) -> None:
        super().__init__(window)
        self._window = window
        self.sources, self.ingest_line = SourcesPanel(), IngestLine()
        self.ingest = IngestFlow(
            self.sources,
            self.ingest_line,
            tasks,
            self,
            options,
            goes_on_at_start=goes_on_at_start,
        )
        self.locate = LocateFlow(tasks, window)
        self.sheet = FootageFlow(tasks, window, options)
        self.clock = ClockFlow(tasks, window)
        self.cameras = CameraFlow(tasks, window)
        self.watch = WatchFlow(tasks, self)
        flows = (self.ingest, self.locate, self.sheet, self.clock, self.cameras, self.watch)
        self.flows = flows
        left = Qt.DockWidgetArea.LeftDockWidgetArea
        self.docks = (Dock(tr("Cameras"), "sources_dock", self.sources, left, 296),)
        window.statusBar().addWidget(self.ingest_line, 1)
        self._watched = QMenu(window)
        self._watched.setObjectName("watched_menu")
        self._watched.setToolTipsVisible(True)
        self.actions = self.sources.actions_by_name | make_actions(
            self, {"watched": self._watched, "locate-footage": self.locate.ask}
        )
        for flow in flows:
            flow.problem.connect(self.problem)
        self._connect_flows()
        self._connect_player(player)
        self._connect_results(results)
        self._show_watched([])

    def _connect_flows(self) -> None:
        self.sources.reason_requested.connect(self._show_reason)
        self.sources.locate_requested.connect(self.locate.ask)
        self.sources.clock_requested.connect(self.clock.ask)
        self.sources.merge_requested.connect(self.cameras.ask_merge)
        self.sources.split_requested.connect(self.cameras.ask_split)
        self.sheet.agreed.connect(self.ingest.ingest_all)
        self.sheet.watch_agreed.connect(self.watch.watch)
        self.watch.arrived.connect(self.ingest.take_arrivals)
        self.watch.watched_changed.connect(self.ingest_line.show_watched)
        self.watch.watched_changed.connect(self._show_watched)
        for changed in (self.locate.located, self.clock.saved, self.cameras.saved):
            changed.connect(self.ingest.refresh)

    def _connect_player(self, player: PlayerFeature) -> None:
        self.sources.video_activated.connect(player.flow.show)
        self.ingest.videos_listed.connect(player.flow.show_first)
        self.ingest.library_changed.connect(player.flow.refresh)
        self.locate.located.connect(player.flow.retry)
        self.clock.saved.connect(player.flow.refresh)
        self.cameras.saved.connect(player.flow.refresh)
        player.flow.problem_shown.connect(self.ingest.refresh)
        player.flow.position_changed.connect(self.clock.note_position)

    def _connect_results(self, results: ResultsFeature) -> None:
        self.ingest.people_stored.connect(results.flow.library_grew)
        self.ingest.videos_listed.connect(results.flow.refresh_filters)
        self.clock.saved.connect(results.flow.times_changed)
        self.cameras.saved.connect(results.flow.times_changed)
        results.flow.hit_selected.connect(self._select_video_of)

    def _select_video_of(self, hit: HitDetails) -> None:
        self.sources.select_video(hit.video_id)

    def _show_reason(self, video: Video) -> None:
        message = video.problem or tr("{name} could not be read.", name=video.path.name)
        remedy = tr("Replace it with a complete copy and choose “Load again” in its menu.")
        ErrorDialog(message, remedy, str(video.path), self._window).open()

    def _show_watched(self, folders: Sequence[Path]) -> None:
        """Fills the menu of watched folders; choosing one ends watching it."""
        self._watched.clear()
        self._watched.setEnabled(bool(folders))
        for folder in folders:
            entry = self._watched.addAction(
                tr("Stop watching {folder}", folder=plain_caption(folder.name))
            )
            entry.setToolTip(plain_tip(str(folder)))
            entry.setStatusTip(str(folder))
            entry.triggered.connect(lambda _checked=False, chosen=folder: self.watch.stop(chosen))

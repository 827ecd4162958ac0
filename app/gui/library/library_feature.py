"""Libraries: which one is open, what the first page offers while none is, and the demo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from app.gui.action_making import make_actions
from app.gui.feature import Feature
from app.gui.footage.footage_feature import FootageFeature
from app.gui.library.demo_flow import DemoFlow
from app.gui.library.first_run_page import FirstRunPage
from app.gui.library.last_state import LastState
from app.gui.library.leaving import Leaving
from app.gui.library.library_flow import LibraryFlow, OpenWorkspace
from app.gui.main_window import MainWindow
from app.gui.player.player_feature import PlayerFeature
from app.gui.results.results_feature import ResultsFeature
from app.gui.tasks import TaskRunner
from app.gui.widgets.drops import is_picture
from app.gui.widgets.plain import plain_caption, plain_tip
from app.gui.window_state import WindowState
from app.services.ingest.ingest_options import IngestOptions

if TYPE_CHECKING:
    from app.services.workspace import Workspace


class LibraryFeature(Feature):
    """Opens libraries and hands them footage. It tells the shell by the signals of `flow`.

    Args:
        open_workspace: (folder, whether to create it) → workspace; raises LibraryError.
        state: what the window remembers between runs.
        tasks: runs what opens and closes libraries.
        window: shows the first page.
        leaving: asks before a running ingest is stopped.
        player: shows the demo.
        results: searches pictures that are dropped on the window.
        footage: loads what is dropped on the window.
        options: how footage is loaded where nothing is changed.
    """

    def __init__(
        self,
        open_workspace: OpenWorkspace,
        state: WindowState,
        tasks: TaskRunner,
        window: MainWindow,
        leaving: Leaving,
        player: PlayerFeature,
        results: ResultsFeature,
        footage: FootageFeature,
        options: IngestOptions,
    ) -> None:
        super().__init__(window)
        self._window, self._results = window, results
        self._workspace: Workspace | None = None
        self.first_page = FirstRunPage()
        self.flow = flow = LibraryFlow(open_workspace, state, tasks, window, leaving.leave)
        self.demo = DemoFlow(
            flow, footage.ingest, player.flow, tasks, replace(options, camera_by="file")
        )
        self.flows = (self.demo, LastState(flow, state, self.demo, player, results))
        self._recent = QMenu(window)
        self.actions = make_actions(
            self,
            {
                "add-footage": flow.ask_footage,
                "add-videos": flow.ask_videos,
                "new-library": flow.ask_new,
                "open-library": flow.ask_open,
                "recent": self._recent,
                "demo": self.demo.open,
            },
        )
        window.paths_dropped.connect(self.load)
        flow.busy_changed.connect(window.statusBar().showMessage)
        flow.recent_changed.connect(self._show_recent)
        flow.problem.connect(self._fail)
        self.demo.problem.connect(self.problem)
        self.first_page.demo_wanted.connect(self.demo.open)
        self.first_page.footage_wanted.connect(flow.ask_footage)
        self.first_page.library_chosen.connect(flow.open)
        self._connect_footage(footage)
        for looked_at in (
            player.flow.person_clicked,
            results.flow.hit_selected,
            footage.sources.video_activated,
        ):
            looked_at.connect(self.demo.leave_alone)
        self._show_recent(flow.recent())

    def _connect_footage(self, footage: FootageFeature) -> None:
        self.flow.footage_chosen.connect(footage.ingest.ingest_all)
        self.flow.footage_asked.connect(footage.sheet.show)
        footage.sources.paths_dropped.connect(self.load)
        footage.sources.add_footage_requested.connect(self.flow.ask_footage)

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none."""
        self._workspace = workspace
        super().set_workspace(workspace)

    def start(self, library: Path | None, videos: Path | None) -> None:
        """Opens what was asked for on the command line, else the library opened last."""
        if library is not None:
            footage = [] if videos is None else [videos]
            self.flow.open(library, create=videos is not None, footage=footage)
        elif videos is not None:
            self.flow.load([videos], asks=False)
        else:
            recent = [folder for folder in self.flow.recent() if folder.is_dir()]
            if recent:
                self.flow.open(recent[0])
            else:
                self._show_first_page()

    def load(self, paths: Sequence[Path]) -> None:
        """What was dropped: one picture is searched, a library opened, the rest ingested."""
        if len(paths) == 1 and is_picture(paths[0]):
            self._results.photos.open(paths[0])
        else:
            self.flow.load(paths)

    def _show_first_page(self) -> None:
        """Offers what to begin with, while no library is open."""
        self.first_page.show_recent([each for each in self.flow.recent() if each.is_dir()])
        self._window.show_first_run(True)
        self.first_page.demo.setFocus()

    def _fail(self, error: Exception) -> None:
        if self._workspace is None:
            self._show_first_page()
        self.problem.emit(error)

    def _show_recent(self, folders: Sequence[Path]) -> None:
        """Fills the menu of recent libraries."""
        self._recent.clear()
        self._recent.setEnabled(bool(folders))
        for number, folder in enumerate(folders, 1):
            entry = self._recent.addAction(f"&{number % 10}  {plain_caption(folder.name)}")
            entry.setIconText(folder.name)
            entry.setObjectName(f"recent_{number}")
            entry.setToolTip(plain_tip(str(folder)))
            entry.setStatusTip(str(folder))
            entry.triggered.connect(lambda _checked=False, chosen=folder: self.flow.open(chosen))

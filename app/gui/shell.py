"""Puts the window together from its features, and sees to an orderly end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from app.gui.compare.compare_feature import CompareFeature
from app.gui.feature import Feature
from app.gui.footage.footage_feature import FootageFeature
from app.gui.library.leaving import Leaving
from app.gui.library.library_feature import LibraryFeature
from app.gui.library.library_flow import OpenWorkspace
from app.gui.main_window import MainWindow
from app.gui.networks.networks_feature import NetworksFeature
from app.gui.people.people_feature import PeopleFeature
from app.gui.player.player_feature import PlayerFeature
from app.gui.program.program_feature import ProgramFeature
from app.gui.results.results_feature import ResultsFeature
from app.gui.tasks import TaskRunner
from app.gui.timeline.timeline_feature import TimelineFeature
from app.gui.together.together_feature import TogetherFeature
from app.gui.widgets.error_dialog import show_error
from app.gui.widgets.theme import Theme, ThemeChoice
from app.gui.window_state import WindowState
from app.language import tr
from app.services.ingest.ingest_options import IngestOptions
from app.settings import Settings, library_name

if TYPE_CHECKING:
    from app.services.networks.model_shelf import ModelShelf
    from app.services.workspace import Workspace


class Shell(QObject):
    """The whole window, put together.

    Args:
        open_workspace: (folder, whether to create it) → workspace; raises LibraryError.
        settings: the user's settings.
        state: what the window remembers between runs.
        theme: its colours.
        open_shelf: the networks on this computer; raises SettingsError.

    Attributes:
        features: what the window can do. Each may use those before it.
    """

    def __init__(
        self,
        open_workspace: OpenWorkspace,
        settings: Settings,
        state: WindowState,
        theme: Theme,
        open_shelf: Callable[[], ModelShelf],
    ) -> None:
        super().__init__()
        self._close_agreed = False
        self.tasks = tasks = TaskRunner(self)
        self.window = window = MainWindow(state)
        self._leaving = leaving = Leaving(window, lambda: self.footage.ingest.is_busy)
        options = IngestOptions(camera_by=settings.ingest.camera_by, fps=settings.ingest.fps)
        self.player = player = PlayerFeature(tasks, window)
        self.results = results = ResultsFeature(tasks, window, player, settings.search.refinements)
        self.people = PeopleFeature(tasks, window, player, results)
        self.footage = footage = FootageFeature(
            tasks,
            window,
            player,
            results,
            options,
            goes_on_at_start=settings.ingest.at_start == "continue",
        )
        self.together = TogetherFeature(tasks, window, player, footage)
        self.compare = CompareFeature(tasks, window, results, self.together)
        self.timeline = TimelineFeature(tasks, window, player, results, footage)
        self.networks = NetworksFeature(
            tasks, window, footage, results, settings.models.device, open_shelf
        )
        self.library = LibraryFeature(
            open_workspace, state, tasks, window, leaving, player, results, footage, options
        )
        self.features: tuple[Feature, ...] = (
            player,
            results,
            self.people,
            footage,
            self.together,
            self.compare,
            self.timeline,
            self.networks,
            self.library,
            ProgramFeature(window, theme, settings.language),
        )
        for feature in self.features:
            feature.problem.connect(self.report)
            window.add_feature(feature.docks, feature.actions)
        window.takes_key = player.takes_key
        window.may_close = self._may_close
        window.furnish(player.middle, self.library.first_page)
        self.library.flow.opened.connect(self._enter)
        self.library.flow.closing.connect(self._leave)
        self._leave()

    # Start and end ------------------------------------------------------------------------------

    def start(self, library: Path | None, videos: Path | None) -> None:
        """Opens what was asked for on the command line, else the library opened last."""
        self.library.start(library, videos)

    def close_at_once(self) -> None:
        """Closes the window without asking: what is stored is kept in any case."""
        self._close_agreed = True
        self.window.close()

    def shutdown(self) -> None:
        """Ends every job and closes the library; the window must be closed."""
        self.window.hide()
        self._leave()
        self.tasks.shutdown()
        self.library.flow.shutdown()

    def report(self, error: BaseException) -> None:
        """Shows an error in a dialog."""
        show_error(error, self.window)

    def _may_close(self) -> bool:
        if self._close_agreed or not self.footage.ingest.is_busy:
            return True
        return self._leaving.leave(tr("Stop loading and quit?"), self.close_at_once)

    # Library ------------------------------------------------------------------------------------

    def _enter(self, workspace: Workspace, folder: Path) -> None:
        self.window.show_first_run(False)
        for feature in self.features:
            feature.set_workspace(workspace)
        self.window.set_library_open(True, library_name(folder))

    def _leave(self) -> None:
        for feature in reversed(self.features):
            feature.set_workspace(None)
        self.window.set_library_open(False)


def theme_of(settings: Settings, app: QApplication) -> Theme:
    """The theme that the settings ask for."""
    return Theme(app, ThemeChoice(settings.window.theme))

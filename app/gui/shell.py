"""Joins the window's panels and flows, and sees to an orderly end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from app.core.entities import ModelFile, Video
from app.core.errors import SettingsError
from app.core.queries import Refinement
from app.gui.about_dialog import AboutDialog
from app.gui.footage.camera_flow import CameraFlow
from app.gui.footage.clock_flow import ClockFlow
from app.gui.footage.footage_flow import FootageFlow
from app.gui.footage.ingest_flow import IngestFlow
from app.gui.footage.ingest_panel import IngestPanel
from app.gui.footage.locate_flow import LocateFlow
from app.gui.footage.sources_panel import SourcesPanel
from app.gui.footage.watch_flow import WatchFlow
from app.gui.leaving import Leaving
from app.gui.library.demo_flow import DemoFlow
from app.gui.library.first_run_page import FirstRunPage
from app.gui.library.library_flow import LibraryFlow, OpenWorkspace
from app.gui.log_file import open_log_folder
from app.gui.main_window import MainWindow, Panels
from app.gui.networks.networks_flow import NetworksFlow
from app.gui.networks.reembed_flow import ReembedFlow
from app.gui.player.player_flow import PlayerFlow
from app.gui.player.player_panel import PlayerPanel
from app.gui.results.results_panel import ResultsPanel
from app.gui.results.search_flow import SearchFlow
from app.gui.shortcuts_dialog import PLAYER_KEYS, ShortcutsDialog, rows_of
from app.gui.tasks import TaskRunner
from app.gui.widgets.choosing import choose_picture
from app.gui.widgets.drops import is_picture
from app.gui.widgets.error_dialog import ErrorDialog, show_error
from app.gui.widgets.theme import Theme, ThemeChoice
from app.gui.window_state import WindowState
from app.services.ingest.ingest_options import IngestOptions
from app.services.networks.model_choice import LARGER_FINDS_MORE
from app.settings import (
    SearchSettings,
    Settings,
    WindowSettings,
    is_bundled,
    library_name,
    load_settings,
    save_settings,
)

if TYPE_CHECKING:
    from app.services.people.catalog import HitDetails
    from app.services.workspace import Workspace

_NETWORKS_LANE = "sources"


@dataclass(frozen=True, slots=True)
class UsedModels:
    """The networks that a library remembers."""

    detector: ModelFile | None
    embedder: ModelFile | None


class Shell(QObject):
    """The whole window, put together.

    Args:
        open_workspace: (folder, whether to create it) → workspace; raises LibraryError.
        settings: the user's settings.
        state: what the window remembers between runs.
        theme: its colours.
    """

    def __init__(
        self,
        open_workspace: OpenWorkspace,
        settings: Settings,
        state: WindowState,
        theme: Theme,
    ) -> None:
        super().__init__()
        self._settings, self._theme = settings, theme
        self._close_agreed = False
        self._has_shown = False  # a video of the open library
        self.tasks = TaskRunner(self)
        self.sources = SourcesPanel()
        self.ingest_panel = IngestPanel()
        self.player_panel = PlayerPanel()
        self.results = ResultsPanel(self.tasks)
        self.first_run = FirstRunPage()
        self.window = MainWindow(
            Panels(
                self.sources, self.player_panel, self.results, self.ingest_panel, self.first_run
            ),
            state,
        )
        options = IngestOptions(camera_by=settings.ingest.camera_by, fps=settings.ingest.fps)
        self.player = PlayerFlow(self.player_panel, self.tasks, self)
        self.search = SearchFlow(self.results, self.tasks, self)
        self.ingest = IngestFlow(
            self.sources,
            self.ingest_panel,
            self.tasks,
            self,
            options,
            goes_on_at_start=settings.ingest.at_start == "continue",
        )
        self._leaving = Leaving(self.window, lambda: self.ingest.is_busy)
        self.library = LibraryFlow(
            open_workspace, state, self.tasks, self.window, self._leaving.leave
        )
        self.locate = LocateFlow(self.tasks, self.window)
        self.networks = NetworksFlow(self.tasks, self.window)
        self.reembed = ReembedFlow(self.tasks, self.window)
        self.footage = FootageFlow(self.tasks, self.window, options)
        self.watch = WatchFlow(self.tasks, self)
        self.clock = ClockFlow(self.tasks, self.window)
        self.cameras = CameraFlow(self.tasks, self.window)
        self.demo = DemoFlow(
            self.library, self.ingest, self.player, self.tasks, replace(options, camera_by="file")
        )
        self._connect_flows()
        self._connect_sheets()
        self._connect_window()
        self.window.add_to_edit_menu((self.results.undo, self.results.redo))
        self.window.show_recent(self.library.recent())
        self.window.show_theme(theme.choice)
        self.window.show_refinements(settings.search.refinements)
        self.search.set_stages(settings.search.refinements)
        self._set_workspace(None)

    # Start and end ------------------------------------------------------------------------------

    def start(self, library: Path | None, videos: Path | None) -> None:
        """Opens what was asked for on the command line, else the library opened last."""
        if library is not None:
            footage = [] if videos is None else [videos]
            self.library.open(library, create=videos is not None, footage=footage)
        elif videos is not None:
            self.library.load([videos], asks=False)
        else:
            recent = [folder for folder in self.library.recent() if folder.is_dir()]
            if recent:
                self.library.open(recent[0])
            else:
                self._show_first_run()

    def close_at_once(self) -> None:
        """Closes the window without asking: what is stored is kept in any case."""
        self._close_agreed = True
        self.window.close()

    def shutdown(self) -> None:
        """Ends every job and closes the library; the window must be closed."""
        self.window.hide()
        self._set_workspace(None)
        self.tasks.shutdown()
        self.library.shutdown()

    # Wiring -------------------------------------------------------------------------------------

    def _connect_flows(self) -> None:
        self.player.position_changed.connect(self._note_shown)
        self.player.person_clicked.connect(self.search.search_point)
        self.player.picture_dropped.connect(self.search.search_picture)
        self.player.problem_shown.connect(self.ingest.refresh)
        self.search.hit_selected.connect(self._show_hit)
        self.search.decisions_changed.connect(self.player.refresh)
        self.sources.video_activated.connect(self._note_shown)
        self.sources.video_activated.connect(self.player.show)
        self.sources.paths_dropped.connect(self.load)
        self.sources.add_footage_requested.connect(self.library.ask_footage)
        self.sources.reason_requested.connect(self._show_reason)
        self.sources.locate_requested.connect(self.locate.ask)
        self.locate.located.connect(self.ingest.refresh)
        self.locate.located.connect(self.player.retry)
        self.locate.problem.connect(self.report)
        self.networks.detector_changed.connect(self.ingest.forget_detector)
        self.networks.detector_changed.connect(self._read_models)
        self.networks.changed.connect(self.search.networks_changed)
        self.networks.embedder_change_wanted.connect(self.reembed.change_to)
        self.networks.problem.connect(self.report)
        self.reembed.embedder_changed.connect(self.ingest.forget_embedder)
        self.reembed.embedder_changed.connect(self.search.networks_changed)
        self.reembed.embedder_changed.connect(self._read_models)
        self.reembed.problem.connect(self.report)
        self.ingest.library_changed.connect(self.player.refresh)
        self.ingest.people_stored.connect(self.search.library_grew)
        self.ingest.video_started.connect(self._read_models)
        self.ingest.videos_listed.connect(self._show_first)
        self.ingest.videos_listed.connect(self.search.refresh_filters)
        self.ingest.problem.connect(self.report)
        self.library.opened.connect(self._enter)
        self.library.closing.connect(lambda: self._set_workspace(None))
        self.library.footage_chosen.connect(self.ingest.ingest_all)
        self.library.busy_changed.connect(self.window.statusBar().showMessage)
        self.library.recent_changed.connect(self.window.show_recent)
        self.library.problem.connect(self._library_failed)
        self.first_run.demo_wanted.connect(self.demo.open)
        self.first_run.footage_wanted.connect(self.library.ask_footage)
        self.first_run.library_chosen.connect(self.library.open)
        self.demo.problem.connect(self.report)
        self.demo.shown.connect(self._note_shown)
        self.player.person_clicked.connect(self.demo.leave_alone)
        self.search.hit_selected.connect(self.demo.leave_alone)
        self.sources.video_activated.connect(self.demo.leave_alone)

    def _connect_sheets(self) -> None:
        self.library.footage_asked.connect(self.footage.show)
        self.footage.agreed.connect(self.ingest.ingest_all)
        self.footage.watch_agreed.connect(self.watch.watch)
        self.watch.arrived.connect(self.ingest.take_arrivals)
        self.watch.watched_changed.connect(self.window.show_watched)
        self.watch.watched_changed.connect(self.ingest_panel.show_watched)
        self.watch.problem.connect(self.report)
        self.window.stop_watching_chosen.connect(self.watch.stop)
        self.footage.problem.connect(self.report)
        self.sources.clock_requested.connect(self.clock.ask)
        self.player.position_changed.connect(self.clock.note_position)
        self.sources.merge_requested.connect(self.cameras.ask_merge)
        self.sources.split_requested.connect(self.cameras.ask_split)
        for flow in (self.clock, self.cameras):
            for follow in (self.ingest.refresh, self.player.refresh, self.search.times_changed):
                flow.saved.connect(follow)
            flow.problem.connect(self.report)

    def _connect_window(self) -> None:
        window = self.window
        window.may_close = self._may_close
        window.takes_key = self.player_panel.takes_key
        window.paths_dropped.connect(self.load)
        window.recent_chosen.connect(self.library.open)
        window.theme_chosen.connect(self._choose_theme)
        window.refinements_chosen.connect(self._choose_refinements)
        for name, act in {
            "add-footage": self.library.ask_footage,
            "new-library": self.library.ask_new,
            "open-library": self.library.ask_open,
            "search-picture": self._ask_picture,
            "locate-footage": self.locate.ask,
            "networks": self.networks.ask,
            "theme-next": lambda: self._choose_theme(self._theme.choice.next()),
            "shortcuts": self._show_shortcuts,
            "open-log": self._open_log,
            "demo": self.demo.open,
            "about": lambda: AboutDialog(window).open(),
        }.items():
            window.action(name).triggered.connect(lambda _checked=False, act=act: act())

    # Library ------------------------------------------------------------------------------------

    def load(self, paths: Sequence[Path]) -> None:
        """What was dropped: one picture is searched, a library opened, the rest ingested."""
        if len(paths) == 1 and is_picture(paths[0]):
            self.search.search_picture(paths[0])
        else:
            self.library.load(paths)

    def _show_first_run(self) -> None:
        """Offers what to begin with, while no library is open."""
        self.first_run.show_recent([each for each in self.library.recent() if each.is_dir()])
        self.window.show_first_run(True)
        self.first_run.demo.setFocus()

    def _library_failed(self, error: Exception) -> None:
        if self._workspace is None:
            self._show_first_run()
        self.report(error)

    def _enter(self, workspace: Workspace, folder: Path) -> None:
        self.window.show_first_run(False)
        self._set_workspace(workspace)
        self.window.set_library_open(True, library_name(folder))

    def _set_workspace(self, workspace: Workspace | None) -> None:
        self._workspace = workspace
        self._has_shown = False
        # The demo's first: it hears when the ingest of the library that is left ends.
        self.demo.set_workspace(workspace)
        flows = (self.player, self.search, self.ingest, self.locate, self.networks, self.reembed)
        for flow in (*flows, self.footage, self.clock, self.cameras, self.watch):
            flow.set_workspace(workspace)
        if workspace is None:
            self.window.set_library_open(False)
        self._read_models()

    def _show_hit(self, hit: HitDetails) -> None:
        self.player.show(hit.video_id, hit.box_time_s, hit.tracklet_id)
        self.sources.select_video(hit.video_id)

    def _show_first(self, video_ids: Sequence[int]) -> None:
        """Shows the first video of a library in which nothing was chosen yet."""
        if video_ids and not self._has_shown:
            self._has_shown = True
            self.player.show(video_ids[0])

    def _note_shown(self) -> None:
        """Something was chosen, even if it cannot be shown."""
        self._has_shown = True

    def _ask_picture(self) -> None:
        choose_picture(self.window, self.search.search_picture)

    def _read_models(self) -> None:
        """Reads which networks the library remembers, in the background."""
        if self._workspace is None:
            self.window.show_models("")
        else:
            self.tasks.start(_NETWORKS_LANE, _used_models(self._workspace), self._show_models)

    def _show_models(self, used: UsedModels) -> None:
        # "auto" would not say which it came to.
        device = self._settings.models.device
        names = [] if device == "auto" else [f"Device: {device}"]
        details = []
        for role, model in (("detector", used.detector), ("embedder", used.embedder)):
            bundled = model is not None and is_bundled(model.path)
            names.append(model.path.stem + " (bundled)" * bundled if model else f"no {role} yet")
            if model is not None:
                details.append(f"{role}: {model.path} ({model.id})")
            if bundled and role == "detector":
                details.append(f"{LARGER_FINDS_MORE} See “Networks…” in the menu Library.")
        self.window.show_models(" · ".join(names), "\n".join(details))

    # Dialogs ------------------------------------------------------------------------------------

    def report(self, error: BaseException) -> None:
        """Shows an error in a dialog."""
        show_error(error, self.window)

    def _show_reason(self, video: Video) -> None:
        message = video.problem or f"{video.path.name} could not be read."
        remedy = "Put a whole copy in its place and choose “Ingest again” in its menu."
        ErrorDialog(message, remedy, str(video.path), self.window).open()

    def _show_shortcuts(self) -> None:
        groups = [
            ("Window", rows_of(self.window.actions_with_keys())),
            ("Player", PLAYER_KEYS),
            ("Results", rows_of(self.results.gallery.actions())),
        ]
        ShortcutsDialog(groups, self.window).open()

    def _open_log(self) -> None:
        folder = open_log_folder()
        # For a desktop that has no program to show it.
        self.window.statusBar().showMessage(f"The log is kept in {folder}", 8000)

    def _choose_theme(self, choice: ThemeChoice) -> None:
        self._theme.choose(choice)
        self.window.show_theme(choice)
        self._save(window=WindowSettings(theme=choice.value))

    def _choose_refinements(self, chosen: frozenset[Refinement]) -> None:
        self.search.set_stages(chosen)
        self._save(search=SearchSettings.of(chosen))

    def _save(self, **sections: Any) -> None:
        try:
            # Read anew: another program may have changed the file since the start.
            save_settings(replace(load_settings(), **sections))
        except SettingsError as error:
            self.window.statusBar().showMessage(str(error), 8000)

    # Closing ------------------------------------------------------------------------------------

    def _may_close(self) -> bool:
        if self._close_agreed or not self.ingest.is_busy:
            return True
        return self._leaving.leave("quit", self.close_at_once)


def _used_models(workspace: Workspace) -> Iterator[UsedModels]:
    """Job: what the library was made with."""
    library = workspace.library
    yield UsedModels(library.model("detector"), library.model("embedder"))


def theme_of(settings: Settings, app: QApplication) -> Theme:
    """The theme that the settings ask for."""
    return Theme(app, ThemeChoice(settings.window.theme))

"""The window: menus, docks, geometry. It lays out; what anything does is wired in `shell`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
)
from PySide6.QtWidgets import QLabel, QMainWindow, QMenu, QStackedWidget, QWidget

from app.core.queries import REFINEMENTS, Correction, Refinement, SearchStage
from app.gui.widgets.dock import Dock
from app.gui.widgets.drops import local_paths
from app.gui.widgets.plain import plain_tip
from app.gui.widgets.theme import ThemeChoice
from app.gui.window_state import WindowState

_LAYOUT_VERSION = 1
_LEFT_PX = 296
_INGEST_PX = 72
_WIDE_PX = 1600
_FRAME = QSize(16, 48)
_RIGHT_PX, _RIGHT_WIDE_PX = 400, 480

# Menu → (action's name, text, shortcut); "-" is a separator, "@…" a menu filled elsewhere.
_MENUS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "&File": (
        ("add-footage", "&Add footage…", "Ctrl+Shift+O"),
        ("@watched", "&Watched folders", ""),
        ("-", "", ""),
        ("new-library", "&New library…", "Ctrl+N"),
        ("open-library", "&Open library…", "Ctrl+O"),
        ("@recent", "Open &recent", ""),
        ("-", "", ""),
        ("quit", "&Quit", "Ctrl+Q"),
    ),
    "&Edit": (("@edit", "", ""),),
    "&Search": (
        ("search-picture", "Search with a &picture…", "Ctrl+F"),
        ("-", "", ""),
        ("refine-aggregated", "Refine by &similar people", ""),
        ("refine-reranked", "&Compare the best in pairs", ""),
        ("-", "", ""),
        ("refine-camera_mean", "Even out the c&ameras' light and colours", ""),
        ("refine-transit", "Count the &time between cameras", ""),
    ),
    "&View": (
        ("@docks", "", ""),
        ("-", "", ""),
        ("@theme", "&Theme", ""),
        ("full-screen", "&Full screen", "F11"),
        ("reset-layout", "&Reset layout", ""),
    ),
    "&Library": (
        ("locate-footage", "&Locate footage…", ""),
        ("-", "", ""),
        ("networks", "&Networks…", ""),
    ),
    "&Help": (
        ("demo", "Open the &demo", ""),
        ("-", "", ""),
        ("shortcuts", "&Keyboard shortcuts", "F1"),
        ("open-log", "Open &log folder", ""),
        ("about", "&About Retrace", ""),
    ),
}
_FROM_NETWORK = "Where the library has a network for it (Library → Networks…)"
_REFINEMENT_TIPS: dict[Refinement, str] = {
    SearchStage.AGGREGATED: _FROM_NETWORK,
    SearchStage.RERANKED: _FROM_NETWORK,
    Correction.CAMERA_MEAN: "Takes off what all people of a camera have in common, as far as the "
    "camera has seen many",
    Correction.TRANSIT: "Prefers times between two sightings that are usual there, as learnt from "
    "the library",
}
_NEEDS_LIBRARY = ("search-picture", "locate-footage", "networks")


@dataclass(frozen=True, slots=True)
class Panels:
    """What the window is made of."""

    sources: QWidget
    player: QWidget
    results: QWidget
    ingest: QWidget
    first_run: QWidget


class MainWindow(QMainWindow):
    """Cameras at the left, the player in the middle, results at the right, ingest below.

    Signals:
        paths_dropped: list of paths.
        refinements_chosen: frozenset of the `Refinement`s that are switched on.
        recent_chosen: folder of a library opened lately.
        stop_watching_chosen: the watched folder that is to be left alone.
        theme_chosen: a `ThemeChoice`.

    Attributes:
        may_close: asked before the window closes; may answer no and close it itself later.
        takes_key: called with keys that no widget took; says whether it did.
    """

    paths_dropped = Signal(object)
    refinements_chosen = Signal(object)
    recent_chosen = Signal(object)
    stop_watching_chosen = Signal(object)
    theme_chosen = Signal(object)

    def __init__(self, panels: Panels, state: WindowState) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setAccessibleName("Retrace")
        self.setWindowTitle("Retrace")
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.may_close: Callable[[], bool] = lambda: True
        self.takes_key: Callable[[QKeyEvent], bool] = lambda _: False
        self._state = state
        self._docks_behind: list[Dock] = []
        self._actions: dict[str, QAction] = {}
        self._add_docks(panels)
        self._recent = QMenu("Open &recent", self)
        self._watched = QMenu("&Watched folders", self)
        self._watched.setObjectName("watched_menu")
        self._watched.setToolTipsVisible(True)
        self._themes = QMenu("&Theme", self)
        self._add_menus()
        self._add_status_bar()
        self._restore()
        self.set_library_open(False)

    def action(self, name: str) -> QAction:
        """The action of a name in `_MENUS`."""
        return self._actions[name]

    def actions_with_keys(self) -> list[QAction]:
        """Every action that a key triggers, in the order of the menus."""
        return [action for action in self._actions.values() if action.shortcuts()]

    # Docks --------------------------------------------------------------------------------------

    def _add_docks(self, panels: Panels) -> None:
        self._middle = QStackedWidget()
        self._middle.addWidget(panels.player)
        self._middle.addWidget(panels.first_run)
        self.setCentralWidget(self._middle)
        self._sources = Dock("Cameras", "sources_dock", panels.sources)
        self._results = Dock("Results", "results_dock", panels.results)
        self._ingest = Dock("Ingest", "ingest_dock", panels.ingest)
        # The results have the full height: rows of people are what the window is for.
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self._place_docks()

    def _place_docks(self) -> None:
        for dock, area in (
            (self._sources, Qt.DockWidgetArea.LeftDockWidgetArea),
            (self._results, Qt.DockWidgetArea.RightDockWidgetArea),
            (self._ingest, Qt.DockWidgetArea.BottomDockWidgetArea),
        ):
            dock.setFloating(False)
            self.addDockWidget(area, dock)
            dock.show()

    def _size_docks(self) -> None:
        """Chrome keeps its size on a large screen; the pictures take the rest."""
        right_px = _RIGHT_WIDE_PX if self.width() >= _WIDE_PX else _RIGHT_PX
        self.resizeDocks(
            [self._sources, self._results], [_LEFT_PX, right_px], Qt.Orientation.Horizontal
        )
        self.resizeDocks([self._ingest], [_INGEST_PX], Qt.Orientation.Vertical)

    def show_first_run(self, wanted: bool) -> None:
        """Has the first page take the whole window, or brings the player and the docks back."""
        if wanted == bool(self._middle.currentIndex()):
            return
        self._middle.setCurrentIndex(int(wanted))
        if wanted:
            docks = (self._sources, self._results, self._ingest)
            self._docks_behind = [dock for dock in docks if not dock.isHidden()]
            for dock in docks:
                dock.hide()
            return
        for dock in self._docks_behind:
            dock.show()
        layout = self._state.layout()
        if layout is None or not self.restoreState(layout, _LAYOUT_VERSION):
            self._size_docks()

    def _restore(self) -> None:
        geometry, layout = self._state.geometry(), self._state.layout()
        if geometry is None or not self.restoreGeometry(geometry):
            screen = QGuiApplication.primaryScreen().availableGeometry().size()
            # The frame that the window manager adds must fit as well; its size is not known yet.
            self.resize((screen - _FRAME).boundedTo(QSize(1680, 1000)))
        if layout is None or not self.restoreState(layout, _LAYOUT_VERSION):
            self._size_docks()

    def reset_layout(self) -> None:
        """Puts the docks where they stood on the first day."""
        self._state.forget_window()
        self._place_docks()
        self._size_docks()

    # Menus --------------------------------------------------------------------------------------

    def _add_menus(self) -> None:
        for title, entries in _MENUS.items():
            menu = self.menuBar().addMenu(title)
            menu.setObjectName(f"menu_{title.strip('&').lower()}")
            for name, text, keys in entries:
                self._add_entry(menu, name, text, keys)
        self._add_themes()
        self._add_refinements()
        self.action("reset-layout").triggered.connect(self.reset_layout)
        self.action("quit").triggered.connect(self.close)
        self.action("full-screen").triggered.connect(self._toggle_full_screen)
        self.show_recent([])
        self.show_watched([])

    def _add_entry(self, menu: QMenu, name: str, text: str, keys: str) -> None:
        if name == "-":
            menu.addSeparator()
        elif name == "@recent":
            menu.addMenu(self._recent)
        elif name == "@watched":
            menu.addMenu(self._watched)
        elif name == "@theme":
            menu.addMenu(self._themes)
        elif name == "@edit":
            self._edit = menu
        elif name == "@docks":
            for dock in (self._sources, self._results, self._ingest):
                toggle = dock.toggleViewAction()
                toggle.setObjectName(f"show_{dock.objectName()}")
                menu.addAction(toggle)
        else:
            self._add_action(menu, name, text, keys)

    def _add_action(self, menu: QMenu, name: str, text: str, keys: str) -> QAction:
        action = menu.addAction(text)
        action.setObjectName(f"action_{name}")
        if keys:
            action.setShortcut(QKeySequence(keys))
        self._actions[name] = action
        return action

    def add_to_edit_menu(self, actions: Sequence[QAction]) -> None:
        """Puts what a panel can do into the menu Edit."""
        self._edit.addActions(actions)

    def _add_themes(self) -> None:
        group = QActionGroup(self)
        for choice in (ThemeChoice.LIGHT, ThemeChoice.DARK, ThemeChoice.SYSTEM):
            text = "As the system" if choice is ThemeChoice.SYSTEM else choice.value.capitalize()
            action = self._add_action(self._themes, f"theme-{choice.value}", text, "")
            action.setCheckable(True)
            group.addAction(action)
            action.triggered.connect(
                lambda _checked=False, chosen=choice: self.theme_chosen.emit(chosen)
            )
        self._themes.addSeparator()
        self._add_action(self._themes, "theme-next", "Next theme", "Ctrl+Shift+T")

    def _add_refinements(self) -> None:
        for stage in REFINEMENTS:
            action = self.action(f"refine-{stage}")
            action.setCheckable(True)
            action.setStatusTip(_REFINEMENT_TIPS[stage])
            action.triggered.connect(lambda: self.refinements_chosen.emit(self._refinements()))

    def _refinements(self) -> frozenset[Refinement]:
        return frozenset(each for each in REFINEMENTS if self.action(f"refine-{each}").isChecked())

    def show_refinements(self, stages: frozenset[Refinement]) -> None:
        """Checks those that are switched on."""
        for stage in REFINEMENTS:
            self.action(f"refine-{stage}").setChecked(stage in stages)

    def show_theme(self, choice: ThemeChoice) -> None:
        """Checks the theme in force."""
        self.action(f"theme-{choice.value}").setChecked(True)

    def show_recent(self, folders: Sequence[Path]) -> None:
        """Fills the menu of recent libraries."""
        self._recent.clear()
        self._recent.setEnabled(bool(folders))
        for number, folder in enumerate(folders, 1):
            entry = self._recent.addAction(f"&{number % 10}  {folder.name}")
            entry.setObjectName(f"recent_{number}")
            entry.setToolTip(plain_tip(str(folder)))
            entry.setStatusTip(str(folder))
            entry.triggered.connect(
                lambda _checked=False, chosen=folder: self.recent_chosen.emit(chosen)
            )

    def show_watched(self, folders: Sequence[Path]) -> None:
        """Fills the menu of watched folders; to choose one ends watching it."""
        self._watched.clear()
        self._watched.setEnabled(bool(folders))
        for folder in folders:
            entry = self._watched.addAction(f"Stop watching {folder.name.replace('&', '&&')}")
            entry.setToolTip(plain_tip(str(folder)))
            entry.setStatusTip(str(folder))
            entry.triggered.connect(
                lambda _checked=False, chosen=folder: self.stop_watching_chosen.emit(chosen)
            )

    def _toggle_full_screen(self) -> None:
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    # Library ------------------------------------------------------------------------------------

    def set_library_open(self, is_open: bool, name: str = "") -> None:
        """Names the library in the title, and offers what needs one."""
        self.setWindowTitle(f"{name} – Retrace" if name else "Retrace")
        for action in _NEEDS_LIBRARY:
            self.action(action).setEnabled(is_open)

    def show_models(self, text: str, details: str = "") -> None:
        """Device and networks, at the right of the status bar."""
        self._models.setText(text)
        self._models.setToolTip(plain_tip(details))

    def _add_status_bar(self) -> None:
        self._models = QLabel()
        self._models.setObjectName("models")
        self._models.setAccessibleName("Device and networks")
        self._models.setProperty("role", "muted")
        bar = self.statusBar()
        bar.setObjectName("status_bar")
        bar.setSizeGripEnabled(False)
        bar.addPermanentWidget(self._models)

    # Events -------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Hands keys that no widget wants to the player: to play needs no click into it."""
        if not self.takes_key(event):
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes files and folders."""
        if local_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Tells what was dropped."""
        event.acceptProposedAction()
        self.paths_dropped.emit(local_paths(event.mimeData()))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closes unless something stands against it; remembers where everything stood."""
        if not self.may_close():
            event.ignore()
            return
        self.show_first_run(False)  # so that the docks' usual places are remembered
        self._state.keep_window(self.saveGeometry(), self.saveState(_LAYOUT_VERSION))
        super().closeEvent(event)

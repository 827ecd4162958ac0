"""The window: menus, docks, geometry. It lays out; features bring what is in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
)
from PySide6.QtWidgets import QMainWindow, QMenu, QSizePolicy, QStackedWidget, QWidget

from app.gui.actions import ACTIONS, MENUS, Where, plain_text
from app.gui.commands import Command, commands
from app.gui.widgets.dock import Dock
from app.gui.widgets.drops import local_paths
from app.gui.window_state import WindowState
from app.language import tr

_LAYOUT_VERSION = 3
_FRAME = QSize(16, 48)


class MainWindow(QMainWindow):
    """The player in the middle, docks at the edges, a menu bar and a status bar.

    Signals:
        paths_dropped: list of paths.

    Attributes:
        may_close: asked before the window closes; may answer no and close it itself later.
        takes_key: called with keys that no widget took; says whether it did.
    """

    paths_dropped = Signal(object)

    def __init__(self, state: WindowState) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setAccessibleName("Retrace")
        self.setWindowTitle("Retrace")
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        # The right side has the full height: rows of people are what the window is for.
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.may_close: Callable[[], bool] = lambda: True
        self.takes_key: Callable[[QKeyEvent], bool] = lambda _: False
        self._state = state
        self._docks: list[Dock] = []
        self._docks_behind: list[Dock] = []
        self._actions: dict[str, QAction] = {}
        self._middle = QStackedWidget()
        self._pages: tuple[QWidget, ...] = ()
        self.setCentralWidget(self._middle)
        self.statusBar().setObjectName("status_bar")
        self.statusBar().setSizeGripEnabled(False)

    # Furnishing ---------------------------------------------------------------------------------

    def add_feature(self, docks: Sequence[Dock], actions: Mapping[str, QAction]) -> None:
        """Takes what a feature brings; it is shown by `furnish`."""
        self._docks += docks
        self._actions |= actions

    def furnish(self, middle: QWidget, first_page: QWidget) -> None:
        """Puts everything into its place.

        Args:
            middle: is seen between the docks.
            first_page: fills the window as long as `show_first_run` wants it.
        """
        self._pages = (middle, first_page)
        for page in self._pages:
            self._middle.addWidget(page)
        self._fit_middle()
        self._docks.sort(key=lambda dock: dock.area.value)
        self._place_docks()
        self._fill_menus()
        self._restore()

    def _fit_middle(self) -> None:
        """The page that is not seen must not widen the window."""
        for page in self._pages:
            seen = page is self._middle.currentWidget()
            policy = QSizePolicy.Policy.Preferred if seen else QSizePolicy.Policy.Ignored
            page.setSizePolicy(policy, policy)

    def action(self, name: str) -> QAction:
        """The action of a name in the table."""
        return self._actions[name]

    def commands(self) -> list[Command]:
        """All that can be run now: the actions of the table, then which docks are shown."""
        toggles = [(dock.windowTitle(), dock.toggleViewAction()) for dock in self._docks]
        return commands(self._actions) + [
            Command(
                tr("Hide {panel}", panel=title)
                if toggle.isChecked()
                else tr("Show {panel}", panel=title),
                plain_text(MENUS["view"]),
                "",
                "",
                toggle,
            )
            for title, toggle in toggles
            if toggle.isEnabled()
        ]

    def _fill_menus(self) -> None:
        menus: dict[str, QMenu] = {}
        for name in MENUS:
            if any(row.menu == name for row in ACTIONS):
                self._add_menu(name, menus)
        for row in ACTIONS:
            if not row.menu:
                continue
            menu = menus.get(row.menu) or self._add_menu(row.menu, menus)
            if row.apart:
                menu.addSeparator()
            menu.addAction(self._actions[row.name])

    def _add_menu(self, path: str, menus: dict[str, QMenu]) -> QMenu:
        """A menu, and those that it is in."""
        outer, _, name = path.rpartition("/")
        if outer:
            inside = menus.get(outer) or self._add_menu(outer, menus)
            menus[path] = inside.addMenu(MENUS[name])
        else:
            menus[path] = self.menuBar().addMenu(MENUS[name])
        if path == "view":
            self._add_toggles(menus[path])
        menus[path].setObjectName(f"menu_{name}")
        return menus[path]

    def _add_toggles(self, menu: QMenu) -> None:
        for dock in self._docks:
            toggle = dock.toggleViewAction()
            toggle.setObjectName(f"show_{dock.objectName()}")
            menu.addAction(toggle)
        menu.addSeparator()

    # Docks --------------------------------------------------------------------------------------

    def _place_docks(self) -> None:
        for dock in self._docks:
            dock.setFloating(False)
            self.addDockWidget(dock.area, dock)
            dock.show()

    def _size_docks(self) -> None:
        """Chrome keeps its size on a large screen; the pictures take the rest."""
        for orientation in (Qt.Orientation.Horizontal, Qt.Orientation.Vertical):
            docks = [dock for dock in self._docks if dock.sized_along is orientation]
            sizes_px = [dock.first_px(self.width()) for dock in docks]
            self.resizeDocks(docks, sizes_px, orientation)
        left = [dock for dock in self._docks if dock.area is Qt.DockWidgetArea.LeftDockWidgetArea]
        heights_px = [dock.widget().sizeHint().height() for dock in left[:-1]]
        self.resizeDocks(left, [*heights_px, self.height()], Qt.Orientation.Vertical)

    def show_first_run(self, wanted: bool) -> None:
        """Has the first page take the whole window, or brings the player and the docks back."""
        if wanted == bool(self._middle.currentIndex()):
            return
        self._middle.setCurrentIndex(int(wanted))
        self._fit_middle()
        if wanted:
            self._docks_behind = [dock for dock in self._docks if not dock.isHidden()]
            for dock in self._docks:
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

    def toggle_full_screen(self) -> None:
        """Fills the screen, or no longer."""
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def set_library_open(self, is_open: bool, name: str = "") -> None:
        """Names the library in the title, and offers what needs one."""
        self.setWindowTitle(f"{name} – Retrace" if name else "Retrace")
        for row in ACTIONS:
            if row.where is Where.LIBRARY:
                self._actions[row.name].setEnabled(is_open)

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

"""Which library is open: new, open, recent, and what a dropped folder is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.core.errors import UserFacingError
from app.core.library_files import is_library
from app.gui.tasks import Task, TaskRunner
from app.gui.widgets.choosing import choose_folder, choose_new_folder, choose_videos
from app.gui.window_state import WindowState
from app.language import tr
from app.settings import default_library, user_data_dir

if TYPE_CHECKING:
    from app.services.workspace import Workspace

OpenWorkspace = Callable[[Path, bool], "Workspace"]
Leave = Callable[[str, Callable[[], None]], object]
"""(what the user is about to do, go on): asks first where work would be interrupted."""

LANE = "library"
_CLOSE_WAIT_S = 10.0


class LibraryFlow(QObject):
    """Opens and closes libraries without ever blocking the window.

    Signals:
        opened: (workspace, folder); the one before is to be left before this returns.
        closing: the workspace that is about to be closed is to be left.
        footage_chosen: paths of folders or files to ingest into the open library.
        footage_asked: the same, but what is in them is to be shown first.
        busy_changed: text to show while a library is being opened, else empty.
        recent_changed: the list of recent libraries.
        problem: an exception that belongs into a dialog.
    """

    opened = Signal(object, object)
    closing = Signal()
    footage_chosen = Signal(object)
    footage_asked = Signal(object)
    busy_changed = Signal(str)
    recent_changed = Signal(object)
    problem = Signal(object)

    def __init__(
        self,
        open_workspace: OpenWorkspace,
        state: WindowState,
        tasks: TaskRunner,
        window: QWidget,
        leave: Leave,
    ) -> None:
        super().__init__(window)
        self._open_workspace, self._state, self._tasks = open_workspace, state, tasks
        self._window, self._leave = window, leave
        self._workspace: Workspace | None = None
        self._folder: Path | None = None
        self._opening: _Opening | None = None
        self._left: list[_Left] = []

    # Public face --------------------------------------------------------------------------------

    @property
    def folder(self) -> Path | None:
        """The open library."""
        return self._folder

    def recent(self) -> list[Path]:
        """Libraries opened lately, the last one first."""
        return self._state.recent()

    def open(
        self,
        folder: Path,
        *,
        create: bool = False,
        footage: Sequence[Path] = (),
        asks: bool = False,
    ) -> None:
        """Opens a library in the background.

        Args:
            folder: the library's folder.
            create: make it if it is not there.
            footage: what to ingest into it once it is open.
            asks: show first what is in the footage.
        """
        folder = folder.expanduser().absolute()
        if folder == self._folder:
            self._ingest(footage, asks=asks)
            return
        opening = _Opening(folder, create, tuple(footage), asks=asks)
        question = tr("Stop loading and open {folder}?", folder=folder.name)
        self._leave(question, lambda: self._begin(opening))

    def load(self, paths: Sequence[Path], *, asks: bool = True) -> None:
        """Opens what is a library, ingests the rest into the open one or into the default one.

        Args:
            paths: folders or files.
            asks: show first what is in them.
        """
        libraries = [path for path in paths if is_library(path)]
        if libraries:
            self.open(libraries[0])
            return
        footage = [path.absolute() for path in paths]
        if not footage:
            return
        if self._opening is not None:
            self._opening.footage = (*self._opening.footage, *footage)
        elif self._workspace is not None:
            self._ingest(footage, asks=asks)
        else:
            folder = footage[0] if footage[0].is_dir() else footage[0].parent
            self.open(default_library(folder), create=True, footage=footage, asks=asks)

    def ask_new(self) -> None:
        """Lets the user name a new library."""
        start = user_data_dir() / "libraries"
        start.mkdir(parents=True, exist_ok=True)
        choose_new_folder(
            self._window, tr("New library"), start, lambda path: self.open(path, create=True)
        )

    def ask_open(self) -> None:
        """Lets the user choose a library."""
        start = self._folder.parent if self._folder else user_data_dir() / "libraries"
        choose_folder(
            self._window, tr("Open library"), start if start.is_dir() else Path.home(), self.open
        )

    def ask_footage(self) -> None:
        """Lets the user choose a folder of videos."""
        title, start = tr("Add footage"), self._state.footage_folder()
        choose_folder(self._window, title, start, lambda path: self._take_chosen([path]))

    def ask_videos(self) -> None:
        """Lets the user choose single videos."""
        choose_videos(
            self._window, tr("Add videos"), self._state.footage_folder(), self._take_chosen
        )

    def _take_chosen(self, paths: list[Path]) -> None:
        self._state.keep_footage_folder(paths[0].parent)
        self.load(paths)

    def shutdown(self) -> None:
        """Closes what is open; call once no job runs any more."""
        if self._opening is not None and self._opening.workspace is not None:
            self._opening.workspace.close()
        for left in self._left:
            left.close()
        if self._workspace is not None:
            self.closing.emit()
            self._workspace.close()
        self._opening = self._workspace = self._folder = None

    # Opening ------------------------------------------------------------------------------------

    def _begin(self, opening: _Opening) -> None:
        self._opening = opening
        self.busy_changed.emit(tr("Opening {folder}…", folder=opening.folder.name))
        task = self._tasks.start(LANE, opening.run(self._open_workspace))
        task.finished.connect(lambda: self._take(opening))
        task.failed.connect(lambda error: self._fail(opening, error))

    def _take(self, opening: _Opening) -> None:
        workspace = opening.workspace
        assert workspace is not None
        if self._opening is not opening:  # another one was asked for meanwhile
            self._close(workspace)
            return
        self._opening = None
        former, self._workspace, self._folder = self._workspace, workspace, opening.folder
        if former is not None:
            self.closing.emit()
            self._close(former)
        self._state.remember(opening.folder)
        self.busy_changed.emit("")
        self.recent_changed.emit(self.recent())
        self.opened.emit(workspace, opening.folder)
        self._ingest(opening.footage, asks=opening.asks)

    def _fail(self, opening: _Opening, error: Exception) -> None:
        if self._opening is opening:
            self._opening = None
            self.busy_changed.emit("")
        if isinstance(error, UserFacingError) and not opening.folder.is_dir():
            self._state.forget(opening.folder)
            self.recent_changed.emit(self.recent())
        self.problem.emit(error)

    def _ingest(self, footage: Sequence[Path], *, asks: bool) -> None:
        if footage:
            (self.footage_asked if asks else self.footage_chosen).emit(list(footage))

    def _close(self, workspace: Workspace) -> None:
        """Closes a workspace in the background, after the jobs that may still be using it."""
        left = _Left(workspace)
        self._left = [each for each in self._left if not each.is_closed] + [left]
        self._tasks.start(LANE, left.run(self._tasks.running()))


class _Opening:
    """A library on its way to be open."""

    def __init__(
        self, folder: Path, create: bool, footage: tuple[Path, ...], *, asks: bool
    ) -> None:
        self.folder, self.create, self.footage, self.asks = folder, create, footage, asks
        self.workspace: Workspace | None = None

    def run(self, open_workspace: OpenWorkspace) -> Iterator[None]:
        """Job. The workspace is kept here, so that it is closed whoever still wants it."""
        self.workspace = open_workspace(self.folder, self.create)
        yield None


class _Left:
    """A workspace that nobody wants any more, but that jobs may still be using."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.is_closed = False

    def run(self, users: Sequence[Task]) -> Iterator[None]:
        """Job: waits for the others' jobs, then closes."""
        for task in users:
            if task.lane != LANE:
                task.wait(_CLOSE_WAIT_S)
            yield None
        self.close()

    def close(self) -> None:
        """Closes it once; never while its job runs."""
        if not self.is_closed:
            self.is_closed = True
            self._workspace.close()

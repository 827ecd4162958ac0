"""The demo in the window: its library, ingested once, at a frame where there is whom to click."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.core.errors import UserFacingError
from app.language import tr
from app.services.demo.demo import Sight, clip_paths, first_sight
from app.settings import demo_dir, demo_library

if TYPE_CHECKING:
    from app.gui.footage.ingest_flow import IngestFlow
    from app.gui.library.library_flow import LibraryFlow
    from app.gui.player.player_flow import PlayerFlow
    from app.gui.tasks import TaskRunner
    from app.services.ingest.ingest_options import IngestOptions
    from app.services.workspace import Workspace

LANE = "demo"
HINT = tr("Click a person to find them in the other cameras")


class DemoFlow(QObject):
    """Opens the demo, and makes it ready whenever its library is opened.

    Signals:
        problem: an exception that belongs into a dialog.

    Args:
        library: opens the demo's library.
        ingest: ingests the clips.
        player: shows them.
        tasks: runs what reads the library.
        options: how the clips are ingested.
    """

    problem = Signal(object)

    def __init__(
        self,
        library: LibraryFlow,
        ingest: IngestFlow,
        player: PlayerFlow,
        tasks: TaskRunner,
        options: IngestOptions,
    ) -> None:
        super().__init__(library)
        self._library, self._ingest, self._player = library, ingest, player
        self._tasks, self._options = tasks, options
        self._workspace: Workspace | None = None
        self._left_alone = False
        ingest.busy_changed.connect(self._ingest_ended)

    def open(self) -> None:
        """Opens the demo's library, or shows its first sight if it is open."""
        try:
            clip_paths(demo_dir())
        except UserFacingError as error:
            self.problem.emit(error)
            return
        if self._workspace is not None:
            self._left_alone = False
            self._make_ready()
        else:
            self._library.open(demo_library(), create=True)

    def leave_alone(self) -> None:
        """The user looks at something: the player stays there when the ingest ends."""
        self._left_alone = True

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none; the demo's is made ready."""
        self._tasks.cancel(LANE)
        is_demo = workspace is not None and self._library.folder == demo_library()
        self._workspace = workspace if is_demo else None
        self._left_alone = False
        self._make_ready()

    def _make_ready(self) -> None:
        """Shows the first sight, after an ingest where that is still to be done."""
        self._look(self._show_or_ingest)

    def _look(self, tell: Callable[[Sight | None], None]) -> None:
        if self._workspace is not None and not self._ingest.is_busy:
            self._tasks.start(LANE, _sight(self._workspace), tell).failed.connect(self.problem)

    def _show_or_ingest(self, sight: Sight | None) -> None:
        if sight is not None:
            self._show(sight)
        elif self._workspace is not None and not self._ingest.is_busy:
            self._ingest.ingest(demo_dir(), self._options)

    def _ingest_ended(self, is_busy: bool) -> None:
        # Cancelled or failed: what to do then, the ingest panel says.
        if not is_busy:
            self._look(self._show)

    def _show(self, sight: Sight | None) -> None:
        if sight is None or self._workspace is None or self._left_alone:
            return
        self._player.show(sight.video_id, sight.time_s)
        self._player.show_hint(HINT, lasting=True)


def _sight(workspace: Workspace) -> Iterator[Sight | None]:
    """Job: where to begin to look, or None while the clips are still to be ingested."""
    yield first_sight(workspace.library, demo_dir())

"""Ways between cameras from the window: read in a task, shown in a dialog, stored together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.core.errors import UsageError
from app.core.way_limits import WayLimits, parse_limit
from app.gui.dialog_flow import DialogFlow
from app.gui.tasks import TaskRunner
from app.gui.timeline.ways_dialog import WaysDialog

if TYPE_CHECKING:
    from app.services.route.ways import Way
    from app.services.workspace import Workspace


class WaysFlow(DialogFlow[WaysDialog]):
    """One dialog at a time.

    Signals:
        saved: other times between cameras are credible now.
    """

    saved = Signal()

    def __init__(self, tasks: TaskRunner, window: QWidget) -> None:
        super().__init__("ways", tasks, window)

    def ask(self) -> None:
        """Shows what is known of the ways of the library."""
        if self._workspace is None:
            return
        dialog = WaysDialog(self._window)
        dialog.agreed.connect(self._save)
        self._adopt(dialog)
        dialog.open()
        self._do(lambda workspace: list(workspace.routes.ways(every=True).values()), self._show)

    def _show(self, ways: list[Way]) -> None:
        if self._dialog is not None:
            self._dialog.show_ways(ways)

    def _save(self, changed: list[tuple[Way, str, str]]) -> None:
        try:
            said = [
                (way, WayLimits(parse_limit(least), parse_limit(most)))
                for way, least, most in changed
            ]
        except UsageError as error:
            self._refuse(error)
            return

        def save(workspace: Workspace) -> None:
            with workspace.library.transaction():
                for way, limits in said:
                    workspace.routes.set_limits(way.one, way.other, limits)

        self._do(save, lambda _: self._done(is_new=bool(said)))

    def _done(self, *, is_new: bool) -> None:
        if self._dialog is not None:
            self._dialog.accept()
        if is_new:
            self.saved.emit()

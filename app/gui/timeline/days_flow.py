"""The days with footage: read in a task, chosen in a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.gui.dialog_flow import DialogFlow
from app.gui.tasks import TaskRunner
from app.gui.timeline.days_dialog import DaysDialog
from app.gui.timeline.time_axis import moment_of
from app.services.route.days import Day, days_of
from app.services.route.timeline import lanes_of

if TYPE_CHECKING:
    from app.gui.timeline.timeline_view import TimelineView
    from app.services.workspace import Workspace


class DaysFlow(DialogFlow[DaysDialog]):
    """One dialog at a time.

    Signals:
        searched: (first, last) in POSIX seconds of a day that is to be searched only.

    Args:
        view: shows the day that was chosen.
        tasks: reads the days.
        window: what the dialog is shown over.
    """

    searched = Signal(float, float)

    def __init__(self, view: TimelineView, tasks: TaskRunner, window: QWidget) -> None:
        super().__init__("days", tasks, window)
        self._view = view

    def ask(self) -> None:
        """Lists the days; that in the middle of the timeline is selected."""
        if self._workspace is None:
            return
        dialog = DaysDialog(self._window)
        dialog.shown.connect(lambda day: self._view.show_span(*self._span(day)))
        dialog.searched.connect(lambda day: self.searched.emit(*self._span(day)))
        self._adopt(dialog)
        dialog.open()
        self._do(_read, self._show)

    def _show(self, days: list[Day]) -> None:
        workspace = self._workspace
        if self._dialog is None or workspace is None:
            return
        axis = self._view.axis
        middle = moment_of((axis.first_s + axis.last_s) / 2).astimezone(workspace.library.timezone)
        away = [abs(day.day - middle.date()) for day in days]
        self._dialog.show_days(days, away.index(min(away)) if away else 0)

    def _span(self, day: Day) -> tuple[float, float]:
        assert self._workspace is not None, "the dialog closes with the library"
        first, last = day.span(self._workspace.library.timezone)
        return first.timestamp(), last.timestamp()


def _read(workspace: Workspace) -> list[Day]:
    return days_of(workspace.library, lanes_of(workspace.catalog.cameras()))

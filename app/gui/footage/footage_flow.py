"""Add footage: looks at a folder, shows what was understood, and loads it as agreed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.core.clock import parse_zone
from app.core.errors import UsageError, UserFacingError
from app.gui.dialog_flow import DialogFlow
from app.gui.footage.footage_dialog import FootageDialog, FootageWishes
from app.gui.tasks import Task, TaskRunner
from app.language import tr
from app.services.ingest.ingest_options import IngestOptions
from app.services.ingest.survey import Survey, Surveying


class FootageFlow(DialogFlow[FootageDialog]):
    """One sheet at a time, over the open library.

    Signals:
        agreed: (paths, IngestOptions) to be loaded.
        watch_agreed: (folder, IngestOptions) to be watched from now on.

    Args:
        usual: how footage is loaded where nothing is changed.
    """

    agreed = Signal(object, object)
    watch_agreed = Signal(object, object)

    def __init__(self, tasks: TaskRunner, window: QWidget, usual: IngestOptions) -> None:
        super().__init__("survey", tasks, window)
        self._usual = usual
        self._paths: Sequence[Path] = ()
        self._options = usual
        self._task: Task | None = None
        self._is_stale = False  # what is shown is from before the last change

    def show(self, paths: Sequence[Path]) -> None:
        """Shows what is in folders or files, and asks whether it is to be loaded like this."""
        if self._workspace is None:
            return
        self._paths, self._options, self._is_stale = paths, self._usual, False
        zone = self._workspace.library.timezone
        dialog = FootageDialog(paths, self._usual.camera_by, zone, self._window)
        dialog.changed.connect(self._look_again)
        dialog.agreed.connect(self._agree)
        self._adopt(dialog)
        dialog.open()
        self._look()

    def _look(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._workspace is None or self._dialog is None:
            return
        job = self._workspace.survey(self._paths, self._options)
        task = self._tasks.start(self._lane, job, self._hear)
        task.failed.connect(lambda error: self._fail(task, error))
        self._task = task

    def _hear(self, event: Surveying | Survey) -> None:
        if self._dialog is None:
            return
        if isinstance(event, Survey):
            self._is_stale = False
            self._dialog.show_found(event)
        elif event.total:
            self._dialog.show_progress(event.done, event.total)

    def _look_again(self, wishes: FootageWishes) -> None:
        options = self._read(wishes)
        if options is not None and options != self._options:
            self._options, self._is_stale = options, True
            self._look()

    def _agree(self, wishes: FootageWishes) -> None:
        options = self._read(wishes)
        # Enter in a field agrees, too: not to what has not been seen yet.
        if options is not None and self._dialog is not None and not self._is_stale:
            paths = self._paths
            self._dialog.accept()
            self.agreed.emit(paths, options)
            for folder in paths if wishes.watch else ():
                if folder.is_dir():
                    self.watch_agreed.emit(folder, options)

    def _read(self, wishes: FootageWishes) -> IngestOptions | None:
        """What was typed; None, and the reason in the sheet, where it means nothing."""
        try:
            return replace(
                self._usual,
                camera_by=wishes.camera_by or self._usual.camera_by,
                zone=parse_zone(wishes.zone) if wishes.zone else None,
                rate_fps=_rate(wishes.rate),
                sub_streams=wishes.sub_streams,
            )
        except UserFacingError as error:
            if self._dialog is not None:
                self._dialog.show_problem(str(error))
            return None

    def _fail(self, task: Task, error: Exception) -> None:
        if task is not self._task or self._dialog is None:
            return
        if not isinstance(error, UserFacingError):
            self._dialog.reject()
        self._refuse(error)

    def _forget(self, dialog: FootageDialog) -> None:
        super()._forget(dialog)
        if self._dialog is None and self._task is not None:
            self._task.cancel()
            self._task = None


def _rate(text: str) -> float | None:
    try:
        rate = float(text) if text else None
    except ValueError:
        rate = 0.0
    if rate is not None and not 0.001 <= rate <= 1000:
        raise UsageError(
            tr('"{text}" is not a frame rate.', text=text),
            tr("Write frames a second, such as 12.5."),
        )
    return rate

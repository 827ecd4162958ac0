"""Footage that was moved: what is missing, where it is now, and the library's note of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.gui.dialog_flow import DialogFlow
from app.gui.footage.locate_dialog import LocateDialog
from app.gui.tasks import TaskRunner
from app.services.footage.relocation import MissingFootage, locate_footage, missing_footage

if TYPE_CHECKING:
    from app.services.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the disk has shown.

    Attributes:
        lost: what is missing.
        found: how many videos were found just before.
    """

    lost: Sequence[MissingFootage]
    found: int = 0


class LocateFlow(DialogFlow[LocateDialog]):
    """Shows what is missing, and takes the folder where it is now.

    Signals:
        located: videos have another place now.
    """

    located = Signal()

    def __init__(self, tasks: TaskRunner, window: QWidget) -> None:
        super().__init__("sources", tasks, window)

    def ask(self) -> None:
        """Opens the list of what is missing."""
        self._do(lambda it: Look(missing_footage(it.library)), self._show)

    def _show(self, look: Look) -> None:
        if self._workspace is not None:
            (self._dialog or self._open()).show_missing(look.lost, look.found)

    def _open(self) -> LocateDialog:
        dialog = LocateDialog(self._window)
        dialog.folder_chosen.connect(self._locate)
        self._adopt(dialog)
        dialog.open()
        return dialog

    def _locate(self, lost: MissingFootage, folder: Path) -> None:
        def locate(workspace: Workspace) -> Look:
            found = locate_footage(workspace.library, lost, folder)
            return Look(missing_footage(workspace.library), found)

        self._do(locate, self._take)

    def _take(self, look: Look) -> None:
        self._show(look)
        self.located.emit()

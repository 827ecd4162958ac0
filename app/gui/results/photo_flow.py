"""A picture from outside → who is in it → the one whom the user chooses is searched for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from app.core.boxes import frontmost_containing
from app.core.entities import FloatArray, Image
from app.core.queries import CropQuery, Query, examples
from app.gui.player.photo_panel import PhotoPanel
from app.gui.results.sought import BoxOfPhoto, as_array, as_qimage, in_picture
from app.language import tr
from app.services.footage.playback import PersonBox
from app.services.search.photo import Photo, is_crop

if TYPE_CHECKING:
    from app.gui.results.search_flow import SearchFlow
    from app.gui.tasks import TaskRunner
    from app.services.workspace import Workspace

LANE = "photo"


class PhotoFlow(QObject):
    """Shows photos, and searches for whoever is chosen in them. A crop is searched at once.

    Signals:
        shown: a photo stands in the player's place, or (False) no longer.
        offered: whether there is a photo to come back to.
    """

    shown = Signal(bool)
    offered = Signal(bool)

    def __init__(
        self, panel: PhotoPanel, tasks: TaskRunner, search: SearchFlow, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._panel, self._tasks, self._search = panel, tasks, search
        self._workspace: Workspace | None = None
        self._file: Path | None = None
        self._name = ""
        self._photo: Photo | None = None
        self._picture = QImage()
        self._boxes: list[FloatArray] = []  # of those who can be chosen; drawn ones come last
        self._found = 0  # how many of them the detector found
        self._queries: dict[int, CropQuery] = {}
        panel.clicked.connect(self._click)
        panel.behind_clicked.connect(self._choose)
        panel.box_drawn.connect(self._take_box)
        panel.left.connect(lambda: self.shown.emit(False))
        search.query_changed.connect(self._mark)

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none."""
        self._tasks.cancel(LANE)
        self._workspace = workspace
        self._forget()
        self.shown.emit(False)

    def open(self, picture: Path | QImage) -> None:
        """Searches for the person of a picture, of a file or pasted; in a photo, who is chosen."""
        workspace = self._workspace
        if workspace is None:
            return
        self._forget()
        self._file = picture if isinstance(picture, Path) else None
        self._name = tr("the pasted picture") if self._file is None else self._file.name
        job = _look(workspace, picture)
        self._tasks.replace(LANE, job, self._take).failed.connect(self._fail)

    def show_again(self) -> None:
        """Brings back the photo that was left."""
        if not self._picture.isNull():
            self.shown.emit(True)

    def _forget(self) -> None:
        self._photo, self._picture = None, QImage()
        self._boxes, self._queries, self._found = [], {}, 0
        self.offered.emit(False)

    def _take(self, event: Image | Photo) -> None:
        if not isinstance(event, Photo):
            self._picture = as_qimage(event)
            self._show(tr("Looking for people…"))
            self.offered.emit(True)
            self.shown.emit(True)
        elif event.is_crop:
            self._forget()
            self.shown.emit(False)
            assert event.only is not None, "a crop is one person"
            self._begin(event.query(event.only), event.only)
        else:
            self._photo, self._boxes = event, list(event.people.boxes)
            self._found = len(self._boxes)
            if event.only is not None:
                self._show(tr("One person was found. To search for another, Shift-drag a box."))
                self._choose(0)
            elif self._boxes:
                self._show(tr("Click the person to search for, or Shift-drag a box."))
            else:
                self._show(tr("Nobody was found. Shift-drag a box around the person."))

    def _show(self, hint: str) -> None:
        # Boxes that the user drew are dashed.
        people = [
            PersonBox(number, box, None, interpolated=number >= self._found)
            for number, box in enumerate(self._boxes)
        ]
        title = tr("Pasted picture") if self._file is None else self._name
        self._panel.show_photo(title, self._picture, people, hint)

    def _click(self, x_px: float, y_px: float) -> None:
        boxes = np.array(self._boxes, np.float32).reshape(-1, 4)
        number = frontmost_containing(boxes, x_px, y_px)
        if number is not None:
            self._panel.view.show_hint("")
            self._choose(number)
        elif self._photo is not None:
            self._panel.view.show_hint(tr("To search for somebody without a box, Shift-drag one."))

    def _take_box(self, box: FloatArray) -> None:
        if self._photo is not None:
            self._boxes.append(box)
            self._show("")
            self._choose(len(self._boxes) - 1)

    def _choose(self, number: int) -> None:
        """Searches for whoever is in a box; the others can be chosen next."""
        if self._photo is not None:
            box = self._boxes[number]
            query = self._queries.setdefault(number, self._photo.query(box))
            self._panel.view.set_highlighted(number)
            self._begin(query, box)

    def _begin(self, query: CropQuery, box: FloatArray) -> None:
        begun_with = None if self._file is None else BoxOfPhoto(str(self._file), *map(float, box))
        self._search.search(in_picture(query, self._name, begun_with))

    def _mark(self, query: Query) -> None:
        """Marks whose search is shown."""
        sought = examples(query)
        numbers = (number for number, each in self._queries.items() if each in sought)
        self._panel.view.set_highlighted(next(numbers, None))

    def _fail(self, error: Exception) -> None:
        if self._photo is None:
            self._forget()
            self.shown.emit(False)
        self._search.report(error)


def _look(workspace: Workspace, picture: Path | QImage) -> Iterator[Image | Photo]:
    """A job: a photo as soon as it is read, then who is in it."""
    image = workspace.read_picture(picture) if isinstance(picture, Path) else as_array(picture)
    if not is_crop(image):
        yield image
    yield workspace.photo_of(image)

"""Pictures of crops: read in a worker, kept as pixmaps, the longest unused forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageReader, QPixmap

if TYPE_CHECKING:
    from app.gui.tasks import Task, TaskRunner

LANE = "thumbnails"
READ_SIZE_PX = QSize(320, 480)
"""Larger crops are scaled down while they are read: enough for the largest tile."""

DEFAULT_BUDGET_BYTES = 96 * 1024 * 1024


@dataclass(slots=True)
class _Held:
    """A picture as it was read, and as it was last drawn."""

    whole: QPixmap
    fitted: QPixmap | None = None

    @property
    def cost_bytes(self) -> int:
        drawn = 0 if self.fitted is None else _bytes(self.fitted)
        return _bytes(self.whole) + drawn


class Thumbnails(QObject):
    """A bounded store of crop pictures, filled in the background.

    Signals:
        loaded: the path of a picture that can be drawn from now on.
    """

    loaded = Signal(object)

    def __init__(
        self,
        tasks: TaskRunner,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._budget_bytes = budget_bytes
        self._held_bytes = 0
        self._pictures: OrderedDict[Path, _Held] = OrderedDict()
        self._coming: set[Path] = set()
        self._task: Task | None = None

    def __len__(self) -> int:
        return len(self._pictures)

    def pixmap(self, path: Path, within: QSize) -> QPixmap | None:
        """A picture fitted into a size, in its own proportions.

        Args:
            path: the picture file.
            within: the room it has, in device pixels.

        Returns:
            None where it has not come yet, a null pixmap where the file cannot be read.
        """
        held = self._pictures.get(path)
        if held is None:
            return None
        self._pictures.move_to_end(path)
        if held.whole.isNull():
            return held.whole
        wanted = held.whole.size().scaled(within, Qt.AspectRatioMode.KeepAspectRatio)
        if held.fitted is None or held.fitted.size() != wanted:
            # Scaled once, not each time it is painted: that is what makes scrolling smooth.
            self._held_bytes -= held.cost_bytes
            held.fitted = held.whole.scaled(
                wanted,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            self._held_bytes += held.cost_bytes
        return held.fitted

    def want(self, paths: Sequence[Path]) -> None:
        """Has these pictures read, in this order; what was wanted before is given up."""
        missing = list(dict.fromkeys(path for path in paths if path not in self._pictures))
        if missing and self._coming.issuperset(missing):
            return
        self._drop_waiting()
        if missing:
            self._coming = set(missing)
            self._task = self._tasks.start(LANE, _read_all(missing), self._store)
            self._task.finished.connect(self._coming.clear)

    def clear(self) -> None:
        """Forgets every picture and stops reading."""
        self._drop_waiting()
        self._pictures.clear()
        self._held_bytes = 0

    def _drop_waiting(self) -> None:
        if self._task is not None and self._coming:
            self._task.cancel()
        self._task = None
        self._coming = set()

    def _store(self, read: tuple[Path, QImage]) -> None:
        path, image = read
        self._coming.discard(path)
        if path in self._pictures:
            return
        held = _Held(QPixmap.fromImage(image))
        self._pictures[path] = held
        self._held_bytes += held.cost_bytes
        while self._held_bytes > self._budget_bytes and len(self._pictures) > 1:
            _, oldest = self._pictures.popitem(last=False)
            self._held_bytes -= oldest.cost_bytes
        self.loaded.emit(path)


def _bytes(pixmap: QPixmap) -> int:
    return max(1, pixmap.width() * pixmap.height() * 4)


def _read_all(paths: Sequence[Path]) -> Iterator[tuple[Path, QImage]]:
    """A job: reads pictures one by one; one that cannot be read comes as a null image."""
    for path in paths:
        yield path, read_picture(path)


def read_picture(path: Path, within: QSize = READ_SIZE_PX) -> QImage:
    """A picture file, upright and scaled down to fit; a null image where it cannot be read."""
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and (size.width() > within.width() or size.height() > within.height()):
        reader.setScaledSize(size.scaled(within, Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    # The format that the painter draws without converting it again.
    return image if image.isNull() else image.convertToFormat(QImage.Format.Format_RGB32)

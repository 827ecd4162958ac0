"""What is dropped onto the window, as paths."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QImage

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def local_paths(mime: QMimeData) -> list[Path]:
    """The files and folders of this machine in a drop, in its order."""
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]


def is_picture(path: Path) -> bool:
    """Whether a path looks like a single picture."""
    return path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()


def picture_in(data: QMimeData) -> Path | QImage | None:
    """The one picture that is dropped or pasted: its file, or its pixels."""
    paths = local_paths(data)
    if paths:
        return paths[0] if len(paths) == 1 and is_picture(paths[0]) else None
    image = QImage(data.imageData()) if data.hasImage() else QImage()
    return None if image.isNull() else image

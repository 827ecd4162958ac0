"""What is dropped onto the window, as paths."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def local_paths(mime: QMimeData) -> list[Path]:
    """The files and folders of this machine in a drop, in its order."""
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]


def is_picture(path: Path) -> bool:
    """Whether a path looks like a single picture."""
    return path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()

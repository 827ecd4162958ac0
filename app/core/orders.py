"""Footage that is ordered: registered, and waiting for its turn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.entities import Video


@dataclass(frozen=True, slots=True)
class Ordered:
    """A video that was found in a folder and is to be registered.

    Attributes:
        path: the file; of an image sequence, its first picture.
        size_bytes: of all its files.
        mtime_ns: when the last of them was changed.
        left_out: why it is registered, but not read unless asked for, as a sentence; or empty.
    """

    path: Path
    camera: str
    size_bytes: int
    mtime_ns: int
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class WatchedFolder:
    """A folder whose new recordings are ordered as they arrive.

    Attributes:
        options: how, as plain values; see `app.services.ingest.ingest_options`.
    """

    folder: Path
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class QueuedVideo:
    """A video that waits to be ingested.

    Attributes:
        options: how, as plain values; see `app.services.ingest.ingest_options`.
        crashes: how often the program has crashed while it was read, since something of it was
            stored.
    """

    video: Video
    options: dict[str, Any]
    crashes: int = 0


def view_camera(camera: str, view: int) -> str:
    """The camera of one of several views in a file; the main one keeps the name."""
    return camera if view == 0 else f"{camera} view {view + 1}"

"""What every part of `Library` stands on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import NotFoundError
from app.language import tr
from app.storage.crop_files import CropFiles
from app.storage.database import Database
from app.storage.tables import CropRow, TrackletRow, VideoRow

_Item = TypeVar("_Item")
# SQLite takes at least 999 values in one statement, on every machine.
CHUNK = 900


class LibraryPart:
    """An open library, of which each part knows one theme.

    Attributes:
        folder: the library's folder, absolute.
    """

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self._database = database
        self._crop_files = CropFiles(folder)

    def _sweep_crops(self, video_id: int) -> None:
        """Deletes a video's crop files that have no row, once that is stored for good."""
        self._database.after_commit(lambda: self._sweep(video_id))

    def _sweep(self, video_id: int) -> None:
        self._crop_files.sweep(video_id, self._known_crops(video_id))

    def _known_crops(self, video_id: int) -> set[str]:
        """Paths in the library of a video's crops that have a row."""
        query = (
            select(CropRow.relative_path)
            .join(TrackletRow, CropRow.tracklet_id == TrackletRow.id)
            .where(TrackletRow.video_id == video_id)
        )
        with self._database.reading() as session:
            return set(session.scalars(query))


def absolute(path: Path) -> Path:
    """The path from the root of the file system, without `..`; links are not followed."""
    # With links followed, as by Path.resolve, a linked video would no longer lie below its root.
    return Path(os.path.abspath(path))  # noqa: PTH100


def chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """The items in lists short enough for SQL's `IN`."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def video_row(session: Session, video_id: int) -> VideoRow:
    """The row of a video.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(VideoRow, video_id)
    if row is None:
        raise NotFoundError(tr("There is no video {video_id} in this library.", video_id=video_id))
    return row


def tracklet_row(session: Session, tracklet_id: int) -> TrackletRow:
    """The row of a tracklet.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(TrackletRow, tracklet_id)
    if row is None:
        raise NotFoundError(
            tr("There is no tracklet {tracklet_id} in this library.", tracklet_id=tracklet_id)
        )
    return row

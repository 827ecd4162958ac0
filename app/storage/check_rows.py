"""The part of `Library` that looks for damage, and takes away what is damaged."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy import delete, select

from app.core.entities import VideoStatus
from app.core.errors import LibraryError, NotFoundError
from app.language import tr
from app.storage import trajectory_blob
from app.storage.crop_files import read_crop
from app.storage.library_part import LibraryPart
from app.storage.tables import CropRow, EmbeddingRow, QueueRow, TrackletRow, TrajectoryRow, VideoRow

_BATCH = 2000
_NORM_TOLERANCE = 1e-2


@dataclass(frozen=True, slots=True)
class CropFault:
    """A row of a crop whose picture cannot be shown.

    Attributes:
        reason: what is wrong, as a sentence.
    """

    crop_id: int
    tracklet_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class VectorFault:
    """A stored vector that would be found by every search, or by none."""

    tracklet_id: int
    embedder_id: str


class CheckRows(LibraryPart):
    """Damage: rows without files, files without rows, vectors without numbers."""

    def database_faults(self) -> list[str]:
        """What SQLite finds wrong with the database, as it says it; empty where it is whole."""
        with self._database.reading() as session:
            connection = session.connection()
            found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
            dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        faults = [] if found == ["ok"] else found
        return faults + [
            tr("a row of {row} refers to a missing row of {row2}", row=row[0], row2=row[2])
            for row in dangling
        ]

    def crop_faults(self) -> Iterator[list[CropFault]]:
        """Crops whose file is missing or no picture, some thousand rows at a time."""
        last = 0
        query = select(CropRow.id, CropRow.tracklet_id, CropRow.relative_path)
        while True:
            with self._database.reading() as session:
                chosen = query.where(CropRow.id > last).order_by(CropRow.id).limit(_BATCH)
                rows = session.execute(chosen).all()
            if not rows:
                return
            last = rows[-1][0]
            faults = []
            for crop_id, tracklet_id, path in rows:
                try:
                    read_crop(self._crop_files.path(path))
                except (NotFoundError, LibraryError) as error:
                    faults.append(CropFault(crop_id, tracklet_id, error.message))
            yield faults

    def drop_crops(self, faults: Collection[CropFault]) -> list[int]:
        """Deletes the rows of damaged crops of tracklets that have others.

        Returns:
            Tracklets that have no other crop: their rows stay.
        """
        bad = {fault.crop_id for fault in faults}
        hopeless = []
        with self._database.writing() as session:
            for tracklet_id in sorted({fault.tracklet_id for fault in faults}):
                crops = session.scalars(
                    select(CropRow).where(CropRow.tracklet_id == tracklet_id)
                ).all()
                good = [crop for crop in crops if crop.id not in bad]
                if not good:
                    hopeless.append(tracklet_id)
                    continue
                for crop in crops:
                    if crop.id in bad:
                        session.delete(crop)
                session.flush()
                if not any(crop.is_best for crop in good):
                    max(good, key=lambda crop: crop.quality).is_best = True
        return hopeless

    def count_stray_crops(self, *, delete_them: bool) -> int:
        """Crop files without a row; deletes them where that is wanted."""
        count = 0
        for video_id in self._crop_files.video_ids():
            known = self._known_crops(video_id)
            count += len(self._crop_files.strays(video_id, known))
            if delete_them:
                self._crop_files.sweep(video_id, known)
        return count

    def vector_faults(self) -> list[VectorFault]:
        """Vectors with numbers that are none, of a wrong length, or not of length 1."""
        sizes: dict[str, dict[int, int]] = {}
        faults: list[VectorFault] = []
        query = select(EmbeddingRow.tracklet_id, EmbeddingRow.embedder_id, EmbeddingRow.vector)
        with self._database.reading() as session:
            connection = session.connection()
            for pass_no in (1, 2):
                rows = connection.execute(query, execution_options={"yield_per": _BATCH})
                for tracklet_id, embedder_id, data in rows:
                    if pass_no == 1:
                        counts = sizes.setdefault(embedder_id, {})
                        counts[len(data)] = counts.get(len(data), 0) + 1
                        continue
                    counts = sizes[embedder_id]
                    usual = max(counts, key=lambda size: counts[size])
                    if len(data) != usual or not _is_unit(data):
                        faults.append(VectorFault(tracklet_id, embedder_id))
        return faults

    def drop_vectors(self, faults: Collection[VectorFault]) -> None:
        """Deletes vectors; a later re-embedding makes them anew."""
        with self._database.writing() as session:
            for fault in faults:
                session.execute(
                    delete(EmbeddingRow).where(
                        EmbeddingRow.tracklet_id == fault.tracklet_id,
                        EmbeddingRow.embedder_id == fault.embedder_id,
                    )
                )

    def incomplete_tracklets(self) -> list[int]:
        """Tracklets without readable boxes, or without a thumbnail."""
        best = select(CropRow.tracklet_id).where(CropRow.is_best)
        query = (
            select(TrackletRow.id, TrajectoryRow.data)
            .outerjoin(TrajectoryRow, TrajectoryRow.tracklet_id == TrackletRow.id)
            .order_by(TrackletRow.id)
        )
        with self._database.reading() as session:
            bare = set(session.scalars(select(TrackletRow.id).where(TrackletRow.id.not_in(best))))
            rows = session.connection().execute(query, execution_options={"yield_per": _BATCH})
            return sorted({each for each, data in rows if each in bare or not _has_boxes(data)})

    def unqueued_videos(self) -> list[int]:
        """Videos that are not through, and yet do not wait."""
        unfinished = [VideoStatus.PENDING, VideoStatus.INGESTING]
        with self._database.reading() as session:
            return list(
                session.scalars(
                    select(VideoRow.id).where(
                        VideoRow.status.in_(unfinished),
                        VideoRow.id.not_in(select(QueueRow.video_id)),
                    )
                )
            )


def _is_unit(data: bytes) -> bool:
    vector = np.frombuffer(data, "<f4") if len(data) % 4 == 0 else np.zeros(1, np.float32)
    return bool(abs(float(np.linalg.norm(vector)) - 1) < _NORM_TOLERANCE)  # NaN is no less


def _has_boxes(data: bytes | None) -> bool:
    if not data:
        return False
    try:
        return len(trajectory_blob.decode(data)) > 0
    except ValueError:
        return False

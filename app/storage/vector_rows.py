"""The part of `Library` that knows embeddings: a hundred thousand of them in under a second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Float, Row, Select, func, select, type_coerce

from app.core.entities import FloatArray, GalleryVectors
from app.storage.library_part import LibraryPart, chunks
from app.storage.tables import EmbeddingRow, TrackletRow, VideoRow

# Rows fetched at a time: keeps the bytes beside the array small.
_BATCH = 2048


class VectorRows(LibraryPart):
    """Embeddings of tracklets, keyed by embedder."""

    def vectors(self, embedder_id: str) -> GalleryVectors:
        """All vectors of one embedder by tracklet id; float32 (0, 0) where there are none."""
        counted = select(func.count()).where(EmbeddingRow.embedder_id == embedder_id)
        query = _gallery(embedder_id).order_by(EmbeddingRow.tracklet_id)
        with self._database.reading() as session:
            count = session.scalar(counted) or 0
            # The connection hands out rows without the session's book-keeping, a third faster.
            rows = session.connection().execute(query, execution_options={"yield_per": _BATCH})
            return _packed(rows.partitions(), count)

    def vector(self, tracklet_id: int, embedder_id: str) -> FloatArray | None:
        """One tracklet's vector, float32 (D,), or None where that embedder has made none."""
        with self._database.reading() as session:
            row = session.get(EmbeddingRow, (int(tracklet_id), embedder_id))
            return None if row is None else np.frombuffer(row.vector, "<f4").astype(np.float32)

    def vectors_of(self, tracklet_ids: Sequence[int], embedder_id: str) -> GalleryVectors:
        """Vectors of some tracklets in the order asked for; those without one are left out."""
        wanted = [int(tracklet_id) for tracklet_id in tracklet_ids]
        found: dict[int, Row[Any]] = {}
        with self._database.reading() as session:
            for some in chunks(wanted):
                query = _gallery(embedder_id).where(EmbeddingRow.tracklet_id.in_(some))
                found.update((row[0], row) for row in session.execute(query))
        rows = [found[tracklet_id] for tracklet_id in wanted if tracklet_id in found]
        return _packed([rows] if rows else [], len(rows))

    def tracklets_without_vector(self, embedder_id: str) -> list[int]:
        """Ids of the tracklets of which an embedder has made no vector yet, rising."""
        made = select(EmbeddingRow.tracklet_id).where(EmbeddingRow.embedder_id == embedder_id)
        query = select(TrackletRow.id).where(TrackletRow.id.not_in(made)).order_by(TrackletRow.id)
        with self._database.reading() as session:
            return list(session.scalars(query))

    def store_vectors(
        self, tracklet_ids: Sequence[int], vectors: FloatArray, embedder_id: str
    ) -> None:
        """Adds vectors of another embedder, in one transaction; older ones of it are replaced.

        Args:
            tracklet_ids: n stored tracklets; one that is gone meanwhile is passed over.
            vectors: float32 (n, D), L2-normalised.
            embedder_id: the network that made them.
        """
        if len(tracklet_ids) != len(vectors):
            raise ValueError(f"{len(tracklet_ids)} tracklets, but {len(vectors)} vectors")
        place = {int(tracklet_id): row for row, tracklet_id in enumerate(tracklet_ids)}
        with self._database.writing() as session:
            for some in chunks(list(place)):
                known = session.scalars(select(TrackletRow.id).where(TrackletRow.id.in_(some)))
                for tracklet_id in known.all():
                    data = np.ascontiguousarray(vectors[place[tracklet_id]], "<f4").tobytes()
                    session.merge(
                        EmbeddingRow(tracklet_id=tracklet_id, embedder_id=embedder_id, vector=data)
                    )


def _gallery(embedder_id: str) -> Select[Any]:
    """Tracklet id, camera id, POSIX seconds of the first and last box or null, vector."""
    start = type_coerce(VideoRow.start_utc, Float)
    return (
        select(
            EmbeddingRow.tracklet_id,
            VideoRow.camera_id,
            start + TrackletRow.first_time_s,
            start + TrackletRow.last_time_s,
            EmbeddingRow.vector,
        )
        .join(TrackletRow, EmbeddingRow.tracklet_id == TrackletRow.id)
        .join(VideoRow, TrackletRow.video_id == VideoRow.id)
        .where(EmbeddingRow.embedder_id == embedder_id)
    )


def _packed(batches: Iterable[Sequence[Row[Any]]], count: int) -> GalleryVectors:
    """Rows as arrays, filled in place so that the vectors exist only once."""
    ids = np.empty(count, np.int64)
    camera_ids = np.empty(count, np.int64)
    first_utc_s = np.empty(count, np.float64)
    last_utc_s = np.empty(count, np.float64)
    vectors = np.zeros((count, 0), np.float32)
    start = 0
    for batch in batches:
        some_ids, some_cameras, some_first, some_last, data = zip(*batch, strict=True)
        end = start + len(batch)
        if start == 0:
            vectors = np.empty((count, len(data[0]) // 4), np.float32)
        ids[start:end] = some_ids
        camera_ids[start:end] = some_cameras
        first_utc_s[start:end] = np.array(some_first, np.float64)  # None becomes NaN
        last_utc_s[start:end] = np.array(some_last, np.float64)
        vectors[start:end] = np.frombuffer(b"".join(data), "<f4").reshape(len(batch), -1)
        start = end
    return GalleryVectors(ids, camera_ids, first_utc_s, last_utc_s, vectors)

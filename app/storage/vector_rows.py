"""The part of `Library` that knows embeddings: a hundred thousand of them in under a second."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from app.core.entities import FloatArray, GalleryVectors, StartSource
from app.storage.camera_rows import camera_of
from app.storage.library_part import CHUNK, LibraryPart, chunks
from app.storage.tables import CameraRow, EmbeddingRow, TrackletRow, VideoRow

# Rows fetched at a time: a tenth of a second.
_BATCH = 4096


class VectorRows(LibraryPart):
    """Embeddings of tracklets, keyed by embedder."""

    def vector_batches(self, embedder_id: str, *, things: bool = False) -> Iterator[GalleryVectors]:
        """All vectors of one embedder by tracklet id, of people or of things, some thousand a time.

        All of them are as they were at the first; close the generator to stop early.
        """
        query = _gallery(embedder_id, things=things).order_by(EmbeddingRow.tracklet_id)
        with self._database.reading() as session:
            clocks = _clocks(session)
            # The connection hands out rows without the session's book-keeping, a third faster.
            rows = session.connection().execute(query, execution_options={"yield_per": _BATCH})
            for batch in rows.partitions():
                yield _packed(batch, clocks)

    def vector(self, tracklet_id: int, embedder_id: str) -> FloatArray | None:
        """One tracklet's vector, float32 (D,), or None where that embedder has made none."""
        with self._database.reading() as session:
            row = session.get(EmbeddingRow, (int(tracklet_id), embedder_id))
            return None if row is None else np.frombuffer(row.vector, "<f4").astype(np.float32)

    def vectors_by_embedder(self, tracklet_id: int) -> dict[str, FloatArray]:
        """One tracklet's vectors, float32 (D,), of all embedders."""
        query = select(EmbeddingRow).where(EmbeddingRow.tracklet_id == int(tracklet_id))
        with self._database.reading() as session:
            return {
                row.embedder_id: np.frombuffer(row.vector, "<f4").astype(np.float32)
                for row in session.scalars(query)
            }

    def vectors_of(self, tracklet_ids: Sequence[int], embedder_id: str) -> GalleryVectors:
        """Vectors of some tracklets in the order asked for.

        Tracklets that have none, or show no person, are left out.
        """
        wanted = [int(tracklet_id) for tracklet_id in tracklet_ids]
        found: dict[int, Row[*tuple[Any, ...]]] = {}
        with self._database.reading() as session:
            for some in chunks(wanted):
                query = _gallery(embedder_id).where(EmbeddingRow.tracklet_id.in_(some))
                found.update((row[0], row) for row in session.execute(query))
            clocks = _clocks(session, {row[2] for row in found.values()})
        rows = [found[tracklet_id] for tracklet_id in wanted if tracklet_id in found]
        return _packed(rows, clocks)

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


def _gallery(embedder_id: str, *, things: bool = False) -> Select[*tuple[Any, ...]]:
    """Tracklet id, camera id, video id, seconds into it of the first and last box, vector."""
    return (
        select(
            EmbeddingRow.tracklet_id,
            VideoRow.camera_id,
            VideoRow.id,
            TrackletRow.first_time_s,
            TrackletRow.last_time_s,
            EmbeddingRow.vector,
        )
        .join(TrackletRow, EmbeddingRow.tracklet_id == TrackletRow.id)
        .join(VideoRow, TrackletRow.video_id == VideoRow.id)
        .where(EmbeddingRow.embedder_id == embedder_id, TrackletRow.is_person.is_(not things))
    )


_Clock = tuple[float, float, bool]
"""Corrected POSIX seconds of a video's start (NaN if unknown) and of each second; not guessed."""


def _clocks(session: Session, video_ids: Collection[int] | None = None) -> dict[int, _Clock]:
    """By video id."""
    query = select(
        VideoRow.id, VideoRow.start_utc, VideoRow.start_local, VideoRow.start_source, CameraRow
    ).join(CameraRow, VideoRow.camera_id == CameraRow.id)
    if video_ids is not None and len(video_ids) <= CHUNK:
        query = query.where(VideoRow.id.in_(video_ids))
    clocks = {}
    for video_id, start, local, source, camera in session.execute(query):
        clock = camera_of(camera).clock
        began = math.nan if start is None else clock.corrected(clock.raw(start, local)).timestamp()
        known = start is not None and source != StartSource.FILE_TIME
        clocks[video_id] = (began, clock.rate, known)
    return clocks


def _packed(rows: Sequence[Row[*tuple[Any, ...]]], clocks: Mapping[int, _Clock]) -> GalleryVectors:
    """Rows as arrays; vectors float32 (0, 0) where there are none."""
    if not rows:
        no_ids, no_times = np.empty(0, np.int64), np.empty(0, np.float64)
        no_vectors, unknown = np.zeros((0, 0), np.float32), np.empty(0, np.bool_)
        return GalleryVectors(no_ids, no_ids, no_times, no_times, unknown, no_vectors)
    ids, cameras, videos, first, last, data = zip(*rows, strict=True)
    began, rate, known = np.array([clocks[video_id] for video_id in videos], np.float64).T
    return GalleryVectors(
        np.array(ids, np.int64),
        np.array(cameras, np.int64),
        began + rate * np.array(first, np.float64),
        began + rate * np.array(last, np.float64),
        known > 0,
        np.frombuffer(b"".join(data), "<f4").reshape(len(rows), -1).astype(np.float32),
    )

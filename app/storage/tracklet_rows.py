"""The part of `Library` that knows tracklets, their trajectories and their crops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Select, insert, select
from sqlalchemy.orm import Session

from app.core.entities import Crop, FinishedTrack, FloatArray, StoredCrop, Tracklet, Trajectory
from app.core.errors import NotFoundError
from app.storage import trajectory_blob
from app.storage.faults import damaged
from app.storage.library_part import LibraryPart, chunks, tracklet_row, video_row
from app.storage.tables import CropRow, EmbeddingRow, TrackletRow, TrajectoryRow, VideoRow


class TrackletRows(LibraryPart):
    """Tracklets, trajectories, crops."""

    def store_tracklets(
        self,
        video_id: int,
        tracks: Sequence[FinishedTrack],
        vectors: FloatArray,
        embedder_id: str,
    ) -> list[Tracklet]:
        """Stores finished tracks with all that belongs to them: every one of them, or none.

        Args:
            video_id: the video they were seen in.
            tracks: each with at least one crop, and a number that no other tracklet of the video
                has.
            vectors: float32 (n, D), L2-normalised, one for each track.
            embedder_id: the embedder that made the vectors.

        Returns:
            The tracklets, in the order of `tracks`.

        Raises:
            NotFoundError: there is no video of that id.
            LibraryError: the disk is full or cannot be written.
        """
        if vectors.ndim != 2 or len(vectors) != len(tracks) or vectors.dtype != "float32":
            raise ValueError(
                f"{len(tracks)} tracks need as many float32 vectors, "
                f"got {vectors.dtype} of shape {vectors.shape}"
            )
        if not np.isfinite(vectors).all():
            raise ValueError("a vector that is not finite would be found by every search or none")
        if not tracks:
            return []
        with self._database.reading() as session:
            video_row(session, video_id)
        written: list[str] = []
        try:
            crop_paths: list[list[str]] = []
            for track in tracks:
                crop_paths.append([])
                for path in self._crop_files.write(video_id, track.track_id, track.crops):
                    written.append(path)
                    crop_paths[-1].append(path)
            with self._database.writing() as session:
                rows = _add_tracklets(session, video_id, tracks)
                _add_crops(session, rows, tracks, crop_paths)
                _add_vectors(session, rows, vectors, embedder_id)
                session.flush()
                ids = [row.id for row in rows]
        except Exception:
            # Not after Ctrl-C, which may strike when the rows are in already: the next rewind or
            # opening deletes the files, if they have no rows.
            self._crop_files.delete(written)
            raise
        return self.tracklets(ids)

    def tracklet(self, tracklet_id: int) -> Tracklet:
        """One tracklet.

        Raises:
            NotFoundError: there is none of that id.
        """
        found = self.tracklets([tracklet_id])
        if not found:
            raise NotFoundError(f"There is no tracklet {tracklet_id} in this library.")
        return found[0]

    def tracklets(self, tracklet_ids: Sequence[int]) -> list[Tracklet]:
        """Tracklets in the order asked for; unknown ids are left out."""
        wanted = [int(tracklet_id) for tracklet_id in tracklet_ids]  # NumPy's are unknown to SQL
        found: dict[int, Tracklet] = {}
        with self._database.reading() as session:
            for some in chunks(wanted):
                query = _with_thumbnail().where(TrackletRow.id.in_(some))
                for row, camera_id, best in session.execute(query):
                    found[row.id] = self._tracklet(row, camera_id, best)
        return [found[tracklet_id] for tracklet_id in wanted if tracklet_id in found]

    def tracklets_of(self, video_id: int) -> list[Tracklet]:
        """All tracklets of a video, by first time."""
        query = _with_thumbnail().where(TrackletRow.video_id == video_id)
        with self._database.reading() as session:
            rows = session.execute(query.order_by(TrackletRow.first_time_s, TrackletRow.number))
            return [self._tracklet(row, camera_id, best) for row, camera_id, best in rows]

    def trajectory(self, tracklet_id: int) -> Trajectory:
        """Every box of a tracklet.

        Raises:
            NotFoundError: there is no tracklet of that id.
        """
        with self._database.reading() as session:
            tracklet_row(session, tracklet_id)
            row = session.get(TrajectoryRow, tracklet_id)
            return self._trajectory(tracklet_id, b"" if row is None else row.data)

    def trajectories_between(
        self, video_id: int, from_s: float, to_s: float
    ) -> list[tuple[Tracklet, Trajectory]]:
        """Tracklets of a video that are seen between two times, with all their boxes.

        Args:
            video_id: the video.
            from_s: a tracklet that ends at this time is among them.
            to_s: a tracklet that begins at this time is among them.

        Returns:
            By first time.
        """
        query = (
            _with_thumbnail()
            .add_columns(TrajectoryRow.data)
            .join(TrajectoryRow, TrajectoryRow.tracklet_id == TrackletRow.id)
            .where(
                TrackletRow.video_id == video_id,
                TrackletRow.first_time_s <= to_s,
                TrackletRow.last_time_s >= from_s,
            )
        )
        with self._database.reading() as session:
            rows = session.execute(query.order_by(TrackletRow.first_time_s, TrackletRow.number))
            return [
                (self._tracklet(row, camera_id, best), self._trajectory(row.id, data))
                for row, camera_id, best, data in rows
            ]

    def crops(self, tracklet_id: int) -> list[StoredCrop]:
        """All crops of a tracklet, in order of time.

        Raises:
            NotFoundError: there is no tracklet of that id.
        """
        query = select(CropRow).where(CropRow.tracklet_id == tracklet_id)
        with self._database.reading() as session:
            tracklet_row(session, tracklet_id)
            rows = session.scalars(query.order_by(CropRow.time_s, CropRow.frame_index))
            return [self._crop(row) for row in rows]

    def _tracklet(self, row: TrackletRow, camera_id: int, best: CropRow) -> Tracklet:
        return Tracklet(
            id=row.id,
            video_id=row.video_id,
            camera_id=camera_id,
            number=row.number,
            first_time_s=row.first_time_s,
            last_time_s=row.last_time_s,
            thumbnail=self._crop(best),
            identity_id=row.identity_id,
        )

    def _crop(self, row: CropRow) -> StoredCrop:
        return StoredCrop(
            path=self._crop_files.path(row.relative_path),
            frame_index=row.frame_index,
            time_s=row.time_s,
            box=row.box,
            quality=row.quality,
        )

    def _trajectory(self, tracklet_id: int, data: bytes) -> Trajectory:
        try:
            return trajectory_blob.decode(data)
        except ValueError as error:
            raise damaged(self.folder, f"tracklet {tracklet_id} has no readable boxes") from error


def _with_thumbnail() -> Select[TrackletRow, int, CropRow]:
    return (
        select(TrackletRow, VideoRow.camera_id, CropRow)
        .join(VideoRow, TrackletRow.video_id == VideoRow.id)
        .join(CropRow, (CropRow.tracklet_id == TrackletRow.id) & CropRow.is_best)
    )


def _add_tracklets(
    session: Session, video_id: int, tracks: Sequence[FinishedTrack]
) -> list[TrackletRow]:
    rows = [
        TrackletRow(
            video_id=video_id,
            number=track.track_id,
            first_time_s=float(track.trajectory.time_s[0]),
            last_time_s=float(track.trajectory.time_s[-1]),
        )
        for track in tracks
    ]
    session.add_all(rows)
    session.flush()
    boxes = [
        {"tracklet_id": row.id, "data": trajectory_blob.encode(track.trajectory)}
        for row, track in zip(rows, tracks, strict=True)
    ]
    session.execute(insert(TrajectoryRow), boxes)
    return rows


def _add_crops(
    session: Session,
    rows: Sequence[TrackletRow],
    tracks: Sequence[FinishedTrack],
    paths: Sequence[Sequence[str]],
) -> None:
    for row, track, track_paths in zip(rows, tracks, paths, strict=True):
        best = _best(track.crops)
        session.add_all(
            CropRow(
                tracklet_id=row.id,
                relative_path=path,
                frame_index=crop.frame_index,
                time_s=crop.time_s,
                box=crop.box,
                quality=crop.quality,
                is_best=crop is best,
            )
            for crop, path in zip(track.crops, track_paths, strict=True)
        )


def _best(crops: Sequence[Crop]) -> Crop:
    """The thumbnail: the earliest of the highest quality."""
    if not crops:
        raise ValueError("a tracklet needs at least one crop")
    return max(crops, key=lambda crop: crop.quality)


def _add_vectors(
    session: Session, rows: Sequence[TrackletRow], vectors: FloatArray, embedder_id: str
) -> None:
    session.execute(
        insert(EmbeddingRow),
        [
            {
                "tracklet_id": row.id,
                "embedder_id": embedder_id,
                "vector": vector.astype("<f4").tobytes(),
            }
            for row, vector in zip(rows, vectors, strict=True)
        ],
    )

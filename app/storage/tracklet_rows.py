"""The part of `Library` that knows tracklets, their trajectories and their crops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import Select, delete, func, insert, select, text
from sqlalchemy.orm import Session

from app.core.chapters import TrackletPart, joined
from app.core.entities import Crop, FloatArray, Image, StoredCrop, Tracklet, Trajectory
from app.core.errors import NotFoundError
from app.language import tr
from app.storage import trajectory_blob
from app.storage.crop_files import read_crop
from app.storage.faults import damaged
from app.storage.library_part import LibraryPart, chunks, tracklet_row, video_row
from app.storage.split_rows import best_crop
from app.storage.tables import (
    CropRow,
    EmbeddingRow,
    TrackletRow,
    TrajectoryRow,
    VideoRow,
)


class TrackletRows(LibraryPart):
    """Tracklets, trajectories, crops."""

    def store_tracklets(
        self,
        video_id: int,
        parts: Sequence[TrackletPart],
        vectors: FloatArray,
        embedder_id: str,
    ) -> list[Tracklet]:
        """Stores tracklets, or how they go on, with all that belongs to it: everything, or nothing.

        Args:
            video_id: the video they were seen in.
            parts: each of another tracklet. One whose number is stored goes on: its boxes are
                added, its crops are those named and the new ones, and its vector is replaced;
                vectors that other embedders made of it are deleted.
            vectors: float32 (n, D), L2-normalised, one for each part.
            embedder_id: the embedder that made the vectors.

        Returns:
            The tracklets, in the order of `parts`.

        Raises:
            NotFoundError: there is no video of that id.
            LibraryError: the disk is full or cannot be written.
        """
        if vectors.ndim != 2 or len(vectors) != len(parts) or vectors.dtype != "float32":
            raise ValueError(
                f"{len(parts)} tracklets need as many float32 vectors, "
                f"got {vectors.dtype} of shape {vectors.shape}"
            )
        if not np.isfinite(vectors).all():
            raise ValueError("a vector that is not finite would be found by every search or none")
        with self._database.reading() as session:
            video_row(session, video_id)
        written: list[str] = []
        try:
            crop_paths: list[list[str]] = []
            for part in parts:
                crop_paths.append([])
                for path in self._crop_files.write(video_id, part.number, part.crops):
                    written.append(path)
                    crop_paths[-1].append(path)
            with self._database.writing() as session:
                rows = [_tracklet_of(session, video_id, part) for part in parts]
                session.flush()
                dropped = _update_crops(session, rows, parts, crop_paths)
                self._database.after_commit(lambda: self._crop_files.delete(dropped))
                _add_vectors(session, rows, vectors, embedder_id)
                session.flush()
                ids = [row.id for row in rows]
        except Exception:
            # Not after Ctrl-C, which may strike when the rows are in already: the next rewind or
            # opening deletes the files, if they have no rows.
            self._crop_files.delete(written)
            raise
        return self.tracklets(ids)

    def replace_tracklets(
        self,
        video_id: int,
        replaced: Sequence[int],
        parts: Sequence[TrackletPart],
        vectors: FloatArray,
        embedder_id: str,
    ) -> None:
        """Puts tracklets in the place of others that show the same boxes, in one transaction.

        Args:
            video_id: their video.
            replaced: ids of the tracklets that are deleted.
            parts: the new ones, of numbers that no tracklet of the video has; their crops are crops
                of the replaced ones, whose files they take over.
            vectors: float32 (n, D), L2-normalised, one for each part.
            embedder_id: the embedder that made the vectors.
        """
        with self._database.writing() as session:
            stored: list[CropRow] = []
            for some in chunks([int(each) for each in replaced]):
                query = select(CropRow).where(CropRow.tracklet_id.in_(some))
                stored += session.scalars(query).all()
            crops = {(crop.frame_index, crop.box.tobytes()): crop for crop in stored}
            rows = [_tracklet_of(session, video_id, part) for part in parts]
            for crop in stored:
                crop.is_best = False  # two must not be at any time
            session.flush()
            for row, part in zip(rows, parts, strict=True):
                taken = [crops[crop.frame_index, crop.box.tobytes()] for crop in part.crops]
                for crop in taken:
                    crop.tracklet_id = row.id
                best_crop(taken).is_best = True
            session.flush()
            for some in chunks([int(each) for each in replaced]):
                session.execute(delete(TrackletRow).where(TrackletRow.id.in_(some)))
            _add_vectors(session, rows, vectors, embedder_id)
            self._database.after_commit(lambda: self._sweep_crops(video_id))

    def tracklet(self, tracklet_id: int) -> Tracklet:
        """One tracklet.

        Raises:
            NotFoundError: there is none of that id.
        """
        found = self.tracklets([tracklet_id])
        if not found:
            raise NotFoundError(
                tr("There is no tracklet {tracklet_id} in this library.", tracklet_id=tracklet_id)
            )
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
        """All tracklets of a video, those of things among them, by first time."""
        query = _with_thumbnail().where(TrackletRow.video_id == video_id)
        with self._database.reading() as session:
            rows = session.execute(query.order_by(TrackletRow.first_time_s, TrackletRow.number))
            return [self._tracklet(row, camera_id, best) for row, camera_id, best in rows]

    def add_crops(self, tracklet_id: int, crops: Sequence[Crop]) -> None:
        """Adds pictures to a tracklet, of frames of which it has none; its thumbnail stays.

        Raises:
            NotFoundError: there is no tracklet of that id.
            LibraryError: the disk is full or cannot be written.
        """
        with self._database.writing() as session:
            row = tracklet_row(session, tracklet_id)
            paths = self._crop_files.write(row.video_id, row.number, crops)
            session.add_all(
                _crop_row(row, crop, path) for crop, path in zip(crops, paths, strict=True)
            )

    def next_tracklet_id(self) -> int:
        """The id that the next new tracklet gets; hold it inside a transaction that stores it."""
        with self._database.writing() as session:
            query = text("SELECT seq FROM sqlite_sequence WHERE name = 'tracklets'")
            return 1 + (session.execute(query).scalar() or 0)

    def things(self) -> list[Tracklet]:
        """All tracklets of which the user said that they show no person, by video and time."""
        query = _with_thumbnail().where(TrackletRow.is_person.is_(False))
        with self._database.reading() as session:
            rows = session.execute(query.order_by(TrackletRow.video_id, TrackletRow.first_time_s))
            return [self._tracklet(row, camera_id, best) for row, camera_id, best in rows]

    def tracklets_of_person(self, identity_id: int) -> list[Tracklet]:
        """All tracklets of an identity, by video and first time."""
        query = _with_thumbnail().where(TrackletRow.identity_id == identity_id)
        with self._database.reading() as session:
            rows = session.execute(query.order_by(TrackletRow.video_id, TrackletRow.first_time_s))
            return [self._tracklet(row, camera_id, best) for row, camera_id, best in rows]

    def sightings_by_person(self) -> dict[int, int]:
        """How many tracklets each identity has; those without any are left out."""
        query = select(TrackletRow.identity_id, func.count()).group_by(TrackletRow.identity_id)
        with self._database.reading() as session:
            rows = session.execute(query.where(TrackletRow.identity_id.is_not(None)))
            return {identity_id: count for identity_id, count in rows if identity_id is not None}

    def last_tracklet(self, video_id: int) -> tuple[int, float]:
        """The highest number of a video's tracklets and their last time in s; 0, -1 without any."""
        query = select(func.max(TrackletRow.number), func.max(TrackletRow.last_time_s))
        with self._database.reading() as session:
            number, last_s = session.execute(query.where(TrackletRow.video_id == video_id)).one()
            return (number, last_s) if number else (0, -1.0)

    def trajectory(self, tracklet_id: int) -> Trajectory:
        """Every box of a tracklet.

        Raises:
            NotFoundError: there is no tracklet of that id.
        """
        with self._database.reading() as session:
            tracklet_row(session, tracklet_id)
            query = select(TrajectoryRow.data).where(TrajectoryRow.tracklet_id == tracklet_id)
            parts = session.scalars(query.order_by(TrajectoryRow.part)).all()
            return self._trajectory(tracklet_id, parts)

    def trajectories_between(
        self, video_id: int, from_s: float, to_s: float
    ) -> list[tuple[Tracklet, Trajectory]]:
        """Tracklets of a video that are seen between two times and show a person, with their boxes.

        Boxes are stored in parts of some seconds: those of a part are all there or none is.

        Args:
            video_id: the video.
            from_s: a tracklet that ends at this time is among them.
            to_s: a tracklet that begins at this time is among them.

        Returns:
            By first time.
        """
        there = (
            TrackletRow.video_id == video_id,
            TrackletRow.first_time_s <= to_s,
            TrackletRow.last_time_s >= from_s,
            TrackletRow.is_person,
        )
        parts: dict[int, list[bytes]] = defaultdict(list)
        with self._database.reading() as session:
            boxes = (
                select(TrajectoryRow.tracklet_id, TrajectoryRow.data)
                .join(TrackletRow, TrajectoryRow.tracklet_id == TrackletRow.id)
                .where(
                    *there, TrajectoryRow.first_time_s <= to_s, TrajectoryRow.last_time_s >= from_s
                )
                .order_by(TrajectoryRow.tracklet_id, TrajectoryRow.part)
            )
            for tracklet_id, data in session.execute(boxes):
                parts[tracklet_id].append(data)
            rows = session.execute(
                _with_thumbnail()
                .where(*there)
                .order_by(TrackletRow.first_time_s, TrackletRow.number)
            )
            return [
                (self._tracklet(row, camera_id, best), self._trajectory(row.id, parts[row.id]))
                for row, camera_id, best in rows
                if row.id in parts
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

    def crop_paths(self, tracklet_ids: Sequence[int]) -> dict[int, list[Path]]:
        """Where the crops of some tracklets are, each tracklet's in order of time."""
        found: dict[int, list[Path]] = defaultdict(list)
        with self._database.reading() as session:
            for some in chunks([int(each) for each in tracklet_ids]):
                query = select(CropRow.tracklet_id, CropRow.relative_path).where(
                    CropRow.tracklet_id.in_(some)
                )
                rows = session.execute(query.order_by(CropRow.time_s, CropRow.frame_index))
                for tracklet_id, path in rows:
                    found[tracklet_id].append(self._crop_files.path(path))
        return dict(found)

    def crop(self, path: Path) -> Image:
        """The pixels of a stored crop, RGB uint8 (h, w, 3).

        Args:
            path: see `StoredCrop.path`.

        Raises:
            NotFoundError: the file is gone.
            LibraryError: it cannot be read or is no picture.
        """
        return read_crop(path)

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
            is_person=row.is_person,
        )

    def _crop(self, row: CropRow) -> StoredCrop:
        return StoredCrop(
            path=self._crop_files.path(row.relative_path),
            frame_index=row.frame_index,
            time_s=row.time_s,
            box=row.box,
            quality=row.quality,
        )

    def _trajectory(self, tracklet_id: int, parts: Sequence[bytes]) -> Trajectory:
        """The boxes of parts that follow one another."""
        try:
            return joined([trajectory_blob.decode(data) for data in parts])
        except ValueError as error:
            raise damaged(
                self.folder,
                tr("tracklet {tracklet_id} has no readable boxes", tracklet_id=tracklet_id),
            ) from error


def _with_thumbnail() -> Select[TrackletRow, int, CropRow]:
    return (
        select(TrackletRow, VideoRow.camera_id, CropRow)
        .join(VideoRow, TrackletRow.video_id == VideoRow.id)
        .join(CropRow, (CropRow.tracklet_id == TrackletRow.id) & CropRow.is_best)
    )


def _tracklet_of(session: Session, video_id: int, part: TrackletPart) -> TrackletRow:
    """The row of a tracklet, made or brought up to date, with its boxes."""
    first_s, last_s = float(part.trajectory.time_s[0]), float(part.trajectory.time_s[-1])
    row = session.scalar(
        select(TrackletRow).where(
            TrackletRow.video_id == video_id, TrackletRow.number == part.number
        )
    )
    if row is None:
        if not part.crops:
            raise ValueError("a tracklet needs at least one crop")
        row = TrackletRow(
            video_id=video_id, number=part.number, first_time_s=first_s, last_time_s=last_s
        )
        session.add(row)
        session.flush()
        number = 0
    else:
        if first_s <= row.last_time_s:
            raise ValueError(f"tracklet {part.number} of video {video_id} is stored already")
        row.last_time_s = last_s
        number = session.execute(
            select(func.max(TrajectoryRow.part) + 1).where(TrajectoryRow.tracklet_id == row.id)
        ).scalar_one()
    session.add(
        TrajectoryRow(
            tracklet_id=row.id,
            part=number,
            first_time_s=first_s,
            last_time_s=last_s,
            data=trajectory_blob.encode(part.trajectory),
        )
    )
    return row


def _update_crops(
    session: Session,
    rows: Sequence[TrackletRow],
    parts: Sequence[TrackletPart],
    paths: Sequence[Sequence[str]],
) -> list[str]:
    """Adds each part's crops and deletes those that do not stay; returns the files of these."""
    dropped: list[str] = []
    for row, part, part_paths in zip(rows, parts, paths, strict=True):
        stored = session.scalars(select(CropRow).where(CropRow.tracklet_id == row.id)).all()
        for crop_row in stored:
            if crop_row.frame_index in part.kept_frames:
                crop_row.is_best = False  # two must not be at any time
            else:
                dropped.append(crop_row.relative_path)
                session.delete(crop_row)
        session.flush()
        kept = [crop_row for crop_row in stored if crop_row.frame_index in part.kept_frames]
        kept += [
            _crop_row(row, crop, path) for crop, path in zip(part.crops, part_paths, strict=True)
        ]
        best_crop(kept).is_best = True
        session.add_all(kept)
    return dropped


def _crop_row(row: TrackletRow, crop: Crop, path: str) -> CropRow:
    return CropRow(
        tracklet_id=row.id,
        relative_path=path,
        frame_index=crop.frame_index,
        time_s=crop.time_s,
        box=crop.box,
        quality=crop.quality,
        is_best=False,
    )


def _add_vectors(
    session: Session, rows: Sequence[TrackletRow], vectors: FloatArray, embedder_id: str
) -> None:
    ids = [row.id for row in rows]
    for some in chunks(ids):
        session.execute(delete(EmbeddingRow).where(EmbeddingRow.tracklet_id.in_(some)))
    if not ids:
        return
    session.execute(
        insert(EmbeddingRow),
        [
            {
                "tracklet_id": tracklet_id,
                "embedder_id": embedder_id,
                "vector": vector.astype("<f4").tobytes(),
            }
            for tracklet_id, vector in zip(ids, vectors, strict=True)
        ],
    )

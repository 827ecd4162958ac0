"""A tracklet becomes two, or one again: rows of boxes, crops and vectors."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core.entities import FloatArray, Trajectory
from app.core.journal import SplitChange
from app.storage import trajectory_blob
from app.storage.library_part import tracklet_row
from app.storage.tables import CropRow, EmbeddingRow, TrackletRow, TrajectoryRow


def packed_split(split: SplitChange) -> dict[str, Any]:
    """As plain values for JSON."""
    return {
        "ids": [int(split.tracklet_id), int(split.new_id)],
        "number": split.number,
        "time_s": split.time_s,
        "new_is_later": split.new_is_later,
        "before": {each: _text(vector) for each, vector in split.before.items()},
        "embedder_id": split.embedder_id,
        "after": [_text(vector) for vector in split.after],
    }


def unpacked_split(packed: dict[str, Any]) -> SplitChange:
    """What `packed_split` packed."""
    kept_id, new_id = packed["ids"]
    kept, new = packed["after"]
    return SplitChange(
        kept_id,
        new_id,
        packed["number"],
        packed["time_s"],
        packed["new_is_later"],
        {each: _vector(text) for each, text in packed["before"].items()},
        packed["embedder_id"],
        (_vector(kept), _vector(new)),
    )


def split(session: Session, change: SplitChange) -> None:
    """Cuts a tracklet in two; raises NotFoundError if it is gone."""
    old = tracklet_row(session, change.tracklet_id)
    new = TrackletRow(
        id=change.new_id,
        video_id=old.video_id,
        number=change.number,
        first_time_s=old.first_time_s,
        last_time_s=old.last_time_s,
        is_person=old.is_person,
    )
    session.add(new)
    session.flush()
    parts = _taken_parts(session, [old.id])
    crops = _taken_crops(session, [old.id])
    for row, is_new in ((old, False), (new, True)):
        is_later = is_new is change.new_is_later
        cut = [_rows_of(part, (part.time_s >= change.time_s) == is_later) for part in parts]
        _put_parts(session, row, [part for part in cut if len(part)])
        _put_crops(session, row, [c for c in crops if (c.time_s >= change.time_s) is is_later])
    _put_vectors(session, old.id, {change.embedder_id: change.after[0]})
    _put_vectors(session, new.id, {change.embedder_id: change.after[1]})


def join(session: Session, change: SplitChange) -> None:
    """Makes one of both parts again; does nothing where one is gone, as after another ingest."""
    old, new = (session.get(TrackletRow, each) for each in (change.tracklet_id, change.new_id))
    if old is None or new is None:
        return
    ids = [old.id, new.id]
    parts = sorted(_taken_parts(session, ids), key=lambda part: float(part.time_s[0]))
    _put_parts(session, old, parts)
    _put_crops(session, old, _taken_crops(session, ids))
    _put_vectors(session, old.id, change.before)
    session.delete(new)
    session.flush()


def _rows_of(part: Trajectory, rows: NDArray[np.bool_]) -> Trajectory:
    return Trajectory(
        part.frame_index[rows], part.time_s[rows], part.boxes[rows], part.scores[rows]
    )


def _taken_parts(session: Session, ids: Sequence[int]) -> list[Trajectory]:
    query = select(TrajectoryRow).where(TrajectoryRow.tracklet_id.in_(ids))
    rows = session.scalars(query.order_by(TrajectoryRow.tracklet_id, TrajectoryRow.part)).all()
    parts = [trajectory_blob.decode(row.data) for row in rows]
    session.execute(delete(TrajectoryRow).where(TrajectoryRow.tracklet_id.in_(ids)))
    return parts


def _put_parts(session: Session, row: TrackletRow, parts: Sequence[Trajectory]) -> None:
    for number, part in enumerate(parts):
        session.add(
            TrajectoryRow(
                tracklet_id=row.id,
                part=number,
                first_time_s=float(part.time_s[0]),
                last_time_s=float(part.time_s[-1]),
                data=trajectory_blob.encode(part),
            )
        )
    row.first_time_s, row.last_time_s = float(parts[0].time_s[0]), float(parts[-1].time_s[-1])
    session.flush()


def _taken_crops(session: Session, ids: Sequence[int]) -> list[CropRow]:
    crops = list(session.scalars(select(CropRow).where(CropRow.tracklet_id.in_(ids))))
    for crop in crops:
        crop.is_best = False  # two must not be at any time
    session.flush()
    return crops


def _put_crops(session: Session, row: TrackletRow, crops: Sequence[CropRow]) -> None:
    for crop in crops:
        crop.tracklet_id = row.id
    best_crop(crops).is_best = True
    session.flush()


def best_crop(crops: Sequence[CropRow]) -> CropRow:
    """The thumbnail: the earliest of the highest quality."""
    return min(crops, key=lambda crop: (-crop.quality, crop.frame_index))


def _put_vectors(session: Session, tracklet_id: int, vectors: dict[str, FloatArray]) -> None:
    session.execute(delete(EmbeddingRow).where(EmbeddingRow.tracklet_id == tracklet_id))
    for embedder_id, vector in vectors.items():
        data = vector.astype("<f4").tobytes()
        session.add(EmbeddingRow(tracklet_id=tracklet_id, embedder_id=embedder_id, vector=data))
    session.flush()


def _text(vector: FloatArray) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")


def _vector(text: str) -> FloatArray:
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32)

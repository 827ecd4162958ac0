"""What a chapter of a video adds: parts of tracks, parts of tracklets, and where to go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.core.entities import Crop, Trajectory


@dataclass(frozen=True, slots=True, eq=False)
class TrackPart:
    """What a track added in one chapter.

    Attributes:
        track_id: the tracker's number.
        crops: in order of time, at least one.
        alive: whether the track may go on.
    """

    track_id: int
    trajectory: Trajectory
    crops: tuple[Crop, ...]
    alive: bool


@dataclass(frozen=True, slots=True, eq=False)
class TrackletPart:
    """A tracklet, or what comes after the part of it that is stored.

    Attributes:
        number: the tracklet's number within its video; one that is stored goes on.
        crops: new crops in order of time; a new tracklet needs at least one.
        kept_frames: frames of the stored crops that stay; the others are deleted.
    """

    number: int
    trajectory: Trajectory
    crops: tuple[Crop, ...]
    kept_frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where an interrupted ingest may go on: all before this analysed frame is stored.

    Attributes:
        time_s: time of the frame.
        frame_index: its number, from 0.
        state: what the stages knew there, see `app.core.array_file`; empty: nothing.
    """

    time_s: float
    frame_index: int
    state: bytes = b""


def joined(parts: Sequence[Trajectory]) -> Trajectory:
    """Trajectories that follow one another as one.

    Raises:
        ValueError: there are none.
    """
    return Trajectory(
        np.concatenate([part.frame_index for part in parts]),
        np.concatenate([part.time_s for part in parts]),
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )

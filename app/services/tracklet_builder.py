"""Boxes of tracks → finished tracks with their trajectory and best crops."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from app.core.boxes import cut_out
from app.core.crop_selection import SpreadBest, geometric_quality, sharpness
from app.core.entities import Crop, FinishedTrack, FloatArray, Frame, TrackStep, Trajectory

CROPS_PER_TRACKLET = 4
# A sign or a post that the detector is never sure of: for so long, it moves by no more than this
# share of its height. People who stand still that long are surer, or shift their weight.
FIXED_SECONDS = 2.5
FIXED_MOVE = 0.25
FIXED_BEST_SCORE = 0.65
FIXED_MEAN_SCORE = 0.5
# How far focus can lower a crop's quality: it decides between crops of like size and cover only.
_SHARPNESS_WEIGHT = 0.4


@dataclass
class _LiveTrack:
    """What is kept of a track that goes on: every box, and at most K crops."""

    best: SpreadBest
    frame_index: list[int] = field(default_factory=list)
    time_s: list[float] = field(default_factory=list)
    boxes: list[FloatArray] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


class TrackletBuilder:
    """Collects what the tracker says of one video.

    Memory is bounded by the tracks alive at one time: K crops each, plus a few bytes per box.

    Args:
        crops_per_tracklet: K, how many crops of a track are kept at most.
    """

    def __init__(self, crops_per_tracklet: int = CROPS_PER_TRACKLET) -> None:
        self._crops_per_tracklet = crops_per_tracklet
        self._live: dict[int, _LiveTrack] = {}

    def add(self, frame: Frame, step: TrackStep) -> list[FinishedTrack]:
        """Takes one analysed frame and what it did to the tracks; returns the tracks that ended.

        Args:
            frame: the analysed frame, RGB.
            step: the tracker's answer to that frame's detections.
        """
        height_px, width_px = frame.image.shape[:2]
        tracked = step.tracked
        qualities = geometric_quality(tracked.boxes, width_px, height_px)
        for row, track_id in enumerate(tracked.track_ids.tolist()):
            live = self._live.get(track_id)
            if live is None:
                live = self._live[track_id] = _LiveTrack(SpreadBest(self._crops_per_tracklet))
            box = tracked.boxes[row].copy()
            live.frame_index.append(frame.index)
            live.time_s.append(frame.time_s)
            live.boxes.append(box)
            live.scores.append(float(tracked.scores[row]))
            # Focus can only lower the quality: what is too poor already need not be cut out.
            if live.best.would_keep(frame.time_s, float(qualities[row])):
                live.best.add(_crop(frame, box, float(qualities[row])))
        return self.close(step)

    def close(self, step: TrackStep) -> list[FinishedTrack]:
        """Takes out the tracks that a step ended; forgets fixed objects, and what it dropped."""
        for track_id in step.dropped:
            self._live.pop(track_id, None)
        ended = [_finished(track_id, self._live.pop(track_id)) for track_id in step.ended]
        return [track for track in ended if not is_fixed_object(track.trajectory)]


def _crop(frame: Frame, box: FloatArray, geometric: float) -> Crop:
    image = cut_out(frame.image, box)
    focus = 1 - _SHARPNESS_WEIGHT * (1 - sharpness(image))
    return Crop(image, frame.index, frame.time_s, box, geometric * focus)


def _finished(track_id: int, live: _LiveTrack) -> FinishedTrack:
    trajectory = Trajectory(
        np.array(live.frame_index, np.int32),
        np.array(live.time_s, np.float64),
        np.stack(live.boxes).astype(np.float32),
        np.array(live.scores, np.float32),
    )
    return FinishedTrack(track_id, trajectory, tuple(live.best))


def is_fixed_object(trajectory: Trajectory) -> bool:
    """Whether this is a thing that resembles a person: never sure, and never moving."""
    if trajectory.time_s[-1] - trajectory.time_s[0] < FIXED_SECONDS:
        return False
    sure = trajectory.scores.max() >= FIXED_BEST_SCORE
    if sure or trajectory.scores.mean() >= FIXED_MEAN_SCORE:
        return False
    centres = (trajectory.boxes[:, :2] + trajectory.boxes[:, 2:]) / 2  # (T, 2)
    height_px = np.median(trajectory.boxes[:, 3] - trajectory.boxes[:, 1])
    return bool(np.linalg.norm(np.ptp(centres, axis=0)) < FIXED_MOVE * height_px)

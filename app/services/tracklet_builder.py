"""Boxes of tracks → finished tracks with their trajectory and best crops."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np

from app.core.boxes import cut_out
from app.core.crop_selection import SpreadBest, geometric_quality, sharpness
from app.core.entities import Crop, FinishedTrack, FloatArray, Frame, TrackStep, Trajectory
from app.services.fixed_objects import Stillness

# The begin and the end, and what is best in between.
CROPS_PER_TRACKLET = 6
# How far focus can lower a crop's quality: it decides between crops of like size and cover only.
_SHARPNESS_WEIGHT = 0.4


@dataclass
class _LiveTrack:
    """What is kept of a track that goes on: 32 bytes for each box, and at most K crops."""

    best: SpreadBest
    still: Stillness
    frame_index: array[int] = field(default_factory=lambda: array("i"))
    time_s: array[float] = field(default_factory=lambda: array("d"))
    boxes: array[float] = field(default_factory=lambda: array("f"))
    scores: array[float] = field(default_factory=lambda: array("f"))

    def add(self, frame: Frame, box: FloatArray, score: float) -> None:
        self.frame_index.append(frame.index)
        self.time_s.append(frame.time_s)
        self.boxes.extend(box.tolist())
        self.scores.append(score)
        self.still.look(frame, box, score)

    def trajectory(self) -> Trajectory:
        return Trajectory(
            np.array(self.frame_index, np.int32),
            np.array(self.time_s, np.float64),
            np.array(self.boxes, np.float32).reshape(-1, 4),
            np.array(self.scores, np.float32),
        )


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
            box = tracked.boxes[row].copy()
            if live is None:
                live = _LiveTrack(
                    SpreadBest(self._crops_per_tracklet), Stillness(box, frame.time_s)
                )
                self._live[track_id] = live
            live.add(frame, box, float(tracked.scores[row]))
            # Focus can only lower the quality: what is too poor already need not be cut out.
            if live.best.would_keep(frame.time_s, float(qualities[row])):
                live.best.add(_crop(frame, box, float(qualities[row])))
        return self.close(step)

    def close(self, step: TrackStep) -> list[FinishedTrack]:
        """Takes out the tracks that a step ended; forgets fixed objects, and what it dropped."""
        for track_id in step.dropped:
            self._live.pop(track_id, None)
        ended = [(track_id, self._live.pop(track_id)) for track_id in step.ended]
        return [
            FinishedTrack(track_id, live.trajectory(), tuple(live.best))
            for track_id, live in ended
            if not live.still.is_fixed()
        ]


def _crop(frame: Frame, box: FloatArray, geometric: float) -> Crop:
    image = cut_out(frame.image, box)
    focus = 1 - _SHARPNESS_WEIGHT * (1 - sharpness(image))
    return Crop(image, frame.index, frame.time_s, box, geometric * focus)

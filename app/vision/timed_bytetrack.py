"""ultralytics' ByteTrack with real time steps: frames may be skipped, late, or missing.

Imports ultralytics: import it only after `app.vision.ultralytics_setup.import_ultralytics`.
"""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ultralytics.trackers.basetrack import TrackState
from ultralytics.trackers.byte_tracker import BYTETracker, STrack
from ultralytics.trackers.utils.kalman_filter import KalmanFilterXYAH

from app.core.boxes import iou
from app.core.entities import Detections, FloatArray

# ultralytics' noise is meant for one step of a video of this rate.
_TUNED_FPS = 30.0


class TimedByteTrack(BYTETracker):
    """ByteTrack that predicts over the time that really passed.

    Differs from ultralytics' class: velocities are per second in effect; tracks that have one
    detection only are predicted too, so that the second one tells their speed; none is confirmed
    by being in the first frame; lost tracks are removed by `forget` alone; boxes are compared
    with a margin.
    """

    def __init__(self, settings: SimpleNamespace, margin: float, min_overlap: float) -> None:
        """Starts without tracks.

        Args:
            settings: ultralytics' thresholds.
            margin: share of its sides by which a box grows on each side before it is compared.
            min_overlap: least IoU, 0..1, of a detection with the track that it continues.
        """
        super().__init__(settings)
        self.frame_id = 1  # ultralytics confirms every track of frame 1 at once
        self._margin = margin
        self._min_overlap = min_overlap
        self._steps = 1.0

    def advance(self, detections: Detections, elapsed_s: float) -> None:
        """Joins one frame's detections to the tracks, `elapsed_s` after the frame before."""
        self._steps = elapsed_s * _TUNED_FPS
        self.update(_Rows(detections.boxes, detections.scores))
        self.removed_stracks.clear()  # a log of a thousand tracks that nothing here reads

    def current(self) -> list[tuple[int, int]]:
        """Track number and row in `detections` of every track seen in this frame."""
        return [
            (int(track.track_id), int(track.idx))
            for track in self.tracked_stracks
            if track.frame_id == self.frame_id
        ]

    def confirmed(self) -> set[int]:
        """Tracks that have been seen at least twice."""
        tracks = self.tracked_stracks + self.lost_stracks
        return {int(track.track_id) for track in tracks if track.is_activated}

    def alive(self) -> set[int]:
        """Tracks that may go on: seen in this frame, or lost."""
        return {int(track.track_id) for track in self.tracked_stracks + self.lost_stracks}

    def forget(self, track_ids: Collection[int]) -> None:
        """Removes tracks."""
        self.tracked_stracks = [t for t in self.tracked_stracks if t.track_id not in track_ids]
        self.lost_stracks = [t for t in self.lost_stracks if t.track_id not in track_ids]

    # What ultralytics calls from `update`:

    def multi_predict(self, tracks: list[STrack]) -> None:
        """Moves the tracks, and those seen once, to this frame's time."""
        tentative = [track for track in self.tracked_stracks if not track.is_activated]
        moved: list[Any] = tracks + tentative
        if not moved:
            return
        means = np.stack([track.mean for track in moved])  # (n, 8)
        for row, track in enumerate(moved):
            if track.state != TrackState.Tracked:
                means[row, 7] = 0  # as ultralytics: someone out of sight does not grow
        covariances = np.stack([track.covariance for track in moved])  # (n, 8, 8)
        means, covariances = _predicted(means, covariances, self._steps)
        for track, mean, covariance in zip(moved, means, covariances, strict=True):
            track.mean, track.covariance = mean, covariance

    def get_dists(self, tracks: list[STrack], detections: list[STrack]) -> FloatArray:
        """1 - IoU of the boxes with their margin, 1 where that is too little, float32 (n, m)."""
        if not tracks or not detections:
            return np.zeros((len(tracks), len(detections)), np.float32)
        overlap = iou(self._grown(tracks), self._grown(detections))
        return np.where(overlap < self._min_overlap, 1, 1 - overlap).astype(np.float32)

    def _grown(self, tracks: list[STrack]) -> FloatArray:
        boxes = np.stack([track.xyxy for track in tracks]).astype(np.float32)  # (n, 4)
        margin = self._margin * (boxes[:, 2:] - boxes[:, :2])
        return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)

    def _remove_stale_lost(self, removed: list[STrack]) -> None:
        pass  # by time, not by frames: see `forget`


def _predicted(
    means: NDArray[np.float64], covariances: NDArray[np.float64], steps: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kalman prediction over `steps` (a fraction, too) of ultralytics' own steps.

    Args:
        means: (n, 8), centre, aspect, height and their change a step.
        covariances: (n, 8, 8).
        steps: how many steps passed.
    """
    motion = np.eye(8)
    motion[:4, 4:] = steps * np.eye(4)
    one_step = KalmanFilterXYAH()
    height = means[:, 3]
    position = one_step._std_weight_position * height
    velocity = one_step._std_weight_velocity * height
    flat = np.ones_like(height)
    deviations = np.stack(
        [position, position, 1e-2 * flat, position, velocity, velocity, 1e-5 * flat, velocity],
        axis=1,
    )  # (n, 8)
    noise = np.einsum("ni,ij->nij", steps * deviations**2, np.eye(8))
    return means @ motion.T, motion @ covariances @ motion.T + noise


class _Rows:
    """Detections as ultralytics' tracker wants to read them."""

    def __init__(self, boxes: FloatArray, scores: FloatArray) -> None:
        self.boxes = boxes
        self.conf = scores
        self.cls = np.zeros(len(scores), np.float32)

    @property
    def xywh(self) -> FloatArray:
        """Centre, width and height, float32 (n, 4)."""
        low, high = self.boxes[:, :2], self.boxes[:, 2:]
        return np.concatenate([(low + high) / 2, high - low], axis=1)

    def __len__(self) -> int:
        return len(self.conf)

    def __getitem__(self, rows: Any) -> _Rows:
        return _Rows(self.boxes[rows], self.conf[rows])

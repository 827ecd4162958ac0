"""ByteTrack over frames at their real times (Zhang et al., arXiv:2110.06864)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from app.core.array_file import Arrays
from app.core.boxes import area, iou
from app.core.entities import Detections, FloatArray, TrackedBoxes, TrackStep
from app.vision import box_motion

# How long a person may be out of sight and keep their track. Longer, and somebody else who
# passes is taken for them; the parts of one person are linked by their looks (see track_parts).
LOST_S = 2.0
# Frames so far apart that a person may be gone in the next: one detection is then a tracklet.
SPARSE_S = 0.5

# Tuned with the bundled detector on four rendered clips at 5 and at 10 analysed frames a second:
# IDF1 .751 and .759; with .3 and .1 for the last two .739 and .733. Boxes weaker than STRONG_SCORE
# only continue a track that is seen.
NEW_TRACK_SCORE = 0.4
STRONG_SCORE = 0.4
WEAK_SCORE = 0.15
# Small boxes of walking people hardly overlap from one analysed frame to the next: boxes grow by
# MARGIN of their sides on each side, and must then overlap by MIN_OVERLAP (IoU).
MARGIN = 0.3
MIN_OVERLAP = 0.25
# A weak box, and the second box of a new track, must overlap more.
MIN_OVERLAP_WEAK = 0.5
MIN_OVERLAP_NEW = 0.3
# A lost track and one that is seen, so close together, are one person.
DOUBLE_OVERLAP = 0.85


class ByteTracker:
    """Joins the detections of one video into tracks. Not thread-safe; one instance per video."""

    def __init__(self, analysed_fps: float) -> None:
        """Starts without tracks.

        Args:
            analysed_fps: how many frames a second are handed over, nominally.
        """
        if analysed_fps <= 0:
            raise ValueError(f"analysed_fps must be above 0, got {analysed_fps}")
        # One missed frame must not end a track, however rarely frames are analysed.
        self._lost_s = max(LOST_S, 2.5 / analysed_fps)
        self._time_s = -np.inf
        self._spacing_s = np.inf
        self._next_id = 1
        # One row for each track that is alive.
        self._ids = np.zeros(0, np.int64)
        self._seen = np.zeros(0, np.int64)  # in how many frames
        self._first_s = np.zeros(0)
        self._last_s = np.zeros(0)
        self._motion = box_motion.none()

    def state(self) -> Arrays:
        """Everything that a fresh tracker needs to go on as this one would, to the bit."""
        return {
            "clock": np.array([self._time_s, self._spacing_s]),
            "next_id": np.array(self._next_id),
            "ids": self._ids,
            "seen": self._seen,
            "first_s": self._first_s,
            "last_s": self._last_s,
            "means": self._motion.means,
            "covariances": self._motion.covariances,
        }

    def restore(self, state: Arrays) -> None:
        """Goes on from what `state` returned."""
        self._time_s, self._spacing_s = (float(each) for each in state["clock"])
        self._next_id = int(state["next_id"])
        self._ids, self._seen = state["ids"], state["seen"]
        self._first_s, self._last_s = state["first_s"], state["last_s"]
        self._motion = box_motion.Motion(state["means"], state["covariances"])

    def update(self, detections: Detections, time_s: float) -> TrackStep:
        """Takes the next analysed frame's detections (possibly none), times rising.

        Raises:
            ValueError: the time does not lie after the frame before.
        """
        if time_s <= self._time_s:
            raise ValueError(f"time {time_s} s does not follow {self._time_s} s")
        before_s = self._time_s
        if np.isfinite(before_s):
            self._spacing_s = time_s - before_s
        self._time_s = time_s
        ended, dropped = self._part(time_s - self._last_s > self._lost_s)
        in_view = self._last_s == before_s
        if len(self._ids):
            self._motion = box_motion.predicted(self._motion, self._spacing_s, ~in_view)
        rows = self._associate(detections, in_view)
        found = rows >= 0
        self._motion = box_motion.corrected(self._motion, found, detections.boxes[rows[found]])
        self._last_s = np.where(found, time_s, self._last_s)
        self._seen = self._seen + found
        gone = ~found & (self._seen < 2)  # seen once, and not again at once
        gone |= self._doubles(found)
        more_ended, more_dropped = self._part(gone)
        rows = rows[~gone]
        rows = np.concatenate([rows, self._begin(detections, rows, time_s)])
        shown = np.flatnonzero(rows >= 0)
        tracked = TrackedBoxes(
            detections.boxes[rows[shown]], detections.scores[rows[shown]], self._ids[shown]
        )
        return TrackStep(tracked, (*ended, *more_ended), (*dropped, *more_dropped), len(self._ids))

    def finish(self) -> TrackStep:
        """The video is over: every track that is still alive ends or is dropped."""
        ended, dropped = self._part(np.ones(len(self._ids), bool))
        none = Detections.none()
        return TrackStep(
            TrackedBoxes(none.boxes, none.scores, np.zeros(0, np.int64)), ended, dropped, 0
        )

    def _associate(self, detections: Detections, in_view: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The row of `detections` that continues each track, int64 (n,); -1: none."""
        rows = np.full(len(self._ids), -1, np.int64)
        confirmed = self._seen >= 2
        solid = area(detections.boxes) > 0
        strong = solid & (detections.scores >= STRONG_SCORE)
        weak = solid & (detections.scores > WEAK_SCORE) & ~strong
        overlap = iou(_grown(self._motion.boxes()), _grown(detections.boxes))
        _match(rows, confirmed, strong, overlap, MIN_OVERLAP)
        _match(rows, confirmed & in_view, weak, overlap, MIN_OVERLAP_WEAK)
        _match(rows, ~confirmed, strong, overlap, MIN_OVERLAP_NEW)
        return rows

    def _begin(
        self, detections: Detections, taken: NDArray[np.int64], time_s: float
    ) -> NDArray[np.int64]:
        """Begins a track at each surely seen person who belongs to none; returns their rows."""
        free = (detections.scores >= NEW_TRACK_SCORE) & (area(detections.boxes) > 0)
        free[taken[taken >= 0]] = False
        rows = np.flatnonzero(free).astype(np.int64)
        count = len(rows)
        self._ids = np.concatenate([self._ids, self._next_id + np.arange(count)])
        self._next_id += count
        self._seen = np.concatenate([self._seen, np.ones(count, np.int64)])
        self._first_s = np.concatenate([self._first_s, np.full(count, time_s)])
        self._last_s = np.concatenate([self._last_s, np.full(count, time_s)])
        self._motion = box_motion.joined(self._motion, box_motion.begun(detections.boxes[rows]))
        return rows

    def _doubles(self, found: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which tracks are another one's double, the shorter of the two, bool (n,)."""
        doubles = np.zeros(len(self._ids), bool)
        boxes = self._motion.boxes()
        seen, lost = np.flatnonzero(found & (self._seen >= 2)), np.flatnonzero(~found)
        overlap = iou(_grown(boxes[seen]), _grown(boxes[lost]))
        length_s = self._last_s - self._first_s
        for one, other in np.argwhere(overlap > DOUBLE_OVERLAP):
            shorter = lost[other] if length_s[seen[one]] > length_s[lost[other]] else seen[one]
            doubles[shorter] = True
        return doubles

    def _part(self, over: NDArray[np.bool_]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Removes tracks: numbers of those that stand, and of those to be forgotten."""
        stands = (self._seen >= 2) | (self._spacing_s >= SPARSE_S)
        ended, dropped = self._ids[over & stands], self._ids[over & ~stands]
        self._ids, self._seen = self._ids[~over], self._seen[~over]
        self._first_s, self._last_s = self._first_s[~over], self._last_s[~over]
        self._motion = self._motion.rows(~over)
        return tuple(ended.tolist()), tuple(dropped.tolist())


TRACKERS: dict[str, type[ByteTracker]] = {"bytetrack": ByteTracker}


def _match(
    rows: NDArray[np.int64],
    tracks: NDArray[np.bool_],
    detections: NDArray[np.bool_],
    overlap: FloatArray,
    least: float,
) -> None:
    """Gives tracks that have no detection yet one that no track has, most overlap in sum.

    Args:
        rows: int64 (n,), the detection of each track or -1; is written to.
        tracks: bool (n,), which may be given one.
        detections: bool (m,), which may be given.
        overlap: float32 (n, m).
        least: overlap from which a pair may be.
    """
    free = detections.copy()
    free[rows[rows >= 0]] = False
    waiting, offered = np.flatnonzero(tracks & (rows < 0)), np.flatnonzero(free)
    gain = overlap[np.ix_(waiting, offered)] - least
    for one, other in zip(*linear_sum_assignment(-np.maximum(gain, 0)), strict=True):
        if gain[one, other] >= 0:
            rows[waiting[one]] = offered[other]


def _grown(boxes: FloatArray) -> FloatArray:
    """The boxes with MARGIN, float32 (n, 4)."""
    margin = MARGIN * (boxes[:, 2:] - boxes[:, :2])
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)

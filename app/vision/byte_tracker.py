"""ByteTrack over frames at their real times (Zhang et al., arXiv:2110.06864), with appearance.

Where several detections could continue a track, or a detection several tracks, similarity counts
as well as overlap (as in BoT-SORT, arXiv:2206.14651). Only such detections are embedded, and one of
each track every second, so that its appearance is known before others come near.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from app.core.array_file import Arrays
from app.core.boxes import area, iou
from app.core.clock import ROUNDING_S
from app.core.entities import Detections, FloatArray, TrackedBoxes, TrackStep
from app.core.ports import EmbedBoxes
from app.vision import box_motion

# How long a person may be out of sight and keep their track. Longer, and somebody else who
# passes is taken for them; `app.services.ingest.untangling` joins one person's parts by looks.
LOST_S = 2.0
# Frames so far apart that a person may be gone in the next: one detection is then a tracklet.
SPARSE_S = 0.5

# Tuned with the bundled detector on four rendered clips at 5 and at 10 analysed frames a second:
# IDF1 of bare tracks .751 and .759; with .3 and .1 for the last two .739 and .733, though cut and
# joined by looks they are alike (.828 and .830 at 5). Boxes weaker than STRONG_SCORE only continue
# a track that is seen.
NEW_TRACK_SCORE = 0.4
STRONG_SCORE = 0.4
WEAK_SCORE = 0.15
# Small boxes of walking people hardly overlap from one analysed frame to the next: boxes grow by
# MARGIN of their sides on each side, and must then overlap by MIN_OVERLAP (IoU).
MARGIN = 0.3
MIN_OVERLAP = 0.2
# A weak box, and the second box of a new track, must overlap more.
MIN_OVERLAP_WEAK = 0.5
MIN_OVERLAP_NEW = 0.3
# A lost track and one that is seen, so close together, are one person.
DOUBLE_OVERLAP = 0.85

# Pairs that overlap by less are never joined, however similar they are.
_NEAR = 0.2
# Others contest the best candidate only if they overlap nearly as much: by so much less at most.
_CONTESTED = 0.15
# How much overlap a cosine is worth. The cosine that changes nothing lies this far below the mean
# of people with themselves a moment ago, which differs between embedders and places.
_LOOKS_WEIGHT, _LOOKS_SLACK = 0.8, 0.25
# What is assumed for that mean at first, and how many cosines the assumption counts for.
_SELF_AT_FIRST, _LOOKS_AT_FIRST = 0.85, 5
# Every track is embedded at least so often, and each vector changes its mean by this share.
_LOOK_S, _LOOK_SHARE = 1.0, 0.3
# A box that overlaps another by more (IoU) shows two people, so nothing is learnt from it.
_CROWDED = 0.3


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
        self._looks = np.zeros((0, 0), np.float32)  # (n, D), 0 where nobody has looked yet
        self._looked_s = np.zeros(0)  # when last, -inf: never
        # Sum and number of the cosines of people with themselves.
        self._selves = np.array([_SELF_AT_FIRST * _LOOKS_AT_FIRST, _LOOKS_AT_FIRST])

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
            "looks": self._looks,
            "looked_s": self._looked_s,
            "selves": self._selves,
        }

    def restore(self, state: Arrays) -> None:
        """Goes on from what `state` returned."""
        self._time_s, self._spacing_s = (float(each) for each in state["clock"])
        self._next_id = int(state["next_id"])
        self._ids, self._seen = state["ids"], state["seen"]
        self._first_s, self._last_s = state["first_s"], state["last_s"]
        self._motion = box_motion.Motion(state["means"], state["covariances"])
        self._looks, self._looked_s = state["looks"], state["looked_s"]
        self._selves = state["selves"]

    def update(
        self, detections: Detections, time_s: float, embed: EmbedBoxes | None = None
    ) -> TrackStep:
        """Takes the next analysed frame's detections (possibly none), times rising.

        Args:
            detections: what was found.
            time_s: time of the frame.
            embed: makes the vectors of some of the detections, by their rows; None: overlap alone
                decides.

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
        overlap = iou(_grown(self._motion.boxes()), _grown(detections.boxes))
        near = (overlap >= _NEAR) & _solid(detections)
        vectors = _vectors(self._to_look_at(overlap, near), embed)
        rows = self._associate(detections, in_view, self._with_looks(overlap, near, vectors))
        found = rows >= 0
        self._motion = box_motion.corrected(self._motion, found, detections.boxes[rows[found]])
        self._last_s = np.where(found, time_s, self._last_s)
        self._seen = self._seen + found
        gone = ~found & (self._seen < 2)  # seen once, and not again at once
        gone |= self._doubles(found)
        more_ended, more_dropped = self._part(gone)
        rows = rows[~gone]
        new = self._begin(detections, rows, time_s)
        rows = np.concatenate([rows, new])
        vectors |= _vectors([row for row in new.tolist() if row not in vectors], embed)
        self._learn(rows, detections, vectors)
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

    def _to_look_at(self, overlap: FloatArray, near: NDArray[np.bool_]) -> list[int]:
        """Rows of detections that are contested, or near a track not embedded for long."""
        if not near.any():
            return []
        of_near = np.where(near, overlap, 0)
        for_track = near & (of_near > of_near.max(axis=1, keepdims=True) - _CONTESTED)
        for_row = near & (of_near > of_near.max(axis=0, keepdims=True) - _CONTESTED)
        contested = for_track & (for_track.sum(axis=1) > 1)[:, None]
        contested |= for_row & (for_row.sum(axis=0) > 1)[None]
        due = near & (self._time_s - self._looked_s >= _LOOK_S - ROUNDING_S)[:, None]
        return [int(row) for row in np.flatnonzero((contested | due).any(axis=0))]

    def _with_looks(
        self, overlap: FloatArray, near: NDArray[np.bool_], vectors: dict[int, FloatArray]
    ) -> FloatArray:
        """Overlap, raised where track and detection look alike, else lowered, float32 (n, m)."""
        if not vectors:
            return overlap
        neutral = float(self._selves[0] / self._selves[1]) - _LOOKS_SLACK
        gain = overlap.copy()
        known = np.isfinite(self._looked_s)
        for row, vector in vectors.items():
            if self._looks.shape[1] == len(vector):
                alike = np.nan_to_num(self._looks @ vector) - neutral
                gain[:, row] += np.where(near[:, row] & known, _LOOKS_WEIGHT * alike, 0)
        return gain

    def _learn(
        self, rows: NDArray[np.int64], detections: Detections, vectors: dict[int, FloatArray]
    ) -> None:
        """Updates the appearance of tracks; `rows` are the detections that continue them."""
        if not vectors:
            return
        dimension = len(next(iter(vectors.values())))
        if self._looks.shape[1] != dimension:  # nothing is known yet, or of another embedder
            self._looks = np.zeros((len(self._ids), dimension), np.float32)
            self._looked_s = np.full(len(self._ids), -np.inf)
        looks, looked_s = self._looks.copy(), self._looked_s.copy()
        boxes = detections.boxes
        for track in np.flatnonzero(np.isin(rows, list(vectors))).tolist():
            row = int(rows[track])
            is_new = not np.isfinite(looked_s[track])
            if is_new or (iou(boxes[row : row + 1], boxes) > _CROWDED).sum() == 1:
                share = 1.0 if is_new else _LOOK_SHARE
                if not is_new:
                    cosine = float(np.nan_to_num(looks[track] @ vectors[row]))
                    self._selves = self._selves + np.array([cosine, 1.0])
                mean = (1 - share) * looks[track] + share * vectors[row]
                looks[track] = mean / max(float(np.linalg.norm(mean)), 1e-12)
                looked_s[track] = self._time_s
        self._looks, self._looked_s = looks, looked_s

    def _associate(
        self, detections: Detections, in_view: NDArray[np.bool_], overlap: FloatArray
    ) -> NDArray[np.int64]:
        """The row of `detections` that continues each track, int64 (n,); -1: none."""
        rows = np.full(len(self._ids), -1, np.int64)
        confirmed = self._seen >= 2
        solid = _solid(detections)
        strong = solid & (detections.scores >= STRONG_SCORE)
        weak = solid & ~strong
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
        unseen = np.zeros((count, self._looks.shape[1]), np.float32)
        self._looks = np.concatenate([self._looks, unseen])
        self._looked_s = np.concatenate([self._looked_s, np.full(count, -np.inf)])
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
        self._looks, self._looked_s = self._looks[~over], self._looked_s[~over]
        self._motion = self._motion.rows(~over)
        return tuple(ended.tolist()), tuple(dropped.tolist())


def _vectors(rows: list[int], embed: EmbedBoxes | None) -> dict[int, FloatArray]:
    """Vectors of detections, float32 (D,) by row."""
    return dict(zip(rows, embed(rows), strict=True)) if rows and embed is not None else {}


def _solid(detections: Detections) -> NDArray[np.bool_]:
    """Which detections may belong to a track, bool (m,)."""
    return (area(detections.boxes) > 0) & (detections.scores > WEAK_SCORE)


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

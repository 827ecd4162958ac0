"""How well tracks keep to people: IDF1 and identity switches, by the ground truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from app.core.boxes import iou
from app.services.demo_truth import SAME_IOU


@dataclass(frozen=True)
class Seen:
    """One analysed frame.

    Attributes:
        people: int64 (n,), who is there.
        people_boxes: float32 (n, 4) xyxy in pixels.
        tracks: int64 (m,), tracks with a box there.
        track_boxes: float32 (m, 4).
    """

    people: NDArray[np.int64]
    people_boxes: NDArray[np.float32]
    tracks: NDArray[np.int64]
    track_boxes: NDArray[np.float32]


@dataclass(frozen=True)
class TrackingScores:
    """Sums over clips; add up with `total`.

    Attributes:
        same: boxes of tracks on the person to whom the track belongs (IDTP).
        people_boxes, track_boxes: all of them.
        switches: how often a person is on another track than the one before.
    """

    same: int
    people_boxes: int
    track_boxes: int
    switches: int

    @property
    def idf1(self) -> float:
        """2 IDTP / (2 IDTP + IDFP + IDFN): share of boxes with the right identity, 0..1."""
        return 2 * self.same / max(self.people_boxes + self.track_boxes, 1)


def total(clips: Iterable[TrackingScores]) -> TrackingScores:
    """The scores of several clips together."""
    parts = [(each.same, each.people_boxes, each.track_boxes, each.switches) for each in clips]
    return TrackingScores(*map(int, np.sum(np.array(parts).reshape(-1, 4), axis=0)))


def tracking_scores(frames: Sequence[Seen]) -> TrackingScores:
    """Scores of one clip.

    IDF1 as of Ristani et al., Performance Measures and a Data Set for Multi-Target, Multi-Camera
    Tracking, ECCV workshops 2016: people and tracks are paired one to one over the whole clip such
    that as few boxes as possible are false or missed. With all boxes given, that is the pairing
    with the most common boxes, which the assignment finds exactly.

    Args:
        frames: analysed frames in order; two boxes are the same from an overlap of `SAME_IOU` on.
    """
    common: Counter[tuple[int, int]] = Counter()
    for frame in frames:
        rows, columns = np.nonzero(_overlaps(frame) >= SAME_IOU)
        pairs = zip(frame.people[rows].tolist(), frame.tracks[columns].tolist(), strict=True)
        common.update(pairs)
    return TrackingScores(
        same=_most_common_boxes(common),
        people_boxes=sum(len(frame.people) for frame in frames),
        track_boxes=sum(len(frame.tracks) for frame in frames),
        switches=_switches(frames),
    )


def _most_common_boxes(common: Counter[tuple[int, int]]) -> int:
    people = {person: row for row, person in enumerate(sorted({pair[0] for pair in common}))}
    tracks = {track: column for column, track in enumerate(sorted({pair[1] for pair in common}))}
    table = np.zeros((len(people), len(tracks)), np.int64)
    for (person, track), count in common.items():
        table[people[person], tracks[track]] = count
    return int(table[linear_sum_assignment(table, maximize=True)].sum())


def _switches(frames: Sequence[Seen]) -> int:
    """Identity switches of CLEAR MOT (Bernardin and Stiefelhagen, 2008).

    In each frame, whoever still overlaps the track of the frame before stays on it; the others are
    paired one to one with the most overlap.
    """
    last: dict[int, int] = {}
    switches = 0
    for frame in frames:
        overlaps = _overlaps(frame)
        overlaps = np.where(overlaps >= SAME_IOU, overlaps, 0)
        kept = np.array([[last.get(person) == track for track in frame.tracks.tolist()]
                         for person in frame.people.tolist()], bool)  # fmt: skip
        # More than all overlaps together: whoever can stay does.
        weight = len(frame.people) + 1
        gain = overlaps + weight * (kept.reshape(overlaps.shape) & (overlaps > 0))
        for row, column in zip(*linear_sum_assignment(gain, maximize=True), strict=True):
            if overlaps[row, column] > 0:
                person, track = int(frame.people[row]), int(frame.tracks[column])
                switches += last.get(person, track) != track
                last[person] = track
    return switches


def _overlaps(frame: Seen) -> NDArray[np.float32]:
    return iou(frame.people_boxes, frame.track_boxes)

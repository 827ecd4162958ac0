"""Parts of tracks → segments that show one person: cut wherever tracks may have been exchanged.

Where two people cross, or one comes out from behind another, a tracker guesses by motion. Segments
end there, and `untangling` decides by looks which of them belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.core.boxes import area
from app.core.chapters import TrackPart
from app.core.entities import FloatArray, Trajectory

# Two people whose boxes have this share of the smaller one in common may be exchanged.
CROSSING = 0.25
# Somebody who is out of sight is still taken to be there for so long, before and after.
GHOST_S = 1.0
# Two crossings with less time between them are one.
_BETWEEN_S = 0.4
# Whoever was out of sight for longer may be somebody else; so may a track that missed two frames.
_GAP_S = 0.7
_GAP_FRAMES = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A stretch of a track without a crossing.

    Attributes:
        track_id: the tracker's number.
        order: which of the part's segments it is, from 0.
        is_last: no segment of the track follows in this part.
        trajectory: its boxes.
        crops: indices into the part's crops, at least one unless the part has none.
    """

    track_id: int
    order: int
    is_last: bool
    trajectory: Trajectory
    crops: tuple[int, ...]


def segments_of(parts: Sequence[TrackPart]) -> list[Segment]:
    """Cuts the parts of one stretch of time, all of which belong to one video.

    Every box is in one segment. Crops taken at a crossing are left out where a segment has others.
    """
    if not parts:
        return []
    times = np.unique(np.concatenate([part.trajectory.time_s for part in parts]))
    spacing_s = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    spans = np.array([part.trajectory.time_s[[0, -1]] for part in parts])  # (n, 2)
    found: list[Segment] = []
    for number, part in enumerate(parts):
        own = part.trajectory
        near = (spans[:, 0] - GHOST_S <= own.time_s[-1]) & (spans[:, 1] + GHOST_S >= own.time_s[0])
        near[number] = False
        common = np.zeros(len(own), np.float32)
        for other in np.flatnonzero(near).tolist():
            np.maximum(common, _common(own, parts[other].trajectory), out=common)
        found += _cut(part, common, spacing_s)
    return found


def _common(trajectory: Trajectory, other: Trajectory) -> FloatArray:
    """What each box has in common with the other's at that time, of the smaller one, float32 (T,).

    Where the other was out of sight, the box lies in between, or stays for a moment.
    """
    times = trajectory.time_s
    boxes = np.stack(
        [np.interp(times, other.time_s, other.boxes[:, side]) for side in range(4)], axis=1
    ).astype(np.float32)
    low = np.maximum(trajectory.boxes[:, :2], boxes[:, :2])
    sides = np.clip(np.minimum(trajectory.boxes[:, 2:], boxes[:, 2:]) - low, 0, None)
    smaller = np.minimum(area(trajectory.boxes), area(boxes))
    there = (times >= other.time_s[0] - GHOST_S) & (times <= other.time_s[-1] + GHOST_S)
    return np.asarray(
        np.where(there, sides[:, 0] * sides[:, 1] / np.maximum(smaller, 1e-9), 0), np.float32
    )


def _cut(part: TrackPart, common: FloatArray, spacing_s: float) -> list[Segment]:
    trajectory = part.trajectory
    crossing = _joined(common >= CROSSING, trajectory.time_s, max(_BETWEEN_S, 1.5 * spacing_s))
    cuts = {0, len(trajectory)}
    edges = np.flatnonzero(np.diff(np.concatenate([[False], crossing, [False]]).astype(int)))
    for first, end in edges.reshape(-1, 2).tolist():
        cuts.add(first + int(common[first:end].argmax()))
    gap_s = max(_GAP_S, _GAP_FRAMES * spacing_s)
    cuts.update((np.flatnonzero(np.diff(trajectory.time_s) >= gap_s) + 1).tolist())
    bounds = sorted(cuts)
    rows = np.searchsorted(
        trajectory.frame_index, [crop.frame_index for crop in part.crops]
    ).tolist()
    stretches = _with_crops(list(pairwise(bounds)), rows, crossing)
    return [
        Segment(
            part.track_id, order, order == len(stretches) - 1, _rows(trajectory, first, end), crops
        )
        for order, (first, end, crops) in enumerate(stretches)
    ]


def _joined(
    crossing: NDArray[np.bool_], times: NDArray[np.float64], between_s: float
) -> NDArray[np.bool_]:
    """Short times between two crossings count as crossing, bool (n,)."""
    joined = crossing.copy()
    marked = np.flatnonzero(crossing)
    for one, other in pairwise(marked):
        if times[other] - times[one] <= between_s:
            joined[one:other] = True
    return joined


def _with_crops(
    stretches: list[tuple[int, int]], rows: list[int], crossing: NDArray[np.bool_]
) -> list[tuple[int, int, tuple[int, ...]]]:
    """The stretches with their crops; one without is joined to the one before, or after."""
    found: list[tuple[int, int, tuple[int, ...]]] = []
    for first, end in stretches:
        there = tuple(index for index, row in enumerate(rows) if first <= row < end)
        crops = tuple(index for index in there if not crossing[rows[index]]) or there
        if found and not (crops and found[-1][2]):
            before = found.pop()
            first, crops = before[0], before[2] + crops
        found.append((first, end, crops))
    return found


def _rows(trajectory: Trajectory, first: int, end: int) -> Trajectory:
    return Trajectory(
        trajectory.frame_index[first:end],
        trajectory.time_s[first:end],
        trajectory.boxes[first:end],
        trajectory.scores[first:end],
    )

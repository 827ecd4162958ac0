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

from app.core.boxes import area, iou
from app.core.chapters import TrackPart
from app.core.entities import FloatArray, Trajectory

# Two people whose boxes have this share of the smaller one in common may be exchanged.
CROSSING = 0.25
# Somebody who is out of sight is still taken to be there for so long, before and after.
GHOST_S = 1.0
# Two crossings with less time between them are one.
_BETWEEN_S = 0.4
# A crossing that lasts longer is cut at its ends, and from crop to crop.
_LONG_S = 2.0
# Crops of one stretch without a crossing that are so much less alike than two people may be show
# two people.
_JUMP = 0.1
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


def segments_of(
    parts: Sequence[TrackPart], vectors: Sequence[FloatArray], alike: float
) -> list[Segment]:
    """Cuts the parts of one stretch of time, all of which belong to one video.

    Every box is in one segment. Crops taken at a crossing are left out where a segment has others.

    Args:
        parts: of tracks.
        vectors: float32 (crops, D) of each part's crops, L2-normalised.
        alike: the cosine from which on two crops may show one person.
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
        found += _cut(part, vectors[number], common, spacing_s, alike - _JUMP)
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


def _cut(
    part: TrackPart, vectors: FloatArray, common: FloatArray, spacing_s: float, least: float
) -> list[Segment]:
    trajectory = part.trajectory
    times = trajectory.time_s
    crossing = _joined(common >= CROSSING, times, max(_BETWEEN_S, 1.5 * spacing_s))
    rows = np.searchsorted(trajectory.frame_index, [crop.frame_index for crop in part.crops])
    cuts = {0, len(trajectory)}
    edges = np.flatnonzero(np.diff(np.concatenate([[False], crossing, [False]]).astype(int)))
    for first, end in edges.reshape(-1, 2).tolist():
        within = rows[(rows >= first) & (rows < end)].tolist()
        if times[end - 1] - times[first] <= _LONG_S or len(within) < 2:
            cuts.add(first + int(common[first:end].argmax()))
        else:
            cuts.update({first, end})
            cuts.update(one + 1 + int(common[one + 1 : two + 1].argmax())
                        for one, two in pairwise(within))  # fmt: skip
    gap_s = max(_GAP_S, _GAP_FRAMES * spacing_s)
    cuts.update((np.flatnonzero(np.diff(times) >= gap_s) + 1).tolist())
    for first, end in list(pairwise(sorted(cuts))):
        clear = np.flatnonzero((rows >= first) & (rows < end) & ~crossing[rows])
        cuts.update(_jumps(trajectory, common, rows[clear], vectors[clear], least))
    stretches = _with_crops(list(pairwise(sorted(cuts))), rows.tolist(), crossing)
    return [
        Segment(
            part.track_id, order, order == len(stretches) - 1, _rows(trajectory, first, end), crops
        )
        for order, (first, end, crops) in enumerate(stretches)
    ]


def _jumps(
    trajectory: Trajectory,
    common: FloatArray,
    rows: NDArray[np.intp],
    vectors: FloatArray,
    least: float,
) -> list[int]:
    """Where somebody else begins, by the crops of a stretch without a crossing."""
    if len(rows) < 2:
        return []
    sums = np.cumsum(vectors.astype(np.float64), axis=0)
    before, after = sums[:-1], sums[-1] - sums[:-1]
    cosines = (before * after).sum(axis=1) / np.maximum(
        np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1), 1e-12
    )
    at = int(cosines.argmin())
    if cosines[at] >= least:
        return []
    one, two = int(rows[at]), int(rows[at + 1])
    boxes = trajectory.boxes
    kept = [iou(boxes[row : row + 1], boxes[row + 1 : row + 2])[0, 0] for row in range(one, two)]
    risk = common[one + 1 : two + 1] - np.array(kept, np.float32)
    return [
        one + 1 + int(risk.argmax()),
        *_jumps(trajectory, common, rows[: at + 1], vectors[: at + 1], least),
        *_jumps(trajectory, common, rows[at + 1 :], vectors[at + 1 :], least),
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

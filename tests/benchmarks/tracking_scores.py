"""How well tracks keep to people by the truth: HOTA, IDF1, MOTA (trackeval), mixed tracklets."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import trackeval
from numpy.typing import NDArray

from app.core.boxes import intersection, iou
from app.core.entities import Trajectory
from app.services.demo.demo_truth import SAME_IOU, Truth

# A tracklet is mixed if a smaller share of its boxes on people lies on its main person.
PURE = 0.9


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
    """Figures of some clips together, 0..1, and counts.

    Attributes:
        hota: Luiten et al., arXiv:2009.07736.
        idf1: Ristani et al., arXiv:1609.01775.
        mota, switches: Bernardin and Stiefelhagen, 2008.
    """

    hota: float
    idf1: float
    mota: float
    switches: int


def tracking_scores(clips: Sequence[Sequence[Seen]]) -> TrackingScores:
    """Scores of clips, each of which is its analysed frames in order."""
    with contextlib.redirect_stdout(io.StringIO()):  # it lists its settings
        metrics = {"HOTA": trackeval.metrics.HOTA(), "CLEAR": trackeval.metrics.CLEAR(),
                   "Identity": trackeval.metrics.Identity()}  # fmt: skip
        parts = [_as_trackeval(clip) for clip in clips]
        sums = {
            name: metric.combine_sequences(
                {str(number): metric.eval_sequence(part) for number, part in enumerate(parts)}
            )
            for name, metric in metrics.items()
        }
    return TrackingScores(
        hota=float(np.mean(sums["HOTA"]["HOTA"])),
        idf1=float(sums["Identity"]["IDF1"]),
        mota=float(sums["CLEAR"]["MOTA"]),
        switches=int(sums["CLEAR"]["IDSW"]),
    )


def _as_trackeval(frames: Sequence[Seen]) -> dict[str, Any]:
    people = _numbered(frame.people for frame in frames)
    tracks = _numbered(frame.tracks for frame in frames)
    return {
        "num_timesteps": len(frames),
        "num_gt_ids": len(people),
        "num_tracker_ids": len(tracks),
        "num_gt_dets": sum(len(frame.people) for frame in frames),
        "num_tracker_dets": sum(len(frame.tracks) for frame in frames),
        "gt_ids": [np.array([people[each] for each in frame.people.tolist()], int)
                   for frame in frames],
        "tracker_ids": [np.array([tracks[each] for each in frame.tracks.tolist()], int)
                        for frame in frames],
        "similarity_scores": [iou(frame.people_boxes, frame.track_boxes) for frame in frames],
    }  # fmt: skip


def _numbered(ids: Iterable[NDArray[np.int64]]) -> dict[int, int]:
    return {each: number for number, each in enumerate(sorted(set(np.concatenate([*ids, []]))))}


@dataclass(frozen=True)
class Purity:
    """What tracklets show by the truth.

    Attributes:
        tracklets: how many there are.
        mixed: of those, how many show a second person for more than a moment.
        objects: how many show nobody in most of their boxes.
    """

    tracklets: int
    mixed: int
    objects: int


def purity(tracklets: Iterable[tuple[Trajectory, Truth]]) -> Purity:
    """Counts tracklets that show several people or nobody, each with the truth of its clip."""
    count = mixed = objects = 0
    for trajectory, truth in tracklets:
        people, nobody = _shown(trajectory, truth)
        count += 1
        if 2 * nobody > len(trajectory):
            objects += 1
        elif len(people) and np.bincount(people).max() < PURE * len(people):
            mixed += 1
    return Purity(count, mixed, objects)


def _shown(trajectory: Trajectory, truth: Truth) -> tuple[NDArray[np.int64], int]:
    """Whom the boxes show, one entry for each box on a person, and how many touch nobody.

    A box that overlaps somebody by less than `SAME_IOU` counts for neither.
    """
    people, nobody = [], 0
    for row, frame_index in enumerate(trajectory.frame_index.tolist()):
        there = truth.rows_at(frame_index)
        box = trajectory.boxes[row : row + 1]
        overlaps = iou(box, truth.boxes[there])[0]
        if overlaps.max(initial=0) >= SAME_IOU:
            people.append(int(truth.people[there][overlaps.argmax()]))
        elif not intersection(box, truth.boxes[there]).any():
            nobody += 1
    return np.array(people, np.int64), nobody

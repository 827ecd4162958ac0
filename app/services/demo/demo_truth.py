"""The truth about rendered footage: who is where, and whom a tracklet shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.core.boxes import iou
from app.core.entities import FloatArray, IntArray, Trajectory
from app.core.errors import NotFoundError, UsageError
from app.language import tr

# From this overlap on, a box shows that person.
SAME_IOU = 0.5
_COLUMNS = 9


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Everybody in one clip, a row for each person and frame, sorted by frame.

    Attributes:
        frame_index: int64 (n,), number of the decoded frame, from 0.
        people: int64 (n,), numbers of persons, the same in all cameras of a world.
        boxes: float32 (n, 4) xyxy in pixels of the full frame.
        visible: float32 (n,), share of the person that shows, 0..1.
    """

    frame_index: IntArray
    people: IntArray
    boxes: FloatArray
    visible: FloatArray

    def rows_at(self, frame_index: int) -> slice:
        """The rows of one frame."""
        first, last = np.searchsorted(self.frame_index, [frame_index, frame_index + 1])
        return slice(int(first), int(last))

    def share_visible(self, person: int, frame_index: int) -> float:
        """How much of a person shows in a frame, 0..1; 0 where the person is not in it."""
        there = self.rows_at(frame_index)
        return float(self.visible[there][self.people[there] == person].sum())


def read_truth(path: Path) -> Truth:
    """Reads MOT's ground truth: frame (from 1), person, left, top, width, height, 1, 1, visible.

    Raises:
        NotFoundError: there is no such file.
        UsageError: it is not of that form.
    """
    try:
        text = path.read_text(encoding="utf-8")
        rows = np.array([line.split(",") for line in text.split()], np.float64)
    except OSError as error:
        raise NotFoundError(
            tr("The truth {path} cannot be read: {reason}.", path=path, reason=error.strerror),
            tr("Put it next to its clip."),
        ) from error
    except ValueError as error:
        raise _no_truth(path) from error
    rows = rows.reshape(-1, _COLUMNS) if not rows.size else rows
    if rows.shape[1] != _COLUMNS:
        raise _no_truth(path)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    corners = np.hstack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]])
    return Truth(
        rows[:, 0].astype(np.int64) - 1,
        rows[:, 1].astype(np.int64),
        corners.astype(np.float32),
        rows[:, 8].astype(np.float32),
    )


def whom_it_shows(trajectory: Trajectory, truth: Truth) -> int | None:
    """The person around whom most boxes of a tracklet lie, if they are at least half of them.

    Args:
        trajectory: of a tracklet of the clip.
        truth: of the clip.
    """
    votes = people_at_boxes(trajectory, truth)
    known, counts = np.unique(votes[votes >= 0], return_counts=True)
    if not len(known) or 2 * counts.max() < len(votes):
        return None
    return int(known[counts.argmax()])


def people_at_boxes(trajectory: Trajectory, truth: Truth) -> NDArray[np.int64]:
    """The person whom each box of a tracklet overlaps most, int64 (T,); -1 for nobody."""
    found = np.full(len(trajectory), -1, np.int64)
    for row, frame_index in enumerate(trajectory.frame_index.tolist()):
        there = truth.rows_at(frame_index)
        overlaps = iou(trajectory.boxes[row : row + 1], truth.boxes[there])[0]
        if len(overlaps) and overlaps.max() >= SAME_IOU:
            found[row] = truth.people[there][overlaps.argmax()]
    return found


def _no_truth(path: Path) -> UsageError:
    return UsageError(
        tr("{path} is not ground truth in MOT format.", path=path),
        tr("Its lines need {count} numbers each.", count=_COLUMNS),
    )

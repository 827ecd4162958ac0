"""Boxes found against boxes known: overlap, matches, precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.detection.detectors import People

Boxes = NDArray[np.float32]


class Truth(NamedTuple):
    """What is known of a picture: people, and regions where nobody is judged; both (n, 4)."""

    people: Boxes
    ignored: Boxes


class Accuracy(NamedTuple):
    """Shares of 1 at one score threshold; average_precision over all scores."""

    precision: float
    recall: float
    average_precision: float
    people: int


def overlaps(boxes: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Intersection over union, (n, m)."""
    shared = _shared(boxes, others)
    union = _areas(boxes)[:, None] + _areas(others)[None] - shared
    return (shared / np.maximum(union, 1e-9)).astype(np.float32)


def covered(boxes: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Share of each box's area that lies within each other box, (n, m)."""
    shares = _shared(boxes, others) / np.maximum(_areas(boxes)[:, None], 1e-9)
    return shares.astype(np.float32)


def accuracy(
    found: Sequence[People], truths: Sequence[Truth], score: float, least_overlap: float = 0.5
) -> Accuracy:
    """Precision and recall of detections with at least a score; best scores match first.

    A person counts once. A detection of no person that overlaps an ignored region, or lies in it
    by half, is neither right nor wrong.
    """
    people = sum(len(truth.people) for truth in truths)
    judged = [
        pair
        for one, truth in zip(found, truths, strict=True)
        for pair in _judged(one, truth, least_overlap)
    ]
    judged.sort(key=lambda pair: -pair[0])
    right = np.array([pair[1] for pair in judged], bool)
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(hits) + 1)
    recall = hits / max(people, 1)
    kept = sum(pair[0] >= score for pair in judged)
    # Area under the curve whose precision never rises with recall.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    area = float(np.sum(np.diff(recall, prepend=0.0) * envelope))
    if not kept:
        return Accuracy(0.0, 0.0, area, people)
    return Accuracy(float(precision[kept - 1]), float(recall[kept - 1]), area, people)


def _judged(found: People, truth: Truth, least_overlap: float) -> list[tuple[float, bool]]:
    """Score and rightness of each detection that is judged."""
    order = np.argsort(-found.scores, kind="stable")
    boxes, scores = found.boxes[order], found.scores[order]
    free = overlaps(boxes, truth.people)  # (n, m)
    ignored = np.maximum(overlaps(boxes, truth.ignored), covered(boxes, truth.ignored))
    judged = []
    for row, score in enumerate(scores):
        best = int(free[row].argmax()) if free.shape[1] else -1
        right = best >= 0 and free[row, best] >= least_overlap
        if right:
            free[:, best] = -1
        elif ignored.shape[1] and ignored[row].max() >= least_overlap:
            continue
        judged.append((float(score), bool(right)))
    return judged


def _shared(boxes: Boxes, others: Boxes) -> NDArray[np.float32]:
    least = np.maximum(boxes[:, None, :2], others[None, :, :2])
    most = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared: NDArray[np.float32] = np.prod(np.clip(most - least, 0, None), axis=2)
    return shared


def _areas(boxes: Boxes) -> NDArray[np.float32]:
    areas: NDArray[np.float32] = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1)
    return areas

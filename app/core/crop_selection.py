"""Which few crops of a track are kept: large, sharp, whole, uncovered, and spread in time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.core.boxes import area, intersection
from app.core.entities import Crop, FloatArray, Image

# A crop of this height holds all that the embedders see (they resize to 256 × 128).
FULL_HEIGHT_PX = 256.0
# Variance of the Laplacian (grey levels squared, at about 64 px height) of a well focused person.
FULL_SHARPNESS = 400.0
BORDER_MARGIN_PX = 2.0


def sharpness(image: Image) -> float:
    """Focus of a crop in 0..1: variance of the Laplacian at a height of about 64 px.

    Args:
        image: RGB uint8 (h, w, 3).
    """
    step = max(1, image.shape[0] // 64)
    grey = image[::step, ::step].astype(np.float32).mean(axis=2)  # (h', w')
    if min(grey.shape) < 3:
        return 0.0
    laplacian = (
        grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    )
    return float(min(1.0, np.sqrt(laplacian.var() / FULL_SHARPNESS)))


def covered_share(boxes: FloatArray) -> FloatArray:
    """How much of each person another one hides, float32 (n,) in 0..1.

    The person whose box reaches lower stands nearer to the camera and hides the other.

    Args:
        boxes: float32 (n, 4) xyxy in pixels, all people of one frame.
    """
    if len(boxes) < 2:
        return np.zeros(len(boxes), np.float32)
    common = intersection(boxes, boxes)  # (n, n)
    in_front = boxes[None, :, 3] > boxes[:, None, 3]  # (n, n): column stands before row
    hidden = np.where(in_front, common, 0.0).max(axis=1)
    return np.asarray(hidden / np.maximum(area(boxes), 1e-9), np.float32)


def border_free(boxes: FloatArray, width_px: int, height_px: int) -> FloatArray:
    """1 for boxes inside the frame, 0.5 for those that its border cuts, float32 (n,)."""
    cut = (
        (boxes[:, 0] <= BORDER_MARGIN_PX)
        | (boxes[:, 1] <= BORDER_MARGIN_PX)
        | (boxes[:, 2] >= width_px - BORDER_MARGIN_PX)
        | (boxes[:, 3] >= height_px - BORDER_MARGIN_PX)
    )
    return np.where(cut, 0.5, 1.0).astype(np.float32)


def geometric_quality(boxes: FloatArray, width_px: int, height_px: int) -> FloatArray:
    """Quality of the people of one frame by size, cover and border, float32 (n,) in 0..1.

    Args:
        boxes: float32 (n, 4) xyxy in pixels, all people of the frame.
        width_px: width of the frame.
        height_px: height of the frame.
    """
    heights = np.clip(boxes[:, 3] - boxes[:, 1], 0, FULL_HEIGHT_PX)
    size = np.sqrt(heights / FULL_HEIGHT_PX)
    uncovered = 1 - covered_share(boxes)
    return np.asarray(size * uncovered * border_free(boxes, width_px, height_px), np.float32)


class SpreadBest:
    """The best crops of a stream of unknown length, one per stretch of time.

    Time is divided into slots, each keeps its best crop; whenever there are more than `count`
    slots, neighbouring ones are joined and the slots become twice as long. Memory is bounded by
    `count` + 1 crops, the result does not depend on when the stream ends, and equal input gives
    equal output.
    """

    def __init__(self, count: int, first_slot_s: float = 0.4) -> None:
        if count < 1:
            raise ValueError(f"count must be at least 1, got {count}")
        self._count = count
        self._slot_s = first_slot_s
        self._start_s: float | None = None
        self._best: dict[int, Crop] = {}

    def would_keep(self, time_s: float, quality: float) -> bool:
        """Whether a crop of that time and quality would be kept, so that it need not be cut out."""
        if self._start_s is None:
            return True
        held = self._best.get(int((time_s - self._start_s) / self._slot_s))
        return held is None or quality > held.quality

    def add(self, crop: Crop) -> None:
        """Takes a crop, times rising."""
        if self._start_s is None:
            self._start_s = crop.time_s
        if not self.would_keep(crop.time_s, crop.quality):
            return
        self._best[int((crop.time_s - self._start_s) / self._slot_s)] = crop
        while len(self._best) > self._count:
            self._join_slots()

    def _join_slots(self) -> None:
        self._slot_s *= 2
        joined: dict[int, Crop] = {}
        for slot, crop in self._best.items():
            held = joined.get(slot // 2)
            if held is None or crop.quality > held.quality:
                joined[slot // 2] = crop
        self._best = joined

    def __iter__(self) -> Iterator[Crop]:
        """The crops kept, in order of time."""
        return iter(sorted(self._best.values(), key=lambda crop: crop.time_s))

    def __len__(self) -> int:
        return len(self._best)

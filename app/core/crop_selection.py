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
# A person behind, who shows beside the one in front, spoils a crop less than one before it.
SHARED_WEIGHT = 0.6
# From when to when a track begins, and how long its end is: in the first and last frame people
# are often cut by the border, or half behind something.
END_S = 0.6


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


def shared_share(boxes: FloatArray) -> FloatArray:
    """How much of each box another person's box takes up as well, float32 (n,) in 0..1.

    Args:
        boxes: float32 (n, 4) xyxy in pixels, all people of one frame.
    """
    if len(boxes) < 2:
        return np.zeros(len(boxes), np.float32)
    common = intersection(boxes, boxes)  # (n, n)
    np.fill_diagonal(common, 0)
    return np.asarray(common.max(axis=1) / np.maximum(area(boxes), 1e-9), np.float32)


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
    """Quality of the people of one frame by size, company and border, float32 (n,) in 0..1.

    Args:
        boxes: float32 (n, 4) xyxy in pixels, all people of the frame.
        width_px: width of the frame.
        height_px: height of the frame.
    """
    heights = np.clip(boxes[:, 3] - boxes[:, 1], 0, FULL_HEIGHT_PX)
    size = np.sqrt(heights / FULL_HEIGHT_PX)
    alone = (1 - covered_share(boxes)) * (1 - SHARED_WEIGHT * shared_share(boxes))
    return np.asarray(size * alone * border_free(boxes, width_px, height_px), np.float32)


class SpreadBest:
    """The best crops of a stream of unknown length: of its begin, its end, and in between.

    Time is divided into slots, each keeps its best crop; whenever there are too many slots,
    neighbouring ones are joined and the slots become twice as long. Memory is bounded by
    `count` + 2 crops, the result does not depend on when the stream ends, and equal input gives
    equal output.
    """

    def __init__(self, count: int, first_slot_s: float = 0.4) -> None:
        """Starts empty.

        Args:
            count: how many crops are kept at most; the ends are kept where it is 3 or more.
            first_slot_s: length of a slot until some are joined.
        """
        if count < 1:
            raise ValueError(f"count must be at least 1, got {count}")
        self._slots = count if count < 3 else count - 2
        self._slot_s = first_slot_s
        self._start_s: float | None = None
        self._best: dict[int, Crop] = {}
        self._ends = count >= 3
        self._begin: Crop | None = None
        self._last: list[Crop] = []  # the best of the last two stretches of END_S

    def would_keep(self, time_s: float, quality: float) -> bool:
        """Whether a crop of that time and quality would be kept, so that it need not be cut out."""
        if self._start_s is None:
            return True
        return any(
            held is None or quality > held.quality for held in self._rivals(time_s - self._start_s)
        )

    def add(self, crop: Crop) -> None:
        """Takes a crop, times rising."""
        if self._start_s is None:
            self._start_s = crop.time_s
        if not self.would_keep(crop.time_s, crop.quality):
            return
        since_s = crop.time_s - self._start_s
        slot = int(since_s / self._slot_s)
        self._best[slot] = _better(self._best.get(slot), crop)
        if self._ends:
            if since_s < END_S:
                self._begin = _better(self._begin, crop)
            if self._last and self._stretch(self._last[-1]) == self._stretch(crop):
                self._last[-1] = _better(self._last[-1], crop)
            else:
                self._last = [*self._last[-1:], crop]
        while len(self._best) > self._slots:
            self._join_slots()

    def _rivals(self, since_s: float) -> Iterator[Crop | None]:
        """What a crop at this time would have to be better than."""
        yield self._best.get(int(since_s / self._slot_s))
        if self._ends:
            if since_s < END_S:
                yield self._begin
            newest = self._last[-1] if self._last else None
            same = newest is not None and self._stretch(newest) == int(since_s / END_S)
            yield newest if same else None

    def _stretch(self, crop: Crop) -> int:
        return int((crop.time_s - (self._start_s or 0.0)) / END_S)

    def _join_slots(self) -> None:
        self._slot_s *= 2
        joined: dict[int, Crop] = {}
        for slot, crop in self._best.items():
            joined[slot // 2] = _better(joined.get(slot // 2), crop)
        self._best = joined

    def _kept(self) -> dict[int, Crop]:
        """The crops kept, by frame."""
        kept = list(self._best.values())
        if self._begin is not None:
            kept.append(self._begin)
        if self._last:
            kept.append(max(self._last, key=lambda crop: crop.quality))
        return {crop.frame_index: crop for crop in kept}

    def __iter__(self) -> Iterator[Crop]:
        """The crops kept, in order of time."""
        return iter(sorted(self._kept().values(), key=lambda crop: crop.time_s))

    def __len__(self) -> int:
        return len(self._kept())


def _better(held: Crop | None, crop: Crop) -> Crop:
    """The crop of higher quality, the earlier one of equals."""
    return crop if held is None or crop.quality > held.quality else held

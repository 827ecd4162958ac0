"""Where the picture of a frame lies: recorders put black bars around pictures of another shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.core.boxes import area, intersection
from app.core.entities import Detections, FloatArray, Image

# Black as coders write it: 16 of 255 in limited range, and a little noise.
BLACK = 24
# Every how many pixels a column or row is looked at.
_STRIDE = 8
# Of a box, so much lies on the picture; what leans out of a bar is cut there.
LEAST_INSIDE = 0.5
# Of fewer rows of pixels nobody can be recognised, and a detector takes distant signs for people.
MIN_HEIGHT_PX = 32


def picture_area(image: Image) -> FloatArray:
    """The part of a frame that is not a black bar along its border, float32 (4,) xyxy in pixels.

    The whole frame where everything is black.

    Args:
        image: RGB uint8 (H, W, 3).
    """
    height_px, width_px = image.shape[:2]
    top, bottom = _lit(image[:, ::_STRIDE].max(axis=(1, 2)))
    if top < bottom:
        left, right = _lit(image[top:bottom:_STRIDE].max(axis=(0, 2)))
        if left < right:
            return np.array([left, top, right, bottom], np.float32)
    return np.array([0, 0, width_px, height_px], np.float32)


def within_picture(image: Image, found: Detections) -> Detections:
    """The detections cut to the picture, without those on a bar, too low, or without a number.

    Args:
        image: RGB uint8 (H, W, 3).
        found: in that frame.
    """
    boxes = np.nan_to_num(found.boxes, nan=0.0)
    picture = picture_area(image)
    inside = intersection(boxes, picture[None])[:, 0] >= LEAST_INSIDE * area(boxes)
    cut = np.clip(boxes, np.tile(picture[:2], 2), np.tile(picture[2:], 2)).astype(np.float32)
    sides = cut[:, 2:] - cut[:, :2]
    kept = inside & (sides >= (1, MIN_HEIGHT_PX)).all(axis=1) & np.isfinite(found.scores)
    return Detections(cut[kept], found.scores[kept])


def _lit(brightest: NDArray[np.uint8]) -> tuple[int, int]:
    """First row or column that is not black, and the one after the last; 0, 0 if all are."""
    lit = np.flatnonzero(brightest > BLACK)
    return (int(lit[0]), int(lit[-1]) + 1) if len(lit) else (0, 0)

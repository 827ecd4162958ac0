"""Random parts of labelled pictures: the same people larger, some of them cut by an edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.detection.detectors import People
from trainer.detection.frames import Image
from trainer.detection.matching import Boxes

_SIDES = (0.25, 0.9)  # of the picture's, logarithmically even
_SHAPES = (0.9, 1.8)  # width to height
_LEAST_PX = 200
_LEAST_SHOWN = 0.3
_BAR = (0.04, 0.3)  # of the width or height, on each side


def choose_window(size_px: tuple[int, int], rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Corners x1 y1 x2 y2 of a part of a picture of (width, height)."""
    width, height = size_px
    shape = rng.uniform(*_SHAPES)
    low, high = np.log(_SIDES)
    tall = max(height * float(np.exp(rng.uniform(low, high))), _LEAST_PX)
    wide = round(min(tall * shape, width))
    tall = round(min(tall, height))
    left, top = int(rng.integers(width - wide + 1)), int(rng.integers(height - tall + 1))
    return left, top, left + wide, top + tall


def cut(picture: Image, window: tuple[int, int, int, int]) -> Image:
    """That part of a picture, copied."""
    left, top, right, bottom = window
    return picture[top:bottom, left:right].copy()


def boxes_within(
    boxes: Boxes, window: tuple[int, int, int, int]
) -> tuple[Boxes, NDArray[np.bool_]]:
    """Boxes of which enough shows in a window, cut and in its coordinates, and which these are."""
    corners: NDArray[np.float32] = np.array(window, np.float32)
    moved = boxes - np.tile(corners[:2], 2)
    limit = corners[2:] - corners[:2]
    clipped = np.concatenate([np.clip(moved[:, :2], 0, limit), np.clip(moved[:, 2:], 0, limit)], 1)
    shown = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1)
    whole = np.maximum(np.prod(moved[:, 2:] - moved[:, :2], axis=1), 1e-9)
    kept: NDArray[np.bool_] = shown / whole >= _LEAST_SHOWN
    return clipped[kept].astype(np.float32), kept


def with_bars(picture: Image, found: People, rng: np.random.Generator) -> tuple[Image, People]:
    """The picture between two black bars, as of a recording of another shape, and its people."""
    height, width = picture.shape[:2]
    bar = rng.uniform(*_BAR)
    across, down = (round(width * bar), 0) if rng.random() < 0.7 else (0, round(height * bar))
    level = int(rng.integers(0, 24))  # recorders' black is seldom 0
    framed = np.full((height + 2 * down, width + 2 * across, 3), level, np.uint8)
    framed[down : down + height, across : across + width] = picture
    offset = np.array([across, down, across, down], np.float32)
    return framed, People(found.boxes + offset, found.scores)

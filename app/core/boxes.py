"""Arithmetic of boxes: xyxy in pixels, ``float32 (n, 4)``."""

from __future__ import annotations

import numpy as np

from app.core.entities import FloatArray, Image


def area(boxes: FloatArray) -> FloatArray:
    """Areas in square pixels, float32 (n,); 0 for boxes turned inside out."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def intersection(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """Common areas in square pixels, float32 (n, m)."""
    top_left = np.maximum(boxes[:, None, :2], others[None, :, :2])  # (n, m, 2)
    bottom_right = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    sides = np.clip(bottom_right - top_left, 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)


def iou(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """Intersection over union, float32 (n, m) in 0..1."""
    common = intersection(boxes, others)
    union = area(boxes)[:, None] + area(others)[None, :] - common
    return np.asarray(common / np.maximum(union, 1e-9), np.float32)


def clip(boxes: FloatArray, width_px: int, height_px: int) -> FloatArray:
    """The boxes cut to the frame, float32 (n, 4)."""
    limits = np.array([width_px, height_px, width_px, height_px], np.float32)
    return np.clip(boxes, 0, limits).astype(np.float32)


def cut_out(image: Image, box: FloatArray) -> Image:
    """The pixels of a box, RGB uint8 (h, w, 3), at least 1 × 1; a copy, so the frame can go.

    Args:
        image: RGB uint8 (H, W, 3).
        box: float32 (4,) xyxy in pixels; may reach beyond the frame.
    """
    height_px, width_px = image.shape[:2]
    left = int(np.clip(np.floor(box[0]), 0, width_px - 1))
    top = int(np.clip(np.floor(box[1]), 0, height_px - 1))
    right = int(np.clip(np.ceil(box[2]), left + 1, width_px))
    bottom = int(np.clip(np.ceil(box[3]), top + 1, height_px))
    return image[top:bottom, left:right].copy()


def frontmost_containing(
    boxes: FloatArray, x_px: float, y_px: float, behind: int = 0
) -> int | None:
    """Index of the box around a point whose person stands in front, or None.

    Whoever stands nearer to the camera has the feet lower in the picture. Of two that end at the
    same height, as at the edge of the frame, the smaller one is meant.

    Args:
        boxes: float32 (n, 4) xyxy in pixels.
        x_px: horizontal position in the full frame.
        y_px: vertical position in the full frame.
        behind: how many people to pass over; behind the last one comes the first again.
    """
    inside = (
        (boxes[:, 0] <= x_px)
        & (x_px <= boxes[:, 2])
        & (boxes[:, 1] <= y_px)
        & (y_px <= boxes[:, 3])
    )
    order = np.lexsort((area(boxes), -boxes[:, 3]))  # the lowest feet first, then the smallest
    found = order[inside[order]]
    return int(found[behind % len(found)]) if len(found) else None

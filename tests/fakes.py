"""Stand-ins for the networks that do real pixel work on the clips of `tests.rendered`."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from app.core.entities import Detections, FloatArray, Image

# The rendered scenes are grey, the figures are not; video coding lets colours bleed a little.
MIN_SATURATION = 60
MIN_AREA_SHARE = 0.002
HUES = 12


class ColourBlobDetector:
    """Finds rendered figures as coloured blobs on a grey scene; implements `Detector`."""

    id = "colour-blobs"
    batch_size = 4

    def __init__(self) -> None:
        self.frames_seen = 0

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        self.frames_seen += len(images)
        return [_find_blobs(image) for image in images]


class HistogramEmbedder:
    """Hues of the upper and lower half of a crop; implements `Embedder`."""

    id = "hue-histogram"
    dimension = 2 * HUES

    def __init__(self) -> None:
        self.crops_seen = 0

    def embed(
        self,
        images: Sequence[Image],
        cameras: Sequence[str] | None = None,
        *,
        urgent: bool = False,
    ) -> FloatArray:
        assert cameras is None or len(cameras) == len(images)
        self.crops_seen += len(images)
        vectors = np.stack([_hues(image) for image in images])  # (n, D)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)


def _find_blobs(image: Image) -> Detections:
    coloured = image.max(axis=2).astype(np.int16) - image.min(axis=2) > MIN_SATURATION
    # Joins head, torso and legs, which thin grey seams part.
    joined = cv2.morphologyEx(coloured.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 5), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    boxes, scores = [], []
    for x, y, width, height, area in stats[1:count]:
        if area < MIN_AREA_SHARE * image.shape[0] * image.shape[1] or height < 12:
            continue
        boxes.append((x, y, x + width, y + height))
        scores.append(0.5 + 0.5 * area / (width * height))
    if not boxes:
        return Detections.none()
    return Detections(np.array(boxes, np.float32), np.array(scores, np.float32))


def _hues(image: Image) -> FloatArray:
    """Histogram of the hues of the coloured pixels of both halves, float32 (2 × HUES,)."""
    hsv = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2HSV)
    middle = hsv.shape[0] * 58 // 100  # where rendered trousers begin
    halves = []
    for half in (hsv[hsv.shape[0] // 5 : max(middle, 1)], hsv[middle:]):
        coloured = half[..., 1] > 90
        bins = half[..., 0][coloured].astype(np.int64) * HUES // 180
        histogram = np.bincount(bins, minlength=HUES).astype(np.float32)
        halves.append(histogram / max(1.0, histogram.sum()))
    return np.concatenate(halves) + np.float32(1e-3)

"""What a place looks like without its people: the median of a still camera's pictures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from trainer.detection.detectors import People
from trainer.detection.frames import Image
from trainer.detection.matching import Boxes, overlaps
from trainer.detection.teaching import Doubt

NO_BOXES: Boxes = np.zeros((0, 4), np.float32)
_FEWEST, _MOST = 7, 25  # pictures a median is taken of
# Grey levels by which the pictures of a still camera differ from their median at most pixels; a
# moving camera's differ by 20 or more. The mean would rise with the number of people in view.
_STILL = 10.0
# From this score on, a box that is in the median too is a person who stays: it is left in doubt.
_STAYS = 0.75
_SAME_OBJECT = 0.55


def place_without_people(pictures: Iterator[tuple[str, Image]], count: int) -> Image | None:
    """Median over pictures of one camera, RGB uint8 (H, W, 3); None: it moves, or too few.

    Args:
        pictures: all of the camera's, in order.
        count: how many they are; those that the median is taken of are spread over them.
    """
    taken = [image for _, image in islice(pictures, 0, None, max(1, -(-count // _MOST)))]
    if len(taken) < _FEWEST or any(image.shape != taken[0].shape for image in taken):
        return None
    stack = np.stack(taken)
    median = np.median(stack, axis=0).astype(np.uint8)
    apart = np.median(np.abs(stack[:, ::4, ::4].astype(np.int16) - median[::4, ::4]))
    return median if apart < _STILL else None


def apart_in_median(found: People, doubt: Doubt) -> tuple[Boxes, People]:
    """What is found in a median: objects (n, 4), and people who stay, all of them doubtful."""
    stays = found.scores >= _STAYS
    likely = (found.scores >= doubt.least) & ~stays
    doubtful = np.full(int(stays.sum()), (doubt.sure + doubt.least) / 2, np.float32)
    return found.boxes[likely], People(found.boxes[stays], doubtful)


def without_objects(found: People, objects: Boxes) -> People:
    """What is found in a picture, less the boxes that stand in the place's median as well."""
    if not len(objects) or not len(found.boxes):
        return found
    is_object = overlaps(found.boxes, objects).max(axis=1) >= _SAME_OBJECT
    kept = ~is_object | (found.scores >= _STAYS)
    return People(found.boxes[kept], found.scores[kept])

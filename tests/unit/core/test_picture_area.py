"""Black bars around a picture are no place for people."""

import numpy as np

from app.core.entities import Detections
from app.core.picture_area import MIN_HEIGHT_PX, picture_area, within_picture


def framed(left: int = 0, top: int = 0, right: int = 0, bottom: int = 0) -> np.ndarray:
    """A noisy picture of 320 × 240 px with black bars on it."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 200, (240, 320, 3), dtype=np.uint8)
    black = rng.integers(0, 20, image.shape, dtype=np.uint8)
    inside = np.zeros((240, 320, 1), bool)
    inside[top : 240 - bottom, left : 320 - right] = True
    return np.where(inside, image, black)


def found(*boxes: list[float]) -> Detections:
    return Detections(np.array(boxes, np.float32), np.full(len(boxes), 0.9, np.float32))


def test_bars_are_told_from_the_picture() -> None:
    assert picture_area(framed()).tolist() == [0, 0, 320, 240]
    assert picture_area(framed(left=40, right=24)).tolist() == [40, 0, 296, 240]
    assert picture_area(framed(top=30, bottom=31)).tolist() == [0, 30, 320, 209]


def test_a_black_frame_has_no_bars() -> None:
    assert picture_area(np.zeros((240, 320, 3), np.uint8)).tolist() == [0, 0, 320, 240]


def test_a_bar_is_no_person_and_people_beside_it_end_there() -> None:
    image = framed(left=60)
    kept = within_picture(
        image, found([5, 20, 55, 230], [20, 50, 80, 200], [40, 50, 100, 200], [150, 20, 200, 150])
    )
    assert kept.boxes.tolist() == [[60, 50, 100, 200], [150, 20, 200, 150]]


def test_boxes_are_cut_to_the_frame_and_those_without_pixels_or_number_are_left_out() -> None:
    boxes = np.array(
        [[-9, -5, 60, 250], [400, 0, 450, 90], [10, 10, 10, 90], [5, 5, 50, 90]], np.float32
    )
    scores = np.array([0.9, 0.9, 0.9, np.nan], np.float32)
    kept = within_picture(framed(), Detections(boxes, scores))
    assert kept.boxes.tolist() == [[0, 0, 60, 240]]


def test_people_too_low_to_be_recognised_are_left_out() -> None:
    low, high = [20, 50, 30, 50 + MIN_HEIGHT_PX - 1], [60, 50, 70, 50 + MIN_HEIGHT_PX]
    assert within_picture(framed(), found(low, high)).boxes.tolist() == [high]

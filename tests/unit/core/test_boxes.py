from __future__ import annotations

import numpy as np
import pytest

from app.core import boxes as box_math
from app.core.entities import FloatArray


def boxes(*rows: tuple[float, float, float, float]) -> FloatArray:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_area_of_proper_and_inverted_boxes() -> None:
    areas = box_math.area(boxes((0, 0, 4, 5), (4, 5, 0, 0), (1, 1, 1, 9)))
    assert areas.tolist() == [20, 0, 0]
    assert areas.dtype == np.float32


def test_intersection_of_each_pair() -> None:
    common = box_math.intersection(
        boxes((0, 0, 10, 10), (20, 20, 30, 30)),
        boxes((5, 5, 15, 15), (0, 0, 10, 10), (9, 9, 21, 21)),
    )
    assert common.tolist() == [[25, 100, 1], [0, 0, 1]]


def test_iou_is_one_for_itself_and_zero_apart() -> None:
    overlap = box_math.iou(
        boxes((0, 0, 10, 10)), boxes((0, 0, 10, 10), (0, 5, 10, 15), (50, 0, 60, 9))
    )
    np.testing.assert_allclose(overlap, [[1, 1 / 3, 0]], rtol=1e-6)


def test_iou_of_empty_boxes_is_zero_not_nan() -> None:
    assert box_math.iou(boxes((1, 1, 1, 1)), boxes((1, 1, 1, 1))).tolist() == [[0]]


def test_no_boxes_give_empty_matrices() -> None:
    assert box_math.iou(boxes(), boxes((0, 0, 1, 1))).shape == (0, 1)
    assert box_math.area(boxes()).shape == (0,)


def test_clip_cuts_to_the_frame() -> None:
    cut = box_math.clip(boxes((-5, -5, 700, 500), (10, 20, 30, 40)), 640, 480)
    assert cut.tolist() == [[0, 0, 640, 480], [10, 20, 30, 40]]
    assert cut.dtype == np.float32


def test_cut_out_takes_whole_pixels_and_copies() -> None:
    image = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    crop = box_math.cut_out(image, boxes((1.5, 2.2, 3.1, 4.0))[0])
    np.testing.assert_array_equal(crop, image[2:4, 1:4])
    crop[:] = 0
    assert image[2, 1].any()


@pytest.mark.parametrize(
    ("box", "shape"),
    [
        ((-10, -10, 4, 3), (3, 4)),
        ((6, 4, 100, 100), (2, 2)),
        ((100, 100, 120, 120), (1, 1)),
        ((-9, -9, -1, -1), (1, 1)),
        ((3, 3, 3, 3), (1, 1)),
    ],
)
def test_cut_out_never_leaves_the_frame_and_is_never_empty(
    box: tuple[float, float, float, float], shape: tuple[int, int]
) -> None:
    crop = box_math.cut_out(np.zeros((6, 8, 3), np.uint8), boxes(box)[0])
    assert crop.shape == (*shape, 3)


def test_a_click_takes_whoever_stands_in_front() -> None:
    people = boxes((0, 0, 100, 100), (40, 40, 60, 60), (45, 10, 90, 120), (50, 20, 70, 120))
    assert box_math.frontmost_containing(people, 42, 50) == 0
    assert box_math.frontmost_containing(people, 48, 50) == 2
    assert box_math.frontmost_containing(people, 55, 50) == 3, "the smaller of two at one height"
    assert box_math.frontmost_containing(people, 5, 5) == 0
    assert box_math.frontmost_containing(people, 100, 100) == 0
    assert box_math.frontmost_containing(people, 101, 50) is None
    assert box_math.frontmost_containing(boxes(), 1, 1) is None

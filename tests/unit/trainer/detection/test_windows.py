import numpy as np
import pytest

from trainer.detection.windows import boxes_within, choose_window, cut


@pytest.mark.parametrize("size", [(640, 360), (1920, 1080), (150, 90), (360, 640)])
def test_a_window_lies_in_the_picture(size):
    rng = np.random.default_rng(0)
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    sides = set()
    for _ in range(50):
        left, top, right, bottom = window = choose_window(size, rng)
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]
        assert cut(picture, window).shape == (bottom - top, right - left, 3)
        sides.add(bottom - top)
    assert len(sides) > 5 or size[1] < 200  # smaller ones are taken whole
    assert min(sides) >= min(200, size[1])


def test_boxes_are_cut_by_the_window_and_left_out_where_little_shows():
    boxes = np.array(
        [[120, 110, 140, 150], [90, 110, 110, 150], [92, 110, 102, 150], [10, 10, 20, 20]],
        np.float32,
    )
    inside, kept = boxes_within(boxes, (100, 100, 200, 200))
    assert kept.tolist() == [True, True, False, False]
    np.testing.assert_allclose(inside, [[20, 10, 40, 50], [0, 10, 10, 50]])
    assert boxes_within(np.zeros((0, 4), np.float32), (0, 0, 9, 9))[0].shape == (0, 4)

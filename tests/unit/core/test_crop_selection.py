from __future__ import annotations

import cv2
import numpy as np
import pytest

from app.core.crop_selection import (
    SpreadBest,
    border_free,
    covered_share,
    geometric_quality,
    sharpness,
)
from app.core.entities import Crop


def crop(time_s: float, quality: float) -> Crop:
    box = np.array([0, 0, 4, 8], np.float32)
    return Crop(np.zeros((8, 4, 3), np.uint8), round(time_s * 10), time_s, box, quality)


def stream(qualities: list[float], step_s: float = 0.2) -> list[Crop]:
    return [crop(index * step_s, quality) for index, quality in enumerate(qualities)]


def test_blur_lowers_sharpness() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (128, 64, 3)).astype(np.uint8)
    blurred = [cv2.GaussianBlur(noise, (0, 0), sigma) for sigma in (2, 4, 8)]
    values = [sharpness(image) for image in (noise, *blurred)]
    assert values == sorted(values, reverse=True)
    assert 0 <= values[-1] < 0.5 < values[0] <= 1


@pytest.mark.parametrize("size", [(1, 1), (2, 50), (300, 2)])
def test_sharpness_of_tiny_crops_is_zero(size: tuple[int, int]) -> None:
    assert sharpness(np.full((*size, 3), 90, np.uint8)) == 0


def test_flat_crops_are_not_sharp() -> None:
    assert sharpness(np.full((100, 50, 3), 200, np.uint8)) == 0


def test_the_person_in_front_covers_the_other() -> None:
    people = np.array([[0, 0, 10, 20], [5, 0, 15, 30], [100, 0, 110, 20]], np.float32)
    np.testing.assert_allclose(covered_share(people), [0.5, 0, 0])


def test_one_person_is_not_covered() -> None:
    assert covered_share(np.array([[0, 0, 10, 20]], np.float32)).tolist() == [0]
    assert covered_share(np.zeros((0, 4), np.float32)).shape == (0,)


def test_boxes_at_the_border_count_half() -> None:
    inside, left, bottom = [10, 10, 20, 40], [1, 10, 20, 40], [10, 10, 20, 99]
    free = border_free(np.array([inside, left, bottom], np.float32), 200, 100)
    assert free.tolist() == [1, 0.5, 0.5]


def test_quality_prefers_large_whole_uncovered_people() -> None:
    small, large = [10, 10, 20, 42], [50, 10, 90, 138]
    alone = geometric_quality(np.array([small, large], np.float32), 400, 300)
    assert 0 < alone[0] < alone[1] <= 1
    covering = [48, 12, 92, 142]
    covered = geometric_quality(np.array([small, large, covering], np.float32), 400, 300)
    assert covered[1] < 0.1 < covered[2]
    cut = geometric_quality(np.array([[0, 10, 40, 138]], np.float32), 400, 300)
    assert cut[0] == pytest.approx(alone[1] / 2)


def test_selection_keeps_at_most_count_spread_over_the_track() -> None:
    best = SpreadBest(4)
    for one in stream([0.5] * 500):
        best.add(one)
    times = [one.time_s for one in best]
    assert 2 <= len(best) <= 4
    assert times == sorted(times)
    assert times[-1] - times[0] > 40  # of 100 s: not only the beginning


def test_selection_keeps_the_best_of_all() -> None:
    qualities = np.random.default_rng(1).uniform(0, 0.8, 300).tolist()
    qualities[137] = 0.99
    best = SpreadBest(5)
    for one in stream(qualities):
        best.add(one)
    assert max(one.quality for one in best) == 0.99


def test_selection_does_not_depend_on_asking() -> None:
    crops = stream(np.random.default_rng(2).uniform(0, 1, 200).tolist())
    plain, asking = SpreadBest(6), SpreadBest(6)
    for one in crops:
        plain.add(one)
        if asking.would_keep(one.time_s, one.quality):
            asking.add(one)
    assert [one.time_s for one in plain] == [one.time_s for one in asking]


def test_a_worse_crop_of_the_same_moment_is_not_wanted() -> None:
    best = SpreadBest(3)
    assert best.would_keep(0.0, 0.1)
    best.add(crop(0.0, 0.5))
    assert not best.would_keep(0.2, 0.5)
    assert best.would_keep(0.2, 0.6)
    assert best.would_keep(0.5, 0.0)


def test_a_selection_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        SpreadBest(0)

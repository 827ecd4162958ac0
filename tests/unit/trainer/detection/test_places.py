"""A place without its people, and what stands in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.detection.detectors import People
from trainer.detection.places import (
    NO_BOXES,
    apart_in_median,
    place_without_people,
    without_objects,
)
from trainer.detection.teaching import Doubt
from trainer.detection.windows import with_bars

Picture = NDArray[np.uint8]


def place() -> Picture:
    rng = np.random.default_rng(0)
    return rng.integers(90, 110, (60, 90, 3)).astype(np.uint8)


def walk(number: int) -> Picture:
    """The place with somebody at another spot in each picture."""
    picture = place()
    picture[20:50, 8 * number : 8 * number + 8] = 255
    return picture


def found(*rows: tuple[float, float, float, float, float]) -> People:
    array = np.array(rows, np.float32).reshape(-1, 5)
    return People(array[:, :4], array[:, 4])


def test_the_median_shows_the_place_without_whoever_walks_through() -> None:
    median = place_without_people(iter([(str(n), walk(n)) for n in range(9)]), 9)
    assert median is not None
    assert np.array_equal(median, place())


def test_a_moving_camera_or_few_pictures_have_no_median() -> None:
    assert place_without_people(iter([(str(n), walk(n)) for n in range(6)]), 6) is None
    moving = [(str(n), np.roll(np.tile(np.arange(90, dtype=np.uint8) * 2, (60, 1)), 10 * n, axis=1)
               [..., None].repeat(3, axis=2)) for n in range(9)]  # fmt: skip
    assert place_without_people(iter(moving), 9) is None
    other_size = [*[(str(n), walk(n)) for n in range(8)], ("9", walk(1)[:50])]
    assert place_without_people(iter(other_size), 9) is None


def test_a_still_camera_in_a_crowd_has_a_median() -> None:
    """Of which people make up a large part, in strong contrast."""
    crowded = []
    for n in range(9):
        picture = place()
        for beside in range(3):
            left = (8 * n + 24 * beside) % 80
            picture[10:55, left : left + 8] = (255, 0)[beside % 2]
        crowded.append((str(n), picture))
    median = place_without_people(iter(crowded), 9)
    assert median is not None
    assert (np.abs(median.astype(int) - place()) < 20).mean() > 0.95


def test_the_median_is_taken_of_pictures_from_the_whole_time() -> None:
    """Somebody who stays for the first half of a long clip does not become part of the place."""
    stays = [walk(3) if n < 40 else walk(n % 9) for n in range(100)]
    median = place_without_people(iter([(str(n), one) for n, one in enumerate(stays)]), 100)
    assert median is not None
    assert np.array_equal(median, place())


def test_an_unsure_box_in_the_median_is_an_object_and_a_sure_one_stays_in_doubt() -> None:
    objects, people = apart_in_median(
        found((0, 0, 10, 30, 0.6), (50, 0, 60, 30, 0.9), (70, 0, 80, 30, 0.1)), Doubt(0.5, 0.25)
    )
    assert objects.tolist() == [[0, 0, 10, 30]]
    assert people.boxes.tolist() == [[50, 0, 60, 30]]
    assert 0.25 <= people.scores[0] < 0.5


def test_a_box_on_an_object_is_nobody_unless_it_is_sure() -> None:
    objects = np.array([[0, 0, 10, 30]], np.float32)
    left = without_objects(
        found((1, 0, 10, 30, 0.7), (0, 0, 10, 30, 0.95), (40, 0, 50, 30, 0.3)), objects
    )
    assert left.scores.tolist() == np.array([0.95, 0.3], np.float32).tolist()
    assert without_objects(left, NO_BOXES) is left


def test_bars_move_boxes_with_the_picture() -> None:
    picture = np.full((40, 80, 3), 200, np.uint8)
    people = found((10, 5, 20, 35, 0.9))
    for seed in range(6):
        framed, moved = with_bars(picture, people, np.random.default_rng(seed))
        x1, y1, x2, y2 = moved.boxes[0].astype(int)
        assert (x2 - x1, y2 - y1) == (10, 30)
        assert (framed[y1:y2, x1:x2] == 200).all()
        assert framed.size > picture.size
        assert framed[0, 0].max() < 24 or framed[-1, -1].max() < 24

"""A person with two boxes is one person; two people who cover each other are two."""

from __future__ import annotations

import numpy as np
import pytest

from app.core.doubles import without_doubles
from app.core.entities import Detections

WHOLE = [100, 100, 180, 340]


def kept(*boxes: list[int], scores: list[float]) -> list[list[float]]:
    found = without_doubles(Detections(np.array(boxes, np.float32), np.array(scores, np.float32)))
    assert len(found.boxes) == len(found.scores)
    return list(found.boxes.tolist())


@pytest.mark.parametrize("scores", [[0.9, 0.5], [0.5, 0.9]])
def test_the_better_of_two_boxes_on_one_person_stays(scores: list[float]) -> None:
    upper = [102, 100, 178, 260]
    assert kept(WHOLE, upper, scores=scores) == [WHOLE if scores[0] > scores[1] else upper]


def test_a_small_person_in_front_and_one_beside_stay() -> None:
    child, neighbour = [120, 220, 160, 335], [130, 100, 210, 340]
    assert kept(WHOLE, child, neighbour, scores=[0.9, 0.5, 0.6]) == [WHOLE, child, neighbour]


def test_what_a_double_covers_stays_if_it_is_none_of_the_person_itself() -> None:
    """The third lies within the second, which is dropped for the first: the third is not."""
    second, third = [100, 100, 180, 240], [100, 100, 140, 240]
    assert kept(WHOLE, second, third, scores=[0.9, 0.8, 0.7]) == [WHOLE, third]


def test_nobody_and_boxes_without_area_are_no_trouble() -> None:
    nobody = without_doubles(Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32)))
    assert len(nobody) == 0
    assert len(kept([5, 5, 5, 5], [5, 5, 5, 5], scores=[0.5, 0.4])) == 2

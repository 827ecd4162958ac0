import numpy as np
import pytest

from trainer.detection.detectors import People
from trainer.detection.matching import Truth, accuracy, overlaps

NOBODY = np.zeros((0, 4), np.float32)


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def people(*rows):
    """People of (x1, y1, x2, y2, score)."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return People(table[:, :4], table[:, 4])


def test_overlap_of_known_boxes():
    found = overlaps(boxes([0, 0, 10, 10]), boxes([5, 0, 15, 10], [20, 20, 30, 30]))
    np.testing.assert_allclose(found, [[1 / 3, 0]], rtol=1e-6)


def test_a_person_counts_once_and_the_best_score_takes_it():
    truth = Truth(boxes([0, 0, 10, 20], [50, 0, 60, 20]), NOBODY)
    found = people([0, 0, 10, 19, 0.6], [0, 0, 10, 20, 0.9])
    result = accuracy([found], [truth], 0.25)
    assert (result.precision, result.recall, result.people) == (0.5, 0.5, 2)
    assert result.average_precision == pytest.approx(0.5)


def test_detections_below_the_score_count_for_the_average_only():
    truth = Truth(boxes([0, 0, 10, 20], [50, 0, 60, 20]), NOBODY)
    found = people([0, 0, 10, 20, 0.9], [50, 0, 60, 20, 0.1])
    result = accuracy([found], [truth], 0.25)
    assert (result.precision, result.recall) == (1.0, 0.5)
    assert result.average_precision == pytest.approx(1.0)


def test_in_an_ignored_region_nothing_is_right_or_wrong():
    truth = Truth(boxes([0, 0, 10, 20]), boxes([40, 0, 70, 30]))
    found = people([0, 0, 10, 20, 0.9], [45, 5, 55, 25, 0.8])
    assert accuracy([found], [truth], 0.25).precision == 1.0
    elsewhere = people([0, 0, 10, 20, 0.9], [80, 5, 90, 25, 0.8])
    assert accuracy([elsewhere], [truth], 0.25).precision == 0.5


def test_pictures_do_not_lend_each_other_people():
    truth = [Truth(boxes([0, 0, 10, 20]), NOBODY), Truth(NOBODY, NOBODY)]
    found = [people(), people([0, 0, 10, 20, 0.9])]
    result = accuracy(found, truth, 0.25)
    assert (result.precision, result.recall) == (0.0, 0.0)

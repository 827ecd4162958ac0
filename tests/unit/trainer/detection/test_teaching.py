import numpy as np
import pytest

from trainer.detection.detectors import People
from trainer.detection.teaching import (
    GREY,
    Doubt,
    divided,
    found_in_window,
    label_text,
    read_labels,
    without_doubt,
)
from trainer.errors import TrainerError

DOUBT = Doubt(sure=0.5, least=0.15, most_hidden=0.1)


def found(*rows):
    table = np.array(rows, np.float32).reshape(-1, 5)
    return People(table[:, :4], table[:, 4])


def test_scores_divide_into_people_doubt_and_nothing():
    truth = divided(found([0, 0, 9, 9, 0.8], [20, 0, 29, 9, 0.3], [40, 0, 49, 9, 0.1]), DOUBT)
    assert truth.people.tolist() == [[0, 0, 9, 9]]
    assert truth.ignored.tolist() == [[20, 0, 29, 9]]


def test_a_second_box_of_a_sure_person_is_no_doubt():
    truth = divided(found([0, 0, 10, 20, 0.8], [1, 1, 9, 12, 0.3]), DOUBT)
    assert len(truth.ignored) == 0


class Answers:
    def __init__(self, people):
        self.people = people

    def find(self, image):
        return self.people


def test_a_window_shows_whom_either_look_found():
    whole = found([50, 50, 70, 90, 0.9], [80, 50, 90, 80, 0.6], [0, 0, 9, 9, 0.9])
    # In the window (40, 60, 100, 100) the first is seen again, the second overlooked, a third met.
    teacher = Answers(found([11, 0, 30, 30, 0.7], [1, 1, 5, 9, 0.6]))
    image = np.zeros((120, 120, 3), np.uint8)
    both = found_in_window(teacher, image, (40, 60, 100, 100), whole, DOUBT)
    assert sorted(both.boxes.tolist()) == [[1, 1, 5, 9], [11, 0, 30, 30], [40, 0, 50, 20]]
    # A doubtful find in the window does not stand against a sure one.
    teacher = Answers(found([11, 0, 30, 30, 0.3]))
    truth = divided(found_in_window(teacher, image, (40, 60, 100, 100), whole, DOUBT), DOUBT)
    assert sorted(truth.people.tolist()) == [[10, 0, 30, 30], [40, 0, 50, 20]]
    assert len(truth.ignored) == 0


def test_doubt_is_greyed_but_no_person_is():
    image = np.zeros((100, 100, 3), np.uint8)
    truth = divided(found([10, 0, 20, 30, 0.8], [15, 0, 30, 10, 0.3]), DOUBT)
    clear = without_doubt(image, truth, DOUBT)
    assert (clear[0:10, 20:30] == GREY).all()
    assert (clear[0:30, 10:20] == 0).all()
    assert (clear != 0).any(axis=2).sum() == 100
    assert (image == 0).all()


def test_a_picture_full_of_doubt_is_left_out():
    truth = divided(found([0, 0, 50, 50, 0.3]), DOUBT)
    assert without_doubt(np.zeros((100, 100, 3), np.uint8), truth, DOUBT) is None


def test_labels_come_back_and_stay_in_the_picture(tmp_path):
    file = tmp_path / "a.txt"
    boxes = np.array([[10, 20, 30, 60], [-5, 0, 20, 110]], np.float32)
    file.write_text(label_text(boxes, (200, 100)))
    np.testing.assert_allclose(
        read_labels(file, (200, 100)), [[10, 20, 30, 60], [0, 0, 20, 100]], atol=0.01
    )
    file.write_text("")
    assert read_labels(file, (200, 100)).shape == (0, 4)


def test_thresholds_in_the_wrong_order_are_told():
    with pytest.raises(TrainerError, match="doubtful from"):
        Doubt(sure=0.2, least=0.5)

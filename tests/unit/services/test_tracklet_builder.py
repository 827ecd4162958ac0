import numpy as np
import pytest

from app.core.entities import Frame, TrackedBoxes, TrackStep
from app.services.tracklet_builder import TrackletBuilder


def _frame(index: int, rng: np.random.Generator) -> Frame:
    return Frame(index, index / 5, rng.integers(0, 255, (120, 200, 3), dtype=np.uint8))


def _step(
    boxes: dict[int, tuple[float, float, float, float]],
    ended: tuple[int, ...] = (),
    dropped: tuple[int, ...] = (),
) -> TrackStep:
    tracked = TrackedBoxes(
        np.array(list(boxes.values()), np.float32).reshape(-1, 4),
        np.full(len(boxes), 0.75, np.float32),
        np.array(list(boxes), np.int64),
    )
    return TrackStep(tracked, ended, dropped, len(boxes))


def test_a_track_keeps_every_box_and_a_few_crops_spread_in_time() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder(crops_per_tracklet=4)
    for index in range(50):
        box = (20.0 + index, 10.0, 50.0 + index, 100.0)
        assert builder.add(_frame(index, rng), _step({7: box})) == []
    (track,) = builder.close(_step({}, ended=(7,)))
    assert track.track_id == 7
    assert track.trajectory.frame_index.tolist() == list(range(50))
    np.testing.assert_allclose(track.trajectory.boxes[49], (69, 10, 99, 100))
    assert 3 <= len(track.crops) <= 4
    times = [crop.time_s for crop in track.crops]
    assert times == sorted(times)
    assert times[0] < 0.6 and times[-1] > 9.8 - 1.2, "its begin and its end are among them"
    for crop in track.crops:
        assert crop.image.shape == (90, 30, 3)
        np.testing.assert_array_equal(
            crop.box, track.trajectory.boxes[track.trajectory.frame_index == crop.frame_index][0]
        )


def test_the_whole_person_is_preferred_to_the_one_cut_or_covered() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder(crops_per_tracklet=1)
    cut, covered = (0.0, 10.0, 30.0, 100.0), (60.0, 10.0, 90.0, 100.0)
    whole = (120.0, 10.0, 150.0, 100.0)
    builder.add(_frame(0, rng), _step({1: cut}))
    builder.add(_frame(1, rng), _step({1: whole}))
    builder.add(_frame(2, rng), _step({1: covered, 2: (62.0, 12.0, 92.0, 110.0)}))
    (track,) = builder.close(_step({}, ended=(1,)))
    assert [crop.frame_index for crop in track.crops] == [1]


def test_a_sharp_crop_is_preferred_to_a_blurred_one() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder(crops_per_tracklet=1)
    box = (60.0, 10.0, 90.0, 100.0)
    builder.add(Frame(0, 0.0, np.full((120, 200, 3), 90, np.uint8)), _step({1: box}))
    builder.add(_frame(1, rng), _step({1: box}))
    builder.add(Frame(2, 0.4, np.full((120, 200, 3), 90, np.uint8)), _step({1: box}))
    (track,) = builder.close(_step({}, ended=(1,)))
    assert [crop.frame_index for crop in track.crops] == [1]


def test_a_dropped_track_is_forgotten() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder()
    builder.add(_frame(0, rng), _step({1: (10.0, 10.0, 40.0, 90.0)}))
    assert builder.add(_frame(1, rng), _step({}, dropped=(1,))) == []
    with pytest.raises(KeyError):
        builder.close(_step({}, ended=(1,)))


def test_a_box_that_reaches_beyond_the_frame_is_cut_to_it() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder()
    builder.add(_frame(0, rng), _step({1: (-15.0, -5.0, 30.0, 300.0)}))
    (track,) = builder.close(_step({}, ended=(1,)))
    assert track.crops[0].image.shape == (120, 30, 3)


def test_a_fixed_object_does_not_become_a_tracklet() -> None:
    builder = TrackletBuilder()
    image = np.random.default_rng(0).integers(0, 255, (120, 200, 3), dtype=np.uint8)
    for index in range(20):
        builder.add(Frame(index, index / 5, image), _step({1: (20.0, 10.0, 50.0, 100.0)}))
    assert builder.close(_step({}, ended=(1,))) == []

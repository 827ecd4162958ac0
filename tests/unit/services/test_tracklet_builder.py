import numpy as np
import pytest

from app.core.entities import Frame, TrackedBoxes, TrackStep, Trajectory
from app.services.tracklet_builder import TrackletBuilder, is_fixed_object


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
    assert 2 <= len(track.crops) <= 4
    times = [crop.time_s for crop in track.crops]
    assert times == sorted(times)
    assert times[-1] - times[0] > 4.0, "crops are spread over the track"
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


def _seen(seconds: float, score: float, drift_px: float) -> Trajectory:
    """A box of 40 × 100 px at 5 frames a second that drifts to the right."""
    count = int(seconds * 5) + 1
    left = np.linspace(0, drift_px, count)
    boxes = np.stack([left, np.full(count, 50), left + 40, np.full(count, 150)], axis=1)
    return Trajectory(
        np.arange(count, dtype=np.int32),
        np.arange(count) / 5,
        boxes.astype(np.float32),
        np.full(count, score, np.float32),
    )


@pytest.mark.parametrize(
    ("seconds", "score", "drift_px", "fixed"),
    [
        (4.0, 0.45, 5.0, True),
        (4.0, 0.45, 60.0, False),  # it moves
        (4.0, 0.70, 5.0, False),  # it is surely a person
        (1.0, 0.45, 5.0, False),  # too short to tell
    ],
)
def test_a_sign_is_told_from_a_person(
    seconds: float, score: float, drift_px: float, fixed: bool
) -> None:
    assert is_fixed_object(_seen(seconds, score, drift_px)) is fixed


def test_a_sign_does_not_become_a_tracklet() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder()
    for index in range(20):
        step = _step({1: (20.0, 10.0, 50.0, 100.0)})
        weak = TrackedBoxes(step.tracked.boxes, np.array([0.4], np.float32), step.tracked.track_ids)
        builder.add(_frame(index, rng), TrackStep(weak, (), (), 1))
    assert builder.close(_step({}, ended=(1,))) == []

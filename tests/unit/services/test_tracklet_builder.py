import tracemalloc

import numpy as np
import pytest

from app.core.array_file import packed, unpacked
from app.core.entities import Frame, TrackedBoxes, TrackStep
from app.services.ingest.tracklet_builder import CROSSING_STEP_S, TrackletBuilder


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


def test_a_track_keeps_every_box_and_a_few_crops_from_begin_to_end() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder()
    for index in range(50):
        builder.add(_frame(index, rng), _step({7: (20.0 + index, 10.0, 50.0 + index, 100.0)}))
    builder.close(_step({}, ended=(7,)))
    assert builder.has_ended
    (part,) = builder.chapter()
    assert (part.track_id, part.alive) == (7, False)
    assert part.trajectory.frame_index.tolist() == list(range(50))
    np.testing.assert_allclose(part.trajectory.boxes[49], (69, 10, 99, 100))
    assert 3 <= len(part.crops) <= 4
    times = [crop.time_s for crop in part.crops]
    assert times == sorted(times)
    assert times[0] < 0.6 and times[-1] > 9.8 - 1.2, "its begin and its end are among them"
    for crop in part.crops:
        assert crop.image.shape == (90, 30, 3)
        np.testing.assert_array_equal(
            crop.box, part.trajectory.boxes[part.trajectory.frame_index == crop.frame_index][0]
        )
    assert builder.chapter() == [] and not builder.has_ended


def test_whoever_stays_adds_to_each_chapter() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder()
    for chapter in range(3):
        for index in range(20 * chapter, 20 * chapter + 20):
            builder.add(_frame(index, rng), _step({1: (20.0 + 2 * index, 10.0, 50.0, 100.0)}))
        (part,) = builder.chapter()
        assert part.alive
        assert part.trajectory.frame_index.tolist() == list(range(20 * chapter, 20 * chapter + 20))
        assert {crop.frame_index // 20 for crop in part.crops} == {chapter}


def test_what_is_too_new_to_say_what_it_is_waits_for_the_next_chapter() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder()
    builder.add(_frame(0, rng), _step({1: (20.0, 10.0, 50.0, 100.0)}))
    assert builder.chapter() == []
    other = TrackletBuilder()
    other.restore(unpacked(packed(builder.state())))
    for index in range(1, 30):
        frame, step = _frame(index, rng), _step({1: (20.0 + 3 * index, 10.0, 110.0, 100.0)})
        for each in (builder, other):
            each.add(frame, step)
    (part,), (same,) = builder.chapter(), other.chapter()
    assert part.trajectory.frame_index.tolist() == list(range(30))
    for name in ("frame_index", "time_s", "boxes", "scores"):
        np.testing.assert_array_equal(
            getattr(part.trajectory, name), getattr(same.trajectory, name)
        )
    assert [crop.frame_index for crop in part.crops] == [crop.frame_index for crop in same.crops]
    for crop, twin in zip(part.crops, same.crops, strict=True):
        np.testing.assert_array_equal(crop.image, twin.image)
        assert crop.quality == twin.quality


def test_a_box_costs_less_than_40_bytes() -> None:
    builder = TrackletBuilder()
    frame = Frame(0, 0.0, np.zeros((24, 40, 3), np.uint8))
    images = np.random.default_rng(0).integers(0, 255, (2, 24, 40, 3), dtype=np.uint8)
    count = 8000
    for index in range(20):  # so that everything of constant size is there
        builder.add(Frame(index, index / 5, images[index % 2]), _step({1: (2.0, 2.0, 20.0, 22.0)}))
    tracemalloc.start()
    for index in range(20, 20 + count):
        frame = Frame(index, index / 5, images[index % 2])
        builder.add(frame, _step({1: (2.0 + index % 9, 2.0, 20.0, 22.0)}))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 40 * count


def test_people_who_cross_get_crops_before_and_after() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder()
    for index in range(30):
        one, other = 10.0 + 5 * index, 150.0 - 5 * index
        boxes = {1: (one, 10.0, one + 30, 100.0), 2: (other, 12.0, other + 30, 102.0)}
        builder.add(_frame(index, rng), _step(boxes))
    builder.close(_step({}, ended=(1, 2)))
    for part in builder.chapter():
        frames = [crop.frame_index for crop in part.crops]
        before, after = (frame < 12 for frame in frames), (frame > 17 for frame in frames)
        assert sum(before) >= 2 and sum(after) >= 2


def test_people_who_walk_together_get_crops_all_along() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder()
    for index in range(30):
        x = 10.0 + 4 * index
        boxes = {1: (x, 10.0, x + 30, 100.0), 2: (x + 12, 12.0, x + 42, 102.0)}
        builder.add(_frame(index, rng), _step(boxes))
    for part in builder.chapter():
        times = [crop.time_s for crop in part.crops]
        assert max(np.diff([0.0, *times, 5.8])) <= 2 * CROSSING_STEP_S


def test_a_sharp_whole_crop_is_preferred() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder()
    for index in range(4):
        box = (0.0, 10.0, 30.0, 100.0) if index < 2 else (60.0, 10.0, 90.0, 100.0)
        flat = Frame(index, index / 5, np.full((120, 200, 3), 90, np.uint8))
        builder.add(_frame(index, rng) if index in (1, 3) else flat, _step({1: box}))
    builder.close(_step({}, ended=(1,)))
    (part,) = builder.chapter()
    qualities = {crop.frame_index: crop.quality for crop in part.crops}
    assert max(qualities, key=lambda frame: qualities[frame]) == 3, "sharp, and not cut"


def test_a_dropped_track_is_forgotten() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder()
    builder.add(_frame(0, rng), _step({1: (10.0, 10.0, 40.0, 90.0)}))
    builder.add(_frame(1, rng), _step({}, dropped=(1,)))
    assert builder.chapter() == []
    with pytest.raises(KeyError):
        builder.close(_step({}, ended=(1,)))


def test_a_box_that_reaches_beyond_the_frame_is_cut_to_it() -> None:
    rng = np.random.default_rng(0)
    builder = TrackletBuilder()
    builder.add(_frame(0, rng), _step({1: (-15.0, -5.0, 30.0, 300.0)}))
    builder.close(_step({}, ended=(1,)))
    (part,) = builder.chapter()
    assert part.crops[0].image.shape == (120, 30, 3)


def test_a_fixed_object_does_not_become_a_tracklet() -> None:
    builder = TrackletBuilder()
    image = np.random.default_rng(0).integers(0, 255, (120, 200, 3), dtype=np.uint8)
    for index in range(20):
        builder.add(Frame(index, index / 5, image), _step({1: (20.0, 10.0, 50.0, 100.0)}))
    builder.close(_step({}, ended=(1,)))
    assert builder.chapter() == []

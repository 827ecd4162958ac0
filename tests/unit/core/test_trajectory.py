from __future__ import annotations

import numpy as np
import pytest

from app.core.entities import Trajectory


def walk(times_s: list[float]) -> Trajectory:
    """Moves right by 10 px a second."""
    left = np.array(times_s) * 10
    boxes = np.stack([left, left * 0 + 5, left + 20, left * 0 + 45], axis=1).astype(np.float32)
    return Trajectory(
        np.arange(len(times_s), dtype=np.int32),
        np.array(times_s, np.float64),
        boxes,
        np.ones(len(times_s), np.float32),
    )


def left_at(track: Trajectory, time_s: float, max_gap_s: float = 1.0) -> float | None:
    box = track.box_at(time_s, max_gap_s)
    return None if box is None else float(box[0])


def test_at_and_between_analysed_frames() -> None:
    track = walk([1.0, 1.2, 1.4])
    assert left_at(track, 1.2) == pytest.approx(12)
    assert left_at(track, 1.25) == pytest.approx(12.5)
    box = track.box_at(1.3, 1.0)
    assert box is not None
    assert box.dtype == np.float32
    np.testing.assert_allclose(box, [13, 5, 33, 45])


def test_shortly_before_and_after_the_track() -> None:
    track = walk([1.0, 1.2])
    assert left_at(track, 0.6) == pytest.approx(10)
    assert left_at(track, 1.6) == pytest.approx(12)
    assert left_at(track, 0.4) is None
    assert left_at(track, 1.8) is None


def test_nobody_is_drawn_across_a_long_gap() -> None:
    track = walk([0.0, 0.2, 5.0, 5.2])
    assert left_at(track, 2.5) is None
    assert left_at(track, 0.5) == pytest.approx(2)  # near the box that is close in time
    assert left_at(track, 4.8) == pytest.approx(50)
    assert left_at(track, 2.5, max_gap_s=5.0) == pytest.approx(25)


def test_a_single_box() -> None:
    track = walk([3.0])
    assert len(track) == 1
    assert left_at(track, 3.0) == pytest.approx(30)
    assert left_at(track, 3.4) == pytest.approx(30)
    assert left_at(track, 4.0) is None


@pytest.mark.parametrize("field", ["frame_index", "time_s", "boxes", "scores"])
def test_wrong_arrays_are_refused(field: str) -> None:
    good = walk([0.0, 1.0])
    arrays = {name: getattr(good, name) for name in ("frame_index", "time_s", "boxes", "scores")}
    with pytest.raises(ValueError, match=f"{field} must be"):
        Trajectory(**{**arrays, field: arrays[field].astype(np.int64)})


def test_arrays_of_different_length_are_refused() -> None:
    good = walk([0.0, 1.0])
    with pytest.raises(ValueError, match="scores must be"):
        Trajectory(good.frame_index, good.time_s, good.boxes, good.scores[:1])

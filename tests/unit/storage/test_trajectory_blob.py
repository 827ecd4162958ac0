from __future__ import annotations

import numpy as np
import pytest

from app.core.entities import Trajectory
from app.storage import trajectory_blob


def a_trajectory(count: int) -> Trajectory:
    rng = np.random.default_rng(count)
    return Trajectory(
        np.cumsum(rng.integers(1, 9, count)).astype(np.int32),
        np.cumsum(rng.random(count)),
        rng.normal(size=(count, 4)).astype(np.float32),
        rng.random(count, dtype=np.float32),
    )


@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_round_trip_is_exact_to_the_bit(count: int) -> None:
    before = a_trajectory(count)
    data = trajectory_blob.encode(before)
    after = trajectory_blob.decode(data)
    assert len(data) == 8 + 32 * count
    for name in ("frame_index", "time_s", "boxes", "scores"):
        assert getattr(after, name).tobytes() == getattr(before, name).tobytes()
        assert getattr(after, name).dtype == getattr(before, name).dtype
        assert getattr(after, name).shape == getattr(before, name).shape


def test_the_decoded_arrays_belong_to_the_caller() -> None:
    after = trajectory_blob.decode(trajectory_blob.encode(a_trajectory(3)))
    after.boxes[0, 0] = 5.0
    assert after.boxes[0, 0] == 5.0


def test_cut_or_foreign_bytes_are_refused() -> None:
    data = trajectory_blob.encode(a_trajectory(3))
    for wrong in (b"", data[:5], data[:-1], data + b"x", b"\x02" + data[1:]):
        with pytest.raises(ValueError, match="trajectory"):
            trajectory_blob.decode(wrong)

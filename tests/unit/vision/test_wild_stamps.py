"""One wrong time stamp shifts nothing else, and player and pass agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.core.entities import Image
from app.services.footage.video_reader import VideoReader
from app.vision.video import open_video
from tests.recorder_files import shift_stamps
from tests.rendered import render_world, write_clip

ZONE = ZoneInfo("UTC")
COUNT = 60


@pytest.fixture(scope="module")
def frames() -> list[Image]:
    world = render_world(3, people=2, crossing_s=2.0, width_px=160, height_px=120)
    return (list(world.frames("cam1")) * 3)[:COUNT]


def times_of(path: Path) -> list[float]:
    return [frame.time_s for frame in open_video(path, "c", ZONE).frames()]


@pytest.mark.parametrize("wild", [[0], [1], [24], [40], [40, 41], [COUNT - 1]])
@pytest.mark.parametrize("by_s", [18_000, -18_000])
def test_wild_stamps_move_only_their_own_frames(
    tmp_path: Path, frames: list[Image], wild: Sequence[int], by_s: float
) -> None:
    path = shift_stamps(write_clip(tmp_path / "a.ts", frames), wild, by_s)
    np.testing.assert_allclose(times_of(path), np.arange(COUNT) / 10, atol=1e-4)
    with VideoReader(lambda: open_video(path, "c", ZONE)) as reader:
        for time_s in (5.0, 3.9, 4.0, 4.1, 0.0, 2.4):
            assert reader.frame_at(time_s).time_s == pytest.approx(time_s, abs=1e-4)


def test_a_gap_is_kept(tmp_path: Path, frames: list[Image]) -> None:
    path = shift_stamps(write_clip(tmp_path / "a.ts", frames), range(30, COUNT), 7200)
    expected = np.arange(COUNT) / 10 + np.where(np.arange(COUNT) >= 30, 7200, 0)
    np.testing.assert_allclose(times_of(path), expected, atol=1e-4)


def test_a_clock_that_begins_again_goes_on(tmp_path: Path, frames: list[Image]) -> None:
    path = shift_stamps(write_clip(tmp_path / "a.ts", frames), range(30, COUNT), -2.5)
    np.testing.assert_allclose(times_of(path), np.arange(COUNT) / 10, atol=1e-4)


def test_long_steps_are_no_jumps(tmp_path: Path, frames: list[Image]) -> None:
    times_s = [600.0 * index for index in range(8)]
    path = write_clip(tmp_path / "a.mkv", frames[:8], times_s=times_s)
    np.testing.assert_allclose(times_of(path), times_s)


@pytest.mark.parametrize("last_s", [3.0, 300.0])
def test_a_still_before_the_last_frame_is_kept(
    tmp_path: Path, frames: list[Image], last_s: float
) -> None:
    times_s = [0.0, 0.1, 0.2, 0.3, 0.4, last_s]
    path = write_clip(tmp_path / "a.mkv", frames[:6], times_s=times_s)
    np.testing.assert_allclose(times_of(path), times_s)

"""Which footage shows a moment: gaps, overlaps, clocks that are corrected, times unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core.camera_clock import CameraClock
from app.core.entities import Camera, StartSource, Video, VideoInfo, VideoStatus
from app.services.footage.moments import Moments, View

NOON = datetime(2024, 5, 14, 12, tzinfo=UTC)
NORTH, SOUTH, YARD = Camera(1, "north"), Camera(2, "south"), Camera(3, "yard")


def video(
    video_id: int, camera: Camera, after_s: float | None, length_s: float | None = 60.0
) -> Video:
    start = None if after_s is None else NOON + timedelta(seconds=after_s)
    path = Path(f"/footage/{video_id}.mp4")
    info = VideoInfo(path, camera.name, 64, 36, 25.0, None, length_s, start, StartSource.FILE_NAME)
    return Video(video_id, camera, path, "0" * 64, VideoStatus.DONE, "", info, 5.0, "d", 0.0, 0)


def seen(views: list[View]) -> list[tuple[str, int | None, float]]:
    return [
        (each.camera.name, None if each.video is None else each.video.id, each.time_s)
        for each in views
    ]


def test_all_other_cameras_are_told_in_the_order_of_their_names() -> None:
    moments = Moments([video(1, SOUTH, 0), video(2, YARD, 0), video(3, NORTH, -30)])
    views = moments.views(NOON + timedelta(seconds=10), besides=YARD.id)
    assert seen(views) == [("north", 3, 40.0), ("south", 1, 10.0)]


def test_a_gap_says_when_the_next_footage_begins() -> None:
    moments = Moments([video(1, NORTH, 0), video(2, NORTH, 100), video(3, SOUTH, 0)])
    (gap,) = moments.views(NOON + timedelta(seconds=80), besides=SOUTH.id)
    assert gap.video is None
    assert gap.next_utc == NOON + timedelta(seconds=100)
    (end,) = moments.views(NOON + timedelta(seconds=200), besides=SOUTH.id)
    assert (end.video, end.next_utc) == (None, None)


def test_of_overlapping_recordings_the_one_that_began_last_is_shown() -> None:
    moments = Moments([video(1, NORTH, 0, 600), video(2, NORTH, 30, 20), video(3, NORTH, 90, 5)])
    for after_s, expected in ((10, (1, 10.0)), (40, (2, 10.0)), (55, (1, 55.0)), (500, (1, 500.0))):
        views = moments.views(NOON + timedelta(seconds=after_s), besides=SOUTH.id)
        assert seen(views) == [("north", *expected)]


def test_footage_without_a_time_of_day_or_a_length_is_not_found() -> None:
    moments = Moments([video(1, NORTH, None), video(2, SOUTH, 0, None)])
    assert seen(moments.views(NOON, besides=YARD.id)) == [("north", None, 0), ("south", None, 0)]


@pytest.mark.parametrize("drift", [0.0, 3600.0])
def test_the_corrected_clock_counts(drift: float) -> None:
    clock = CameraClock(offset_s=-30.0, drift_s_per_day=drift, reference_utc=NOON)
    camera = replace(NORTH, clock=clock)
    moments = Moments([video(1, camera, 0)])
    (view,) = moments.views(NOON + timedelta(seconds=-10), besides=SOUTH.id)
    assert view.video is not None
    moment = view.video.moment(view.time_s)
    assert moment is not None
    assert abs((moment - NOON).total_seconds() + 10) < 1e-3

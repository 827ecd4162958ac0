"""Recordings as recorders write them: bare streams, streams with a clock of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.core.entities import Image, StartSource
from app.core.errors import VideoError
from app.vision.video import open_video
from tests.recorder_files import (
    h264_packets,
    remuxed,
    repeat_pictures,
    write_dav,
    write_program_stream,
)
from tests.rendered import render_world, write_clip

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def frames() -> list[Image]:
    return list(render_world(3, people=2, crossing_s=2.0).frames("cam1"))[:36]


# Bare streams -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "container", "codec", "options"),
    [
        (".264", "h264", "libx264", {}),
        (".h265", "hevc", "libx265", {"preset": "ultrafast", "x265-params": "log-level=none"}),
    ],
)
def test_bare_streams_run_at_the_rate_of_their_headers(
    tmp_path: Path,
    frames: list[Image],
    suffix: str,
    container: str,
    codec: str,
    options: dict[str, str],
) -> None:
    path = tmp_path / f"cam1_20240514_100000{suffix}"
    write_clip(path, frames, fps=8, codec=codec, options=options, container=container)
    source = open_video(path, "c", BERLIN)
    info = source.info
    assert (info.fps, info.frame_count, info.duration_s) == (8.0, 36, 4.5)
    assert info.start_utc == datetime(2024, 5, 14, 8, 0, tzinfo=UTC)
    times_s = [frame.time_s for frame in source.frames()]
    np.testing.assert_allclose(times_s, np.arange(36) / 8)
    later = next(source.frames(2.5))
    assert later.time_s == 2.5


@pytest.mark.parametrize(("container", "codec"), [("h264", "libx264"), ("mjpeg", "mjpeg")])
def test_the_rate_of_a_bare_stream_can_be_given(
    tmp_path: Path, frames: list[Image], container: str, codec: str
) -> None:
    path = write_clip(tmp_path / f"a.{container}", frames, fps=8, codec=codec, container=container)
    source = open_video(path, "c", BERLIN, rate_fps=4)
    assert (source.info.fps, source.info.duration_s) == (4.0, 9.0)
    assert [frame.time_s for frame in source.frames()][-1] == 35 / 4
    assert next(source.frames(5.0)).time_s == 5.0


def test_footage_with_times_keeps_to_them(tmp_path: Path, frames: list[Image]) -> None:
    path = write_clip(tmp_path / "a.mp4", frames)
    assert open_video(path, "c", BERLIN, rate_fps=4).info.fps == 10


# Dahua ------------------------------------------------------------------------------------------


def test_dahua_streams_carry_the_recorders_local_time(tmp_path: Path, frames: list[Image]) -> None:
    shown = datetime(2024, 5, 14, 10, 32, 7)  # noqa: DTZ001 - the recorder's clock
    path = write_dav(tmp_path / "evidence.dav", frames, shown)
    source = open_video(path, "c", BERLIN)
    info = source.info
    assert (info.start_local, info.start_source) == (shown, StartSource.STREAM)
    assert info.start_utc == datetime(2024, 5, 14, 8, 32, 7, tzinfo=UTC)
    times_s = [frame.time_s for frame in source.frames()]
    np.testing.assert_allclose(times_s, np.arange(36) / 10, atol=1e-9)


def test_a_dahua_clock_that_was_never_set_is_ignored(tmp_path: Path, frames: list[Image]) -> None:
    never = datetime(2000, 1, 1)  # noqa: DTZ001 - where such a clock begins
    path = write_dav(tmp_path / "evidence.dav", frames[:12], never)
    assert open_video(path, "c", BERLIN).info.start_source is StartSource.FILE_TIME


# Sound that begins first ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["20240514_103207.mp4", "20240514_103207.mkv", "20240514_103207.ts"]
)
def test_the_start_is_that_of_the_picture(tmp_path: Path, frames: list[Image], name: str) -> None:
    path = write_clip(tmp_path / name, frames, sound_s=8.0, picture_from_s=5.0)
    source = open_video(path, "c", BERLIN)
    start = datetime(2024, 5, 14, 8, 32, 12, tzinfo=UTC)
    assert source.info.start_utc is not None
    assert abs((source.info.start_utc - start).total_seconds()) < 0.1
    assert source.info.duration_s == pytest.approx(3.6, abs=0.1)
    times_s = [frame.time_s for frame in source.frames()]  # raises if it were taken for cut
    np.testing.assert_allclose(times_s, np.arange(36) / 10, atol=0.002)


# AVI --------------------------------------------------------------------------------------------


def test_same_picture_again_is_no_cut(tmp_path: Path, frames: list[Image]) -> None:
    again = [*range(5, 25), 30]
    path = repeat_pictures(write_clip(tmp_path / "a.avi", frames), again)
    source = open_video(path, "c", BERLIN)
    assert source.info.duration_s == pytest.approx((36 + len(again)) / 10)
    shown = [number + sum(place < number for place in again) for number in range(36)]
    times_s = [frame.time_s for frame in source.frames()]
    np.testing.assert_allclose(times_s, np.array(shown) / 10)


def test_avi_headers_that_count_parts_of_frames(tmp_path: Path, frames: list[Image]) -> None:
    ordered = write_clip(tmp_path / "a.mp4", frames, options={"preset": "medium", "bf": "2"})
    path = remuxed(ordered, tmp_path / "a.avi", "h264_mp4toannexb")
    source = open_video(path, "c", BERLIN)
    assert (source.info.fps, source.info.frame_count) == (10.0, 36)
    assert source.info.duration_s == pytest.approx(3.6)
    times_s = [frame.time_s for frame in source.frames()]
    np.testing.assert_allclose(times_s, np.arange(36) / 10)


# MPEG program streams ---------------------------------------------------------------------------


def test_program_streams_without_a_stream_map(tmp_path: Path, frames: list[Image]) -> None:
    packets = [data for data, _ in h264_packets(frames)]
    path = write_program_stream(tmp_path / "a.mpg", packets)
    times_s = [frame.time_s for frame in open_video(path, "c", BERLIN).frames()]
    np.testing.assert_allclose(times_s, np.arange(36) / 10)


def test_pictures_that_are_taken_for_sound(tmp_path: Path) -> None:
    sound = (b"\xff\xfb\x90\x00" + bytes(413)) * 4  # frames of MP3 under a video's number
    path = write_program_stream(tmp_path / "a.mpg", [sound] * 40)
    with pytest.raises(VideoError, match="contains pictures, but not the stream map") as raised:
        open_video(path, "c", BERLIN)
    assert "Export it" in raised.value.remedy

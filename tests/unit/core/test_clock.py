from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.core.clock import (
    SamplingGrid,
    format_offset,
    format_time,
    format_utc,
    parse_time,
    start_from_name,
)
from app.core.errors import UsageError

BERLIN = ZoneInfo("Europe/Berlin")
LOCAL = datetime(2024, 5, 14, 8, 32, 7, tzinfo=UTC)  # 10:32:07 in Berlin


@pytest.mark.parametrize(
    "name",
    [
        "20240514_103207.mp4",
        "20240514103207.mp4",
        "20240514-103207.mp4",
        "2024-05-14_10-32-07.mp4",
        "2024-05-14 10.32.07.mov",
        "2024.05.14-10.32.07.avi",
        "2024_05_14_10_32_07.avi",
        "2024-05-14--10-32-07.mkv",
        "2024-05-14_10h32m07s.mp4",
        "Screen Recording 2024-05-14 at 10.32.07.mov",
        "ch01_20240514103207.mp4",
        "NVR_ch3_main_20240514103207_20240514113207.dav",
        "RecM01_20240514_103207_103245_6D28808_1A468F9.mp4",
        "20240514_103207_ABCD.mkv",
        "VID_20240514_103207.mp4",
        "North gate_cam2_20240514T103207.mp4",
        "2024-05-14_10-32-07-0200.mp4",  # a number, not an offset
        "2024-05-14T10:32:07+02:00.mp4",
        "2024-05-14T08:32:07Z.mp4",
        "20240514T083207Z.mp4",
        "1715675527.mp4",
        "2024-05-14/001/dav/10/10.32.07-10.40.00[R][0@0][0].dav",
    ],
)
def test_recorder_names_are_read(name: str) -> None:
    assert start_from_name(name, BERLIN) == LOCAL


@pytest.mark.parametrize(
    ("name", "microsecond"),
    [
        ("2024-05-14_10-32-07.5.mp4", 500_000),
        ("192.168.1.64_01_20240514103207123.mp4", 123_000),
        ("1715675527123.mp4", 123_000),
        ("front_door-1715675527.123456-abc.mp4", 123_456),
        ("PXL_20240514_083207123.mp4", 123_000),  # Pixel phones write UTC
    ],
)
def test_fractions_of_a_second(name: str, microsecond: int) -> None:
    assert start_from_name(name, BERLIN) == LOCAL.replace(microsecond=microsecond)


@pytest.mark.parametrize(
    "name",
    [
        "c1s1_001051.jpg",
        "0001_c1s1_001051_00.jpg",
        "header_says_682_decodes_341.avi",
        "video_1920x1080_30fps.mp4",
        "20241399_103207.mp4",
        "20240231_103207.mp4",
        "20240514_253207.mp4",
        "20240514_106007.mp4",
        "20240514.mp4",
        "0123456789.mp4",
        "9999999999.mp4",
        "123456789012345.mp4",
        "Driveway-00-103207-103300.mp4",
        "10.32.07-10.40.00[R][0@0][0].dav",
        "2024-05-14 10-32-07/cam1.mp4",  # a folder's time is not the file's
        "",
    ],
)
def test_other_numbers_are_no_times(name: str) -> None:
    assert start_from_name(name, BERLIN) is None


def test_the_result_is_utc_and_follows_summer_time() -> None:
    winter = start_from_name("20240114_103207.mp4", BERLIN)
    assert winter == datetime(2024, 1, 14, 9, 32, 7, tzinfo=UTC)
    assert winter.tzinfo is UTC


@pytest.mark.parametrize("fps", [1, 2, 5, 7, 10, 12.5, 25, 29.97, 30])
def test_grid_of_the_own_rate_takes_every_frame(fps: float) -> None:
    grid = SamplingGrid(fps)
    times = [index / fps for index in range(2000)]
    assert all(grid.wants(time_s) for time_s in times)


def test_grid_takes_the_first_frame_of_each_cell() -> None:
    grid = SamplingGrid(5)
    wanted = [index for index in range(250) if grid.wants(index * 0.04)]
    assert wanted == list(range(0, 250, 5))


def test_grid_survives_times_rounded_to_milliseconds() -> None:
    grid = SamplingGrid(15)
    wanted = [index for index in range(300) if grid.wants(round(index / 30, 3))]
    assert wanted == list(range(0, 300, 2))


def test_grid_does_not_drift_by_binary_fractions() -> None:
    grid = SamplingGrid(5)
    time_s, wanted = 0.0, 0
    for _ in range(1000):  # 0.2 + 0.2 + … is off by some 1e-12
        wanted += grid.wants(time_s)
        time_s += 0.2
    assert wanted == 1000


def test_grid_with_a_variable_rate() -> None:
    grid = SamplingGrid(2)
    times = [0.0, 0.3, 0.49, 0.6, 3.4, 3.45, 3.5, 3.9, 4.2]
    assert [time_s for time_s in times if grid.wants(time_s)] == [0.0, 0.6, 3.4, 3.5, 4.2]


def test_a_resumed_grid_takes_the_same_frames() -> None:
    times = [index / 29.97 for index in range(900)]
    whole = SamplingGrid(4)
    wanted = [time_s for time_s in times if whole.wants(time_s)]
    for resume in wanted[::7]:
        again = SamplingGrid(4)
        later = [time_s for time_s in times if time_s >= resume and again.wants(time_s)]
        assert later == [time_s for time_s in wanted if time_s >= resume]


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_grid_needs_a_rate(fps: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        SamplingGrid(fps)


@pytest.mark.parametrize(
    "text",
    ["2024-05-14T10:32:07", " 2024-05-14 10:32:07 ", "2024-05-14T08:32:07Z", "20240514T103207"],
)
def test_typed_times(text: str) -> None:
    assert parse_time(text, BERLIN) == LOCAL


def test_a_typed_date_is_its_midnight() -> None:
    assert parse_time("2024-05-14", BERLIN) == datetime(2024, 5, 13, 22, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "10:32", "2024-13-01", "2024-05-14T25:00"])
def test_other_typed_texts_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        parse_time(text, BERLIN)


def test_a_typed_time_at_the_edge_of_the_calendar_is_refused() -> None:
    with pytest.raises(UsageError, match="out of range"):
        parse_time("0001-01-01", ZoneInfo("Asia/Tokyo"))


def test_times_for_people_say_their_offset() -> None:
    assert format_time(LOCAL, BERLIN) == "2024-05-14 10:32:07 +02:00"
    assert format_time(LOCAL, ZoneInfo("America/St_Johns")) == "2024-05-14 06:02:07 -02:30"


def test_times_for_exports_are_utc() -> None:
    moment = LOCAL.replace(microsecond=250_000).astimezone(BERLIN)
    assert format_utc(moment) == "2024-05-14T08:32:07.250Z"
    assert parse_time(format_utc(moment), BERLIN) == moment


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0, "0:00:00.0"), (59.96, "0:01:00.0"), (3661.25, "1:01:01.2"), (-1.5, "-0:00:01.5"),
     (-0.01, "0:00:00.0"), (36000.0, "10:00:00.0")],
)  # fmt: skip
def test_offsets(time_s: float, text: str) -> None:
    assert format_offset(time_s) == text

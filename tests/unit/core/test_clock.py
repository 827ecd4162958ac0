from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.core.clock import (
    SamplingGrid,
    format_offset,
    format_time,
    format_utc,
    parse_time,
    parse_zone,
    zone_text,
)
from app.core.errors import UsageError

BERLIN = ZoneInfo("Europe/Berlin")
LOCAL = datetime(2024, 5, 14, 8, 32, 7, tzinfo=UTC)  # 10:32:07 in Berlin


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


@pytest.mark.parametrize("text", ["Europe/Berlin", "UTC", "+01:00", "-03:30"])
def test_typed_zones_are_shown_as_typed(text: str) -> None:
    assert zone_text(parse_zone(text)) == text


@pytest.mark.parametrize(
    ("text", "hours"), [("+1", 1), ("UTC+2", 2), ("GMT-8", -8), ("-0330", -3.5)]
)
def test_typed_offsets(text: str, hours: float) -> None:
    assert parse_zone(text).utcoffset(None) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "Berlin time", "+15:00", "Europe/Atlantis", "../UTC", "+x"])
def test_other_zones_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time zone") as raised:
        parse_zone(text)
    assert "Europe/Berlin" in raised.value.remedy

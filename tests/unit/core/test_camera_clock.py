from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.core.camera_clock import (
    RAW_CLOCK,
    CameraClock,
    Mark,
    offset_text,
    parse_offset,
    solve_clock,
)
from app.core.errors import UsageError

NOON = datetime(2024, 5, 14, 12, tzinfo=UTC)


def test_a_raw_clock_changes_nothing() -> None:
    assert RAW_CLOCK.is_raw
    assert RAW_CLOCK.corrected(NOON) == NOON
    local = datetime(2024, 5, 14, 14)  # noqa: DTZ001 - a recorder's clock
    assert RAW_CLOCK.raw(NOON, local) == NOON


def test_another_zone_reads_what_the_clock_showed_anew() -> None:
    local = datetime(2024, 5, 14, 14)  # noqa: DTZ001 - a recorder's clock
    assert CameraClock("America/New_York").raw(NOON, local) == datetime(2024, 5, 14, 18, tzinfo=UTC)
    assert CameraClock("+01:00").raw(NOON, local) == datetime(2024, 5, 14, 13, tzinfo=UTC)
    assert CameraClock("+01:00").raw(NOON, None) == NOON  # its zone was stated


def test_offset_and_drift() -> None:
    clock = CameraClock(offset_s=200.0, drift_s_per_day=2.4, reference_utc=NOON)
    assert clock.corrected(NOON) == NOON + timedelta(seconds=200)
    day = timedelta(days=1)
    assert clock.corrected(NOON + day) == NOON + day + timedelta(seconds=202.4)
    assert clock.corrected(NOON - day) == NOON - day + timedelta(seconds=197.6)
    assert clock.rate == pytest.approx(1 + 2.4 / 86400)


def test_one_mark_gives_the_offset() -> None:
    clock = solve_clock([Mark(NOON, NOON + timedelta(minutes=3, seconds=20))], "+01:00")
    assert clock == CameraClock("+01:00", 200.0)


def test_marks_close_together_are_averaged() -> None:
    marks = [
        Mark(NOON + timedelta(seconds=at), NOON + timedelta(seconds=at + away))
        for at, away in ((0, 9.9), (60, 10.1))
    ]
    clock = solve_clock(marks)
    assert clock.offset_s == pytest.approx(10.0)
    assert clock.reference_utc is None


def test_marks_far_apart_give_the_drift() -> None:
    true = CameraClock(offset_s=-42.0, drift_s_per_day=8.0, reference_utc=NOON)
    marks = [Mark(raw, true.corrected(raw)) for raw in (NOON, NOON + timedelta(days=2))]
    solved = solve_clock(marks)
    for days in (-1, 0, 1, 5):
        raw = NOON + timedelta(days=days)
        assert abs((solved.corrected(raw) - true.corrected(raw)).total_seconds()) < 1e-3
    assert solved.drift_s_per_day == pytest.approx(8.0)


def test_without_marks_there_is_nothing_to_solve() -> None:
    with pytest.raises(UsageError, match="nothing to solve"):
        solve_clock([])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("200", 200), ("-3:20", -200), ("+0:03:20.5", 200.5), ("1:00:00", 3600), ("12.4", 12.4)],
)
def test_typed_offsets(text: str, seconds: float) -> None:
    assert parse_offset(text) == seconds
    assert parse_offset(offset_text(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "soon", "1:2:3:4", "3:-20"])
def test_other_offsets_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an offset"):
        parse_offset(text)

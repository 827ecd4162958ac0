from __future__ import annotations

from pathlib import Path

import pytest

from app.core import time_zone


@pytest.fixture(autouse=True)
def no_system_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(time_zone, "_LOCALTIME", tmp_path / "localtime")
    monkeypatch.setattr(time_zone, "_TIMEZONE", tmp_path / "timezone")


@pytest.mark.parametrize(
    "value",
    [
        "Asia/Tokyo",
        ":Asia/Tokyo",
        "/usr/share/zoneinfo/Asia/Tokyo",
        ":/usr/share/zoneinfo/posix/Asia/Tokyo",
    ],
)
def test_variable_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str) -> None:
    (tmp_path / "timezone").write_text("Europe/Berlin\n")
    monkeypatch.setenv("TZ", value)
    assert time_zone.system_zone().key == "Asia/Tokyo"


def test_link_before_text_file(tmp_path: Path) -> None:
    target = tmp_path / "zoneinfo" / "America" / "New_York"
    target.parent.mkdir(parents=True)
    target.touch()
    (tmp_path / "localtime").symlink_to(target)
    (tmp_path / "timezone").write_text("Europe/Berlin\n")
    assert time_zone.system_zone().key == "America/New_York"


def test_text_file_where_the_others_tell_no_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    (tmp_path / "localtime").symlink_to(tmp_path / "nowhere")
    (tmp_path / "timezone").write_text("Europe/Berlin\n")
    assert time_zone.system_zone().key == "Europe/Berlin"


def test_utc_where_nothing_is_told() -> None:
    assert time_zone.system_zone().key == "UTC"


def test_names_that_are_none() -> None:
    for name in ("", "Mars/Olympus", "/etc/passwd", "../x", "Europe"):
        assert time_zone.zone_named(name) is None

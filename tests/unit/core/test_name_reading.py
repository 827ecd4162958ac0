from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from app.core.layouts import LAYOUTS, Layout
from app.core.name_reading import read_name
from tests.layout_table import TABLE, layout_table

BERLIN = ZoneInfo("Europe/Berlin")
LOCAL = datetime(2024, 5, 14, 8, 32, 7, tzinfo=UTC)  # 10:32:07 in Berlin

# The camera that each example of the table names; what only the file's name says in brackets.
CAMERAS = {
    "Frigate": "front_door",
    "Frigate before 0.12": "front_door",
    "Frigate clip": "front_door",
    "Yi": "Hall",
    "Xiaomi": "04cf8cb4",
    "Wyze": "Garage",
    "Axis": "ACCC8EB0662C",
    "Reolink card or recorder": "Gate",
    "Reolink upload": "(Front Door)",
    "Reolink upload, other channels": "(Garage_01)",
    "UniFi Protect": "Front Door",
    "UniFi Protect archiver": "Front Door",
    "UniFi Protect storage": "FCECDA1100AB",
    "Dahua": "192.168.1.10/001",
    "Hikvision": "(D01)",
    "Hikvision client": "(192.168.1.64_01)",
    "Blue Iris": "(Cam1)",
    "Synology": "Front Door",
    "MediaMTX": "cam1",
    "ZoneMinder": "camera 1",
    "ZoneMinder by day": "camera 1",
    "Agent DVR": "KITCHEN",
    "Tesla": "left_repeater",
    "Viofo": "front",
    "Axon": "(D01A1234)",
    "Vantrue, and others with lettered lenses": "lens A",
    "BlackVue": "front",
    "70mai": "front",
    "Nextbase": "front",
    "Thinkware": "front",
    "Blink": "Front Door",
    "Aqara": "lumi1.54ef44457bc9",
    "exacqVision": "camera 00160380",
    "motionEye": "Camera1",
    "camera below the date": "Camera1",
    "time without separators, camera above the date": "Camera1",
    "time without separators, camera below the date": "Camera1",
    "camera and time below the date": "Driveway",
    "date and hour in folders, camera below": "Camera1",
    "date and hour in folders": "Camera1",
    "date and time in the name": "()",
    "date and time in the name, day or month first": "(Lobby)",
    "date, hour and minute in the name": "(Lobby)",
    "name and time below the date": "(Driveway)",
    "camera number and time below the date": "(cam7)",
    "date and time with 年, 月 and 日": "(Lobby)",
    "day, month's name and year": "(Lobby)",
    "month's name, day and year": "(Lobby)",
    "Unix time": "()",
    "Unix time of start and end": "()",
    "Unix time with a fraction": "(front_door)",
}
ONLY_MINUTES = {"Wyze", "Axon", "date, hour and minute in the name"}


def start_from_name(path: str, zone: tzinfo) -> datetime | None:
    """When a recording began according to its path, in UTC."""
    reading = read_name(path)
    return None if reading is None or reading.start is None else reading.start.utc(zone)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.maker)
def test_every_layout_tells_its_camera_and_start(layout: Layout) -> None:
    reading = read_name(f"/footage/{layout.example}.mp4")
    assert reading is not None
    assert reading.layout is layout
    assert (reading.camera or f"({reading.said})") == CAMERAS[layout.maker]
    if layout.maker == "ZoneMinder by day":  # only the database knows when
        assert reading.start is None
        return
    assert reading.start is not None
    start = reading.start.utc(BERLIN).replace(microsecond=0)
    afternoon = timedelta(hours=12 if "PM" in layout.example[-2:] else 0)
    expected = LOCAL.replace(second=0) if layout.maker in ONLY_MINUTES else LOCAL
    assert start == expected + afternoon


def test_the_table_in_the_documentation_is_current() -> None:
    assert TABLE.read_text(encoding="utf-8") == layout_table()


@pytest.mark.parametrize("folder", ["", "/footage", "/media/USB/videos"])
def test_the_start_does_not_depend_on_what_lies_above(folder: str) -> None:
    for layout in LAYOUTS:
        path = f"{folder}/{layout.example}.MP4".removeprefix("/" if not folder else "")
        reading = read_name(path)
        assert reading is not None, layout.maker
        assert reading.layout is layout


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
        "2024年05月14日10时32分07秒.mp4",
        "大门_2024年5月14日上午10點32分7秒.dav",
        "2024年05月14日 10-32-07.avi",
        "14-May-2024_10-32-07.avi",
        "14May2024 10.32.07.avi",
        "Cam 2 May 14 2024 10-32-07.avi",
        "Clip from May 14, 2024 at 10.32.07 AM.mov",
        "2024-05-14/001/dav/10/10.32.07-10.40.00[R][0@0][0].dav",
        "2024-05-14/10-32-07.mp4",
        "2024-05-14/Driveway-00-103207-103300.mp4",
        "Screen Recording 2024-05-14 at 10.32.07\u202fAM.mov",
        "WhatsApp Video 2024-05-14 at 10.32.07 AM.mp4",
        "Bildschirmaufnahme 2024-05-14 um 10.32.07.mov",
        "clip 2024-05-14_10-32-07am.mp4",
        "2024-05-14T08_32_07+00_00.mp4",
        "cam 2024-05-14 10-32-07 CEST.mp4",
        "Front Door - 5-14-2024, 1.32.07am PDT - 5-14-2024, 1.42.07am PDT.mp4",
        "Driveway 5-14-2024, 4.32.07 AM EDT.mp4",
        "2024-05-14/Driveway_10-32-07.mp4",
        "20240514/cam7_103207.mp4",
        "20240514/10/CH03-103207.mp4",
        "2024-05-14T10.32.07+02.00.mp4",
        "Roof_2024-05-14T01_32_07-0700.mp4",
        "Front Door - 2024-05-14 - 08.32.07+0000.mp4",
        "cam 2024-05-14 08-32-07 UTC.mp4",
        "cam 2024-05-14 08-32-07_UTC_1.mp4",
        "cam 2024-05-14 11-32-07 GMT+3.mp4",
        "Front Door - 5-14-2024, 10.32.07 GMT+2 - 5-14-2024, 10.42.07 GMT+2.mp4",
        "Front Door - 5-14-2024, 10.32.07am.mp4",
        "Lobby 14.05.2024 10.32.07.avi",
        "Lobby_14-05-2024_10-32-07.avi",
        "Lobby_05-14-2024_10-32-07.avi",
        "RecM01_DST20240514_103207_103245_6D28808.mp4",
        "NO20240514-103207-000001F.MP4",
        "H20240514-103207P1N2P0.avi",
        "cam1_20240514_103207.264",  # a suffix, not milliseconds
        "cam1_20240514103207.265",
        "Lobby 2024-05-14 10h32min07s.mp4",
        "Eingang Nord – 14.05.2024 – 10.32.07.mp4",
        "Lobby@2024-05-14@10-32-07.mp4",
        "cam 2024-05-14 13-32-07 UTC+5.mp4",
        "cam 2024-05-14 03-32-07 GMT-05.00.mp4",
        "cam 2024-05-14 03-32-07 -05:00.mp4",
        "cam 2024-05-14 03.32.07-05:00.mp4",
        "cam 2024-05-14 13-32-07 (UTC+5).mp4",
        "cam 2024-05-14 10-32-07 [UTC+02-00].mp4",
        "cam 2024-05-14 14-02-07 +0530.mp4",
        "2024-05-14 03:32:07 -0500.mp4",
        "2024-05-14T03-32-07-05-00.mp4",
        "2024-05-14_10-32-07-10-45.mp4",  # an end
        "2024-05-14T10:32:07-10:45.mp4",  # no zone has that offset
        "2024-05-14T10-32-07-11-30.mp4",
        "2024-05-14T05:02:07-03:30.mp4",
        "Porch 5-14-2024, 10.32.07 AM GMT+2 - 5-14-2024, 10.42.07 AM GMT+2.mp4",
        "Porch 5-14-2024, 10.32.07 AM GMT+2 5-14-2024, 10.42.07 AM GMT+2.mp4",
        "Door - 2024-05-14 - 10.32.07+0200 - 2024-05-14 - 10.42.07+0200.mp4",
        "Lobby 2024-05-14 10_32_07 to 2024-05-14 10_42_07.mp4",
        "20240514-103207-103707_192.168.1.11-CH2.mp4",
    ],
)
def test_recorder_names_are_read(name: str) -> None:
    assert start_from_name(name, BERLIN) == LOCAL


@pytest.mark.parametrize(
    ("name", "microsecond"),
    [
        ("2024-05-14_10-32-07.5.mp4", 500_000),
        ("Camera 1_2024-05-14_10h32min07s123ms.mp4", 123_000),
        ("192.168.1.64_01_20240514103207123.mp4", 123_000),
        ("1715675527123.mp4", 123_000),
        ("front_door-1715675527.123456-abc.mp4", 123_456),
        ("PXL_20240514_083207123.mp4", 123_000),  # Pixel phones write UTC
        ("2024-05-14_10-32-07-123456.mp4", 0),  # only below a camera's folder is that a fraction
        ("cam1/2024-05-14_10-32-07-123456.mp4", 123_456),
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
        "cam1_1534567890.mp4",  # a serial number
        "SN1534567890/cam1.mp4",
        "DVR 1534567890 cam1.mp4",
        "1234567890123456_cam1.mp4",
        "2024-05-14/frame_001051.mp4",
        "20991231_103207.mp4",  # not yet
        "20240514_103207.mp4/clip.mp4",
        "04-05-2024_10-32-07.avi",  # the 4th of May or the 5th of April?
        "",
        "20240514/IMG_103207.mp4",  # may be a counter
        "2024-05-14/clip_103207.mp4",
    ],
)
def test_other_numbers_are_no_times(name: str) -> None:
    assert start_from_name(name, BERLIN) is None


def test_the_result_is_utc_and_follows_summer_time() -> None:
    winter = start_from_name("20240114_103207.mp4", BERLIN)
    assert winter == datetime(2024, 1, 14, 9, 32, 7, tzinfo=UTC)
    assert winter.tzinfo is UTC


@pytest.mark.parametrize(
    ("name", "hour"),
    [
        ("2024-05-14 at 12.32.07 AM.mov", 0),
        ("2024-05-14 at 1.32.07 AM.mov", 1),
        ("2024-05-14 at 12.32.07 PM.mov", 12),
        ("2024-05-14 at 9.32.07 PM.mov", 21),
        ("2024-05-14 at 22.32.07 PM.mov", 22),
        ("2024-05-14 at 11.32.07 p.m..mov", 23),
        ("2024-05-14_10-32-07_amber.mp4", 10),
    ],
)
def test_twelve_hour_clocks(name: str, hour: int) -> None:
    assert start_from_name(name, ZoneInfo("UTC")) == datetime(2024, 5, 14, hour, 32, 7, tzinfo=UTC)


def test_a_zone_in_the_name_is_told_and_others_are_not() -> None:
    for name, told in [
        ("2024-05-14T08_32_07+00_00.mp4", timedelta(0)),
        ("Roof_2024-05-14T10_32_07-0800.mp4", timedelta(hours=-8)),
        ("2024-05-14_10-32-07-0800.mp4", None),
        ("20240514_103207.mp4", None),
    ]:
        reading = read_name(name)
        assert reading is not None
        assert reading.start is not None
        stated = reading.start.told
        assert (None if stated is None else stated.utcoffset(None)) == told, name


def test_a_unix_time_beside_a_date_is_believed_where_both_agree() -> None:
    name = "Hall/20240514AM/Hall-20240514-{}-1715675527.mp4"
    tokyo = ZoneInfo("Asia/Tokyo")
    assert start_from_name(name.format("103207"), tokyo) == LOCAL  # written two hours east of UTC
    odd = start_from_name(name.format("101107"), tokyo)
    assert odd == datetime(2024, 5, 14, 1, 11, 7, tzinfo=UTC)  # a number that is no time


def test_windows_paths_are_read() -> None:
    reading = read_name(r"D:\Camera1\2024-05-14\10-32-07.mp4")
    assert reading is not None
    assert reading.camera == "Camera1"


@pytest.mark.parametrize(
    ("name", "camera"),
    [
        ("2024_0514_103207_000012F", "front"),
        ("2024_0514_103207_0012PR", "rear"),
        ("2024_0514_103207_00012T", "telephoto"),
        ("2024_0514_103207_I", "interior"),
        ("20240514_103207_000012B", "lens B"),  # the interior of one maker, the rear of another
        ("20240514103207_000012A", "lens A"),
        ("20240514_103207_00001_N_C", "lens C"),
        ("NO20240514-103207-000001B", "rear"),
    ],
)
def test_letters_of_lenses_mean_what_their_maker_says(name: str, camera: str) -> None:
    reading = read_name(f"/card/DCIM/Movie/{name}.MP4")
    assert reading is not None
    assert reading.camera == camera
    assert reading.start is not None
    assert reading.start.utc(BERLIN) == LOCAL

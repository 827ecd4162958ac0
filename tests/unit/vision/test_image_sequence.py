from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest

from app.core.entities import Image, StartSource, VideoInfo
from app.core.errors import TruncatedVideoError, VideoError
from app.core.ports import FrameSource
from app.vision.image_sequence import open_image_sequence
from tests.rendered import write_sequence

ZONE = ZoneInfo("Europe/Berlin")


def pictures(count: int, size: tuple[int, int] = (24, 32)) -> list[Image]:
    """Frames that differ: picture k is filled with (10 k, 20, 200 − 10 k)."""
    return [np.full((*size, 3), (10 * k, 20, 200 - 10 * k), np.uint8) for k in range(count)]


def test_times_and_order_follow_the_numbers(tmp_path: Path) -> None:
    write_sequence(tmp_path, pictures(4), "door", ".png", [7, 9, 10, 110])
    source: FrameSource = open_image_sequence(tmp_path, "door", "door", 5.0)
    frames = list(source.frames())
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    np.testing.assert_allclose([frame.time_s for frame in frames], [0, 0.4, 0.6, 20.6])
    for frame, expected in zip(frames, pictures(4), strict=True):
        np.testing.assert_array_equal(frame.image(), expected)
    info = source.info
    assert (info.width_px, info.height_px, info.fps, info.frame_count) == (32, 24, 5.0, 4)
    assert info.duration_s == pytest.approx(20.8)
    assert info.path == tmp_path / "door000007.png"
    assert info.camera == "door"
    source.close()


@pytest.mark.parametrize(
    ("start_s", "numbers"),
    [(0.0, [0, 1, 2, 3]), (0.39, [0, 1, 2, 3]), (0.4, [1, 2, 3]), (0.3996, [1, 2, 3]),
     (5.0, [2, 3]), (99.0, [3]), (-1.0, [0, 1, 2, 3])],
)  # fmt: skip
def test_starts_with_the_frame_that_is_shown(
    tmp_path: Path, start_s: float, numbers: list[int]
) -> None:
    write_sequence(tmp_path, pictures(4), "f", ".png", [7, 9, 10, 110])
    frames = list(open_image_sequence(tmp_path, "f", "c", 5.0).frames(start_s, 40))
    assert [frame.index for frame in frames] == [40 + at for at in range(len(numbers))]
    for frame, number in zip(frames, numbers, strict=True):
        np.testing.assert_array_equal(frame.image(), pictures(4)[number])


def test_jpeg_in_a_folder_with_an_unusual_name(tmp_path: Path) -> None:
    folder = tmp_path / "Überwachung – 監視"
    write_sequence(folder, pictures(2, (64, 48)), "bild_", ".jpg")
    first = next(open_image_sequence(folder, "bild_", "c", None).frames())
    np.testing.assert_allclose(first.image(), pictures(2, (64, 48))[0], atol=4)


def test_pictures_that_lie_on_their_side_stand_upright(tmp_path: Path) -> None:
    write_sequence(tmp_path, pictures(2, (24, 32)), "f", ".jpg")
    exif = bytes.fromhex("ffe1002245786966000049492a0008000000010012010300010000000600000000000000")
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        path.write_bytes(content[:2] + exif + content[2:])
    source = open_image_sequence(tmp_path, "f", "c", None)
    assert (source.info.width_px, source.info.height_px) == (24, 32)
    assert next(source.frames()).image().shape == (32, 24, 3)


# Frame rate -------------------------------------------------------------------------------------


def test_rate_by_the_names_of_a_known_data_set(tmp_path: Path) -> None:
    write_sequence(tmp_path, pictures(2), "c1s1_", ".png", [1051, 2301])
    source = open_image_sequence(tmp_path, "c1s1_", "c", None)
    assert source.info.fps == 25
    assert [frame.time_s for frame in source.frames()] == [0, 50]
    assert open_image_sequence(tmp_path, "c1s1_", "c", 10.0).info.fps == 10


@pytest.mark.parametrize("place", [".", "img1"])
def test_rate_by_seqinfo(tmp_path: Path, place: str) -> None:
    write_sequence(tmp_path / place, pictures(2), "", ".png")
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nname=MOT17-02\nframeRate=30\n")
    assert open_image_sequence(tmp_path / place, "", "c", None).info.fps == 30


@pytest.mark.parametrize("content", ["", "frameRate=30", "[Sequence]\nframeRate=often\n",
                                     "[Sequence]\nframeRate=0\n", "\xff\xfe"])  # fmt: skip
def test_rate_without_any_hint(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_sequence(tmp_path, pictures(2), "f", ".png")
    (tmp_path / "seqinfo.ini").write_bytes(content.encode("latin-1"))
    with caplog.at_level("INFO"):
        assert open_image_sequence(tmp_path, "f", "c", None).info.fps == 25
    assert "no frame rate known" in caplog.text


def test_snapshots_are_timed_by_their_names(tmp_path: Path) -> None:
    write_sequence(tmp_path, pictures(3), "20240514_", ".png", [103207, 103259, 103301])
    source = open_image_sequence(tmp_path, "20240514_", "c", None, ZONE)
    assert [frame.time_s for frame in source.frames()] == [0, 52, 54]
    assert source.info.start_utc == datetime(2024, 5, 14, 8, 32, 7, tzinfo=UTC)
    assert source.info.start_source is StartSource.FILE_NAME
    given = open_image_sequence(tmp_path, "20240514_", "c", 1.0, ZONE)
    assert [frame.time_s for frame in given.frames()] == [0, 52, 94]


def times_of_snapshots(folder: Path, clock: list[int]) -> tuple[list[float], VideoInfo]:
    write_sequence(folder, pictures(len(clock)), "20240331_", ".png", clock)
    source = open_image_sequence(folder, "20240331_", "c", None, ZONE)
    return [frame.time_s for frame in source.frames()], source.info


def test_snapshots_of_a_recorder_that_stays_in_standard_time(tmp_path: Path) -> None:
    clock = [13000, 14500, 20000, 21500, 23000, 24500, 30000, 31500]
    times_s, info = times_of_snapshots(tmp_path, clock)
    assert times_s == [900.0 * number for number in range(8)]
    assert info.duration_s == 105 * 60
    assert info.start_utc == datetime(2024, 3, 31, 0, 30, tzinfo=UTC)
    assert info.start_local == datetime(2024, 3, 31, 1, 30)  # noqa: DTZ001 - the recorder's clock


def test_snapshots_of_a_recorder_that_changes_to_summer_time(tmp_path: Path) -> None:
    times_s, info = times_of_snapshots(tmp_path, [13000, 14500, 30000, 31500])
    assert times_s == [900.0 * number for number in range(4)]
    assert info.duration_s == 45 * 60


def test_snapshots_over_the_end_of_summer_time_in_standard_time(tmp_path: Path) -> None:
    clock = [
        10000 * (100 + minute // 60) % 1000000 + minute % 60 * 100 for minute in range(0, 300, 15)
    ]
    write_sequence(tmp_path, pictures(len(clock)), "20241027_", ".png", clock)
    source = open_image_sequence(tmp_path, "20241027_", "c", None, ZONE)
    assert [frame.time_s for frame in source.frames()] == [900.0 * at for at in range(len(clock))]


# Start ------------------------------------------------------------------------------------------


def test_start_by_name_else_by_the_first_files_time(tmp_path: Path) -> None:
    write_sequence(tmp_path, pictures(2), "gate_20240514103207_", ".png")
    info = open_image_sequence(tmp_path, "gate_20240514103207_", "c", None, ZONE).info
    assert info.start_utc == datetime(2024, 5, 14, 8, 32, 7, tzinfo=UTC)
    assert info.start_source is StartSource.FILE_NAME
    first, _ = write_sequence(tmp_path, pictures(2), "other_", ".png")
    os.utime(first, (1.7e9, 1.7e9))
    info = open_image_sequence(tmp_path, "other_", "c", None, ZONE).info
    assert info.start_utc == datetime.fromtimestamp(1.7e9, UTC)
    assert info.start_source is StartSource.FILE_TIME


# Damage -----------------------------------------------------------------------------------------


def read_all(source: FrameSource, start_s: float = 0.0) -> tuple[list[float], str]:
    times_s = []
    try:
        for frame in source.frames(start_s):
            frame.image()
            times_s.append(frame.time_s)
    except TruncatedVideoError as error:
        return times_s, error.message
    return times_s, ""


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "other size":
        path.write_bytes(cv2.imencode(path.suffix, np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    elif how == "text":
        path.write_bytes(b"<html>404</html>")
    else:
        path.unlink()


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("how", ["cut", "empty", "other size", "text", "gone"])
def test_bad_pictures_are_left_out_and_told(tmp_path: Path, how: str, suffix: str) -> None:
    files = write_sequence(tmp_path, pictures(6, (64, 64)), "f", suffix)
    source = open_image_sequence(tmp_path, "f", "c", 1.0)
    damage(files[2], how)
    damage(files[4], how)
    times_s, problem = read_all(source)
    assert times_s == [0, 1, 3, 5]
    assert problem == (
        f"2 of the 6 pictures in {tmp_path.name} cannot be read or differ in size; "
        f"the first is {files[2].name}."
    )


def test_a_bad_first_picture_moves_the_start(tmp_path: Path) -> None:
    files = write_sequence(tmp_path, pictures(4), "f", ".png")
    damage(files[0], "cut")
    source = open_image_sequence(tmp_path, "f", "c", 2.0)
    times_s, problem = read_all(source)
    assert times_s == [0, 0.5, 1]
    assert problem.startswith("1 of the 4 pictures")


def test_a_resumed_pass_tells_of_earlier_damage_and_steps_back_over_it(tmp_path: Path) -> None:
    files = write_sequence(tmp_path, pictures(6), "f", ".png")
    damage(files[1], "cut")
    damage(files[4], "cut")
    source = open_image_sequence(tmp_path, "f", "c", 1.0)
    times_s, problem = read_all(source, 4.0)
    assert times_s == [3, 5]
    assert problem.startswith("2 of the 6 pictures")


def test_nothing_readable(tmp_path: Path) -> None:
    for path in write_sequence(tmp_path, pictures(3), "f", ".png"):
        damage(path, "empty")
    with pytest.raises(VideoError, match="None of the 3 pictures f… in"):
        open_image_sequence(tmp_path, "f", "c", None)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no longer holds numbered pictures f…"):
        open_image_sequence(tmp_path, "f", "c", None)
    with pytest.raises(VideoError, match="cannot be read"):
        open_image_sequence(tmp_path / "gone", "f", "c", None)


def test_the_real_frames(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("frames/market1501/camera3")
    source = open_image_sequence(folder, "c3s1_", "camera3", None, ZONE)
    assert [frame.time_s for frame in source.frames()] == [0, 2, 45]
    assert (source.info.width_px, source.info.height_px) == (1920, 1080)

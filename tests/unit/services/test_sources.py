from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.errors import UsageError
from app.services.footage.sources import SourceFile, find_sources, source_files


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def cameras(root: Path, camera_by: str = "auto") -> dict[str, str]:
    """Relative path (of a sequence: folder/prefix) → camera."""
    return {
        (source.path / source.prefix).relative_to(root).as_posix(): source.camera
        for source in find_sources(root, camera_by)
    }


def test_finds_videos_everywhere_in_natural_order(tmp_path: Path) -> None:
    make(
        tmp_path,
        "cam10/a.MP4",
        "cam2/b.mkv",
        "cam2/a10.avi",
        "cam2/a9.dav",
        "top.webm",
        "notes.txt",
    )
    found = [source.path.relative_to(tmp_path).as_posix() for source in find_sources(tmp_path)]
    assert found == ["cam2/a9.dav", "cam2/a10.avi", "cam2/b.mkv", "cam10/a.MP4", "top.webm"]


def test_leaves_out_hidden_files_libraries_and_system_folders(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", ".b.mp4", "._a.mp4", ".trash/c.mp4", "@eaDir/a.mp4", "__MACOSX/a.mp4",
         "people/library.sqlite", "people/crops/clip.mp4", "people/crops/f_1.jpg",
         "people/crops/f_2.jpg")  # fmt: skip
    assert cameras(tmp_path) == {"a.mp4": "a"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_devices_are_no_footage(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", "notes.txt")
    os.mkfifo(tmp_path / "pipe.mp4")
    os.mkfifo(tmp_path / "pipe_1.jpg")
    (tmp_path / "endless.mp4").symlink_to("/dev/zero")
    (tmp_path / "gone.mp4").symlink_to("nowhere")  # is named as missing when its turn comes
    assert set(cameras(tmp_path)) == {"a.mp4", "gone.mp4"}
    with pytest.raises(UsageError, match="is a pipe or a device"):
        find_sources(tmp_path / "pipe.mp4")


def test_circular_links_end(tmp_path: Path) -> None:
    make(tmp_path, "day/a.mp4")
    (tmp_path / "day" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert list(cameras(tmp_path)) == ["day/a.mp4"]


def test_image_sequences(tmp_path: Path) -> None:
    make(tmp_path, "door/f_1.jpg", "door/f_2.jpg", "door/g_1.png", "door/g_9.png", "door/plan.png",
         "door/single_7.jpg", "crops/0001_c1s1_001051_00.jpg", "crops/0001_c1s1_001051_01.jpg",
         "crops/0001_c2s1_001076_00.jpg")  # fmt: skip
    found = find_sources(tmp_path)
    assert found == [
        SourceFile(tmp_path / "door", "door", "sequence", "f_"),
        SourceFile(tmp_path / "door", "door", "sequence", "g_"),
    ]
    assert [path.name for path in source_files(found[1])] == ["g_1.png", "g_9.png"]


def test_files_of_a_source(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", "s/10.jpg", "s/9.jpg")
    video, sequence = find_sources(tmp_path)
    assert source_files(video) == [tmp_path / "a.mp4"]
    assert [path.name for path in source_files(sequence)] == ["9.jpg", "10.jpg"]
    gone = SourceFile(tmp_path / "gone", "", "sequence", "f_")
    assert source_files(gone) == []


def test_one_file_instead_of_a_folder(tmp_path: Path) -> None:
    make(
        tmp_path, "cam4_day.mp4", "cam5_day.mp4", "odd.bin", "s/f_1.jpg", "s/f_2.jpg", "s/face.jpg"
    )
    assert find_sources(tmp_path / "cam4_day.mp4") == [
        SourceFile(tmp_path / "cam4_day.mp4", "cam4", "file")
    ]
    assert [source.camera for source in find_sources(tmp_path / "odd.bin")] == ["odd"]
    assert find_sources(tmp_path / "s" / "f_2.jpg") == [
        SourceFile(tmp_path / "s", "f", "sequence", "f_")
    ]
    with pytest.raises(UsageError, match="single picture"):
        find_sources(tmp_path / "s" / "face.jpg")


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        find_sources(tmp_path / "nowhere")
    make(tmp_path, "readme.txt", "one_1.jpg")
    with pytest.raises(UsageError, match="no footage") as raised:
        find_sources(tmp_path)
    assert "MP4" in raised.value.remedy
    assert "numbered" in raised.value.remedy


# Cameras ----------------------------------------------------------------------------------------


def test_auto_takes_the_first_folder(tmp_path: Path) -> None:
    make(tmp_path, "lobby/a.mp4", "lobby/deep/b.mp4", "yard/cam1.mp4", "yard/more/cam1_2.mp4")
    assert cameras(tmp_path) == {
        "lobby/a.mp4": "lobby", "lobby/deep/b.mp4": "lobby",
        "yard/cam1.mp4": "yard", "yard/more/cam1_2.mp4": "yard",
    }  # fmt: skip


def test_auto_believes_files_that_name_different_cameras(tmp_path: Path) -> None:
    make(tmp_path, "campus/cam1.webm", "campus/cam3.webm", "campus/extra.webm", "indoor/one.mp4")
    assert cameras(tmp_path) == {
        "campus/cam1.webm": "cam1", "campus/cam3.webm": "cam3", "campus/extra.webm": "campus",
        "indoor/one.mp4": "indoor",
    }  # fmt: skip
    assert cameras(tmp_path / "campus") == {
        "cam1.webm": "cam1", "cam3.webm": "cam3", "extra.webm": "extra"
    }  # fmt: skip


def test_auto_keeps_equal_names_of_different_places_apart(tmp_path: Path) -> None:
    make(tmp_path, "siteA/cam1.mp4", "siteA/cam2.mp4", "siteB/cam1.mp4", "siteB/cam3.mp4")
    assert cameras(tmp_path) == {
        "siteA/cam1.mp4": "siteA/cam1", "siteA/cam2.mp4": "cam2",
        "siteB/cam1.mp4": "siteB/cam1", "siteB/cam3.mp4": "cam3",
    }  # fmt: skip


def test_auto_keeps_equal_folders_of_different_places_apart(tmp_path: Path) -> None:
    make(tmp_path, "A/cam1/x.mp4", "A/cam2/x.mp4", "B/cam1/x.mp4", "B/cam2/x.mp4")
    assert set(cameras(tmp_path).values()) == {"A/cam1", "A/cam2", "B/cam1", "B/cam2"}


@pytest.mark.parametrize("day", ["2024-05-{}", "202405{}", "2024/05/{}"])
def test_auto_joins_the_days_of_a_camera(tmp_path: Path, day: str) -> None:
    for number in (14, 15):
        make(tmp_path / day.format(number), "cam1/a.mp4", "cam2/a.mp4")
    assert set(cameras(tmp_path).values()) == {"cam1", "cam2"}


def test_auto_for_market_frames(tmp_path: Path) -> None:
    make(tmp_path, "m/camera1/c1s1_001051.jpg", "m/camera1/c1s1_002301.jpg",
         "m/camera3/c3s1_000501.jpg", "m/camera3/c3s1_000551.jpg")  # fmt: skip
    for root in (tmp_path, tmp_path / "m"):
        assert list(cameras(root).values()) == ["camera1", "camera3"]
    assert list(cameras(tmp_path / "m" / "camera3").values()) == ["camera3"]
    assert list(cameras(tmp_path / "m", "file").values()) == ["c1", "c3"]


@pytest.mark.parametrize(
    ("name", "camera"),
    [
        ("cam1.webm", "cam1"),
        ("camera_2.mp4", "camera_2"),
        ("ch03_20240514103207.mp4", "ch03"),
        ("NVR_CH01_main_20240514103207.dav", "CH01"),
        ("North gate_cam2_20240514_103207.mp4", "cam2"),
        ("20240514_103207_cam 7.mp4", "cam 7"),
        ("Driveway_20240514_103207.mp4", "Driveway"),
        ("Front-Door.2024-05-14_10-32-07.mp4", "Front-Door"),
        ("cam 2024-05-14 10-32-07 UTC+5.mp4", "cam"),  # not "cam 2024"
        ("cam 14.05.2024 10-32-07.mp4", "cam"),
        ("camera 2024-05-14.mp4", "camera"),
        ("Lobby 05-06-2024 10-32-07.mp4", "Lobby"),  # May or June: the start is not told
        ("cam 2 2024-05-14.mp4", "cam 2"),
        ("Lobby (2024-05-14 10-32-07 UTC-5).mp4", "Lobby"),
        ("192.168.0.64_01_20240514103207939_MOTION_DETECTION.mp4", "192.168.0.64_01"),
        ("20240514-103207-103707_192.168.1.11-CH2.mp4", "192.168.1.11-CH2"),
        ("Camera 1 (192.168.0.1) 2024-05-14 10-32-07.mp4", "Camera 1"),
        ("Porch 5-14-2024, 10.32.07 PM GMT+2 - 5-14-2024, 10.42.07 PM GMT+2.mp4", "Porch"),
        ("c3s1_000501.mp4", "c3"),
        ("webcam1.mp4", "webcam1"),
        ("campus.mp4", "campus"),
        ("match10.mp4", "match10"),
        ("header_says_682_decodes_341.avi", "header_says_682_decodes_341"),
    ],
)
def test_cameras_in_file_names(tmp_path: Path, name: str, camera: str) -> None:
    make(tmp_path, name)
    assert cameras(tmp_path) == {name: camera}
    assert cameras(tmp_path, "file") == {name: camera}


@pytest.mark.parametrize("name", ["VID_{}.mp4", "{}.mp4", "Screen Recording {} PM.mp4"])
def test_files_whose_names_are_only_times_are_one_camera(tmp_path: Path, name: str) -> None:
    place = tmp_path / "Garage" / "2024-05-14"
    make(place, name.format("20240514_103207"), name.format("20240514_113207"))
    assert set(cameras(place).values()) == {"Garage"}
    assert set(cameras(tmp_path).values()) == {"Garage"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["NVR/Lobby/20240514_103207.mp4", "NVR/Garage/20240514_113207.mp4"], ["Garage", "Lobby"]),
        (["Reolink/2024/05/14/Garage_01_20240514103207.mp4"], ["Garage_01"]),
        (
            [
                "Gate/2024/05/14/RLC-410_00_20240514103207.mp4",
                "Yard/2024/05/14/RLC-410_00_20240514103207.mp4",
            ],
            ["Gate", "Yard"],
        ),
        (["20240514/10/32.mp4", "20240514/11/05.mp4"], ["home"]),
        (["Camera1/2024-05-14/10-32-07.mp4", "Camera2/2024-05-14/10-32-08.mp4",
          "Camera1/2024-05-15/09-00-00.mp4"], ["Camera1", "Camera2"]),
        (["2024_0514_103207_000001F.MP4", "2024_0514_103207_000001R.MP4"], ["front", "rear"]),
        (["192.168.1.10/2024-05-14/001/dav/10/10.32.07-10.40.00[R][0@0][0].mp4",
          "192.168.1.10/2024-05-14/002/dav/10/10.32.07-10.40.00[R][0@0][0].mp4"],
         ["192.168.1.10/001", "192.168.1.10/002"]),
        (["siteA/rec/2024-05-14/08/door/32.07.mp4", "siteB/rec/2024-05-14/08/door/32.07.mp4"],
         ["siteA/door", "siteB/door"]),
        (["TeslaCam/SavedClips/2024-05-14_10-33-00/2024-05-14_10-32-07-front.mp4",
          "TeslaCam/SentryClips/2024-05-15_10-33-00/2024-05-15_10-32-07-front.mp4",
          "TeslaCam/SentryClips/2024-05-15_10-33-00/2024-05-15_10-32-07-back.mp4"],
         ["back", "front"]),
        (["Mp4Record/2024-05-14/RecM01_20240514_103207_103245_6D28808.mp4",
          "Mp4Record/2024-05-14/RecM02_20240514_103207_103245_6D28808.mp4"],
         ["home"]),  # the version of the name, not a channel
        (["Gate/Mp4Record/2024-05-14/RecM01_20240514_103207_103245_6D28808.mp4",
          "Yard/Mp4Record/2024-05-14/RecM02_20240514_103207_103245_6D28808.mp4"],
         ["Gate", "Yard"]),
        (["CarA/DCIM/Movie/2024_0514_103207_000001F.MP4",
          "CarB/DCIM/Movie/2024_0514_103207_000001F.MP4"], ["CarA/front", "CarB/front"]),
        (["CarA/BlackVue/Record/20240514_103207_NF.mp4",
          "CarB/BlackVue/Record/20240514_103207_NF.mp4"],
         ["CarA/BlackVue/front", "CarB/BlackVue/front"]),
        (["CarA/TeslaCam/SavedClips/2024-05-14_10-33-00/2024-05-14_10-32-07-front.mp4",
          "CarB/TeslaCam/SavedClips/2024-05-14_10-33-00/2024-05-14_10-32-07-front.mp4"],
         ["CarA/TeslaCam/front", "CarB/TeslaCam/front"]),
        (["New/Cam1.20240514_103207.mp4", "New/Cam2.20240514_103207.mp4"], ["Cam1", "Cam2"]),
        (["2024/05/14/Front Door_00_20240514103207.mp4", "2024/05/14/Yard_00_20240514103207.mp4"],
         ["Front Door", "Yard"]),
        (["Front Door/2024/05/14/Front Door - 2024-05-14 - 08.32.07+0000.mp4",
          "Front Door/2024/05/15/Front Door - 2024-05-15 - 08.32.07+0000.mp4"], ["Front Door"]),
    ],
)  # fmt: skip
def test_cameras_of_recorders_layouts(
    tmp_path: Path, names: list[str], expected: list[str]
) -> None:
    root = tmp_path / "home"
    make(root, *names)
    assert sorted(set(cameras(root).values())) == expected


def test_a_folder_within_a_layout_tells_the_same_camera(tmp_path: Path) -> None:
    make(tmp_path, "Camera1/2024-05-14/10-32-07.mp4", "Camera1/2024-05-15/10-32-07.mp4")
    for place in ("", "Camera1", "Camera1/2024-05-14"):
        assert set(cameras(tmp_path / place).values()) == {"Camera1"}


def test_short_names_are_lengthened_where_they_would_join_cameras(tmp_path: Path) -> None:
    make(tmp_path, "North gate_cam2_20240514.mp4", "South gate_cam2_20240514.mp4", "clip1_cam3.mp4",
         "clip2_cam3.mp4")  # fmt: skip
    assert list(cameras(tmp_path).values()) == [
        "cam3",
        "cam3",
        "North gate_cam2",
        "South gate_cam2",
    ]


@pytest.mark.parametrize(
    ("garage", "expected"),
    [
        ("20240514_103207", ["Garage", "Lobby"]),
        ("20240514_103215", ["Garage", "Lobby"]),
        ("20240514_104207", ["site", "site"]),  # the same camera, later
    ],
)
def test_a_camera_does_not_record_twice_at_once(
    tmp_path: Path, garage: str, expected: list[str]
) -> None:
    make(tmp_path, "site/Lobby/20240514_103207.mp4", f"site/Garage/{garage}.mp4")
    assert sorted(cameras(tmp_path).values()) == expected


def test_recorders_that_record_at_once_are_told_apart_by_their_whole_names(tmp_path: Path) -> None:
    make(tmp_path, *(f"DVR{recorder}_cam05_2024.05.14_10.{minute}.07-10.40.00.avi"
                     for recorder in (1, 2) for minute in (32, 42)))  # fmt: skip
    assert set(cameras(tmp_path).values()) == {"DVR1_cam05", "DVR2_cam05"}
    (tmp_path / "DVR2_cam05_2024.05.14_10.32.07-10.40.00.avi").unlink()
    (tmp_path / "DVR2_cam05_2024.05.14_10.42.07-10.40.00.avi").unlink()
    assert set(cameras(tmp_path).values()) == {"cam05"}


def test_channels_that_record_at_once_keep_their_place(tmp_path: Path) -> None:
    make(tmp_path, *(f"site/{place}/ch{channel}_20240514_103207.mp4"
                     for place in ("Lobby", "Garage") for channel in (1, 2)))  # fmt: skip
    assert set(cameras(tmp_path).values()) == {
        "Lobby/ch1", "Lobby/ch2", "Garage/ch1", "Garage/ch2"}  # fmt: skip


def test_one_camera_has_one_spelling(tmp_path: Path) -> None:
    make(tmp_path, "CH01_a.mp4", "ch01_b.mp4", "ch02_a.mp4")
    assert list(cameras(tmp_path).values()) == ["CH01", "CH01", "ch02"]


def test_by_folder_and_by_file(tmp_path: Path) -> None:
    make(
        tmp_path, "campus/cam1.webm", "campus/cam3.webm", "top.mp4", "seq/0001.jpg", "seq/0002.jpg"
    )
    by_folder = cameras(tmp_path, "folder")
    assert by_folder["campus/cam1.webm"] == by_folder["campus/cam3.webm"] == "campus"
    assert by_folder["top.mp4"] == tmp_path.name
    assert by_folder["seq"] == "seq"
    by_file = cameras(tmp_path, "file")
    assert list(by_file.values()) == ["cam1", "cam3", "seq", "top"]


def test_by_pattern(tmp_path: Path) -> None:
    make(tmp_path, "day1/K7_0900.mp4", "day2/K7_1000.mp4", "day2/K8_1000.mp4", "other.mp4")
    expected = ["K7", "K7", "K8", "other"]
    assert list(cameras(tmp_path, r"/(K\d+)_").values()) == expected
    assert list(cameras(tmp_path, r"(day)\d/(?P<camera>K\d+)").values()) == expected


@pytest.mark.parametrize("pattern", ["(", "cam[0-9]+", "(a)(b)", "(?P<place>a)(b)"])
def test_patterns_without_a_camera_are_refused(tmp_path: Path, pattern: str) -> None:
    make(tmp_path, "a.mp4")
    with pytest.raises(UsageError):
        find_sources(tmp_path, pattern)


def test_the_real_folders(shared_data: Callable[[str], Path]) -> None:
    videos = cameras(shared_data("videos"))
    assert set(videos.values()) == {"cam1", "cam3", "edge", "indoor"}
    assert len(videos) == 10
    assert list(cameras(shared_data("videos/campus")).values()) == ["cam1", "cam3"]
    assert list(cameras(shared_data("frames/market1501")).values()) == ["camera1", "camera3"]
    with pytest.raises(UsageError, match="no footage"):
        find_sources(shared_data("frames/market1501_query"))

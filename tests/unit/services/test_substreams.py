"""Sub streams belong to the camera of their main stream and are not read twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.services.footage.sources import find_sources, ready

MAIN_AND_SUB = {
    "Reolink card": (
        "Gate/Mp4Record/2024-05-14/RecM01_DST20240514_103207_103245_6D28808_1A468F9.mp4",
        "Gate/Mp4Record/2024-05-14/RecS01_DST20240514_103208_103245_6D28808_32F1DF.mp4",
        "Gate",
    ),
    "Reolink": ("Gate/Rec_20240514_103207_541_M.mp4", "Gate/Rec_20240514_103207_811_S.mp4", "Gate"),
    "Yi": (
        "Hall/record/2024Y05M14D10H/E132M07S60.mp4",
        "Hall/record_sub/2024Y05M14D10H/E132M07S60.mp4",
        "Hall",
    ),
    "Dahua": (
        "NVR_ch1_main_20240514103207_20240514113207.dav",
        "NVR_ch1_extra1_20240514103207_20240514113207.dav",
        "ch1",
    ),
    "Hikvision": (
        "Streaming_Channels_101_20240514103207.mp4",
        "Streaming_Channels_102_20240514103207.mp4",
        "Streaming_Channels_1",
    ),
    "UniFi Protect": (
        "E063DA00AB01_0_rotating_1715675527.mp4",
        "E063DA00AB01_2_rotating_1715675527.mp4",
        "E063DA00AB01",
    ),
    "words": ("Yard main 2024-05-14 10-32-07.mp4", "Yard sub 2024-05-14 10-32-07.mp4", "Yard"),
    "only the sub stream marked": (
        "Yard 2024-05-14 10-32-07.mp4",
        "Yard sub 2024-05-14 10-32-07.mp4",
        "Yard",
    ),
    "Synology": (
        "Front Door/20240514AM/Front Door-20240514-103207-1715675527.mp4",
        "Front Door_Stream2/20240514AM/Front Door_Stream2-20240514-103207-1715675527.mp4",
        "Front Door",
    ),
    "folders": ("main stream/cam1.mp4", "sub stream/cam1.mp4", "cam1"),
}


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root / "home"


@pytest.mark.parametrize("recorder", MAIN_AND_SUB)
def test_a_sub_stream_is_of_the_same_camera_and_not_read(tmp_path: Path, recorder: str) -> None:
    main, small, camera = MAIN_AND_SUB[recorder]
    root = make(tmp_path, main, small)
    found = find_sources(root)
    assert {source.camera for source in found} == {camera}
    assert {source.path.relative_to(root).as_posix(): source.main for source in found} == {
        main: None,
        small: root / main,
    }
    reasons = {each.path: each.left_out for each in ready(found, sub_streams=False)}
    assert reasons == {
        root / main: "",
        root / small: f"It is the sub stream of {Path(main).name}.",
    }
    assert not any(each.left_out for each in ready(found, sub_streams=True))


@pytest.mark.parametrize("recorder", MAIN_AND_SUB)
def test_a_sub_stream_alone_is_read(tmp_path: Path, recorder: str) -> None:
    root = make(tmp_path, MAIN_AND_SUB[recorder][1])
    assert [source.main for source in find_sources(root)] == [None]


def test_minutes_that_only_the_sub_stream_has_are_read(tmp_path: Path) -> None:
    root = make(
        tmp_path,
        "NVR_ch1_main_20240514103207_20240514113207.dav",
        "NVR_ch1_sub_20240514103207_20240514113207.dav",
        "NVR_ch1_sub_20240514113207_20240514123207.dav",
    )
    found = find_sources(root)
    assert [source.camera for source in found] == ["ch1"] * 3
    assert [source.main is None for source in found] == [True, False, True]


def test_cameras_of_one_recorder_are_no_streams_of_each_other(tmp_path: Path) -> None:
    names = ["ch101_20240514103207.mp4", "ch102_20240514103207.mp4"]
    names += ["Main gate_20240514_103207.mp4", "Sub basement_20240514_103207.mp4"]
    found = find_sources(make(tmp_path, *names))
    assert len({source.camera for source in found}) == 4
    assert not any(source.main for source in found)

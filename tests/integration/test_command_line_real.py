"""The main job on the real footage and networks beside the checkout."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core.boxes import iou
from tests.integration.conftest import Retrace

# The woman in the white dress in camera3, found by eye: time of the frame → her box. The frames
# are so far apart that each detection is a tracklet of its own.
IN_CAMERA3 = {
    0.0: (988, 429, 1065, 602),
    2.0: (1160, 425, 1220, 615),
    45.0: (1616, 419, 1713, 625),
}
# Points on her in camera1: time and place.
IN_CAMERA1 = [(0.0, "1290,560"), (339.0, "1573,530"), (554.0, "1166,620")]

pytestmark = pytest.mark.timeout(300)  # real networks, on a machine that may be busy

DataAt = Callable[[str], Path]


@pytest.fixture
def networks(shared_data: DataAt) -> list[str]:
    """The real ones; what is installed for the other tests stands in for them there."""
    detector = shared_data("weights/yolov8n_int8.onnx")
    embedder = shared_data("weights/osnet_x0_25_msmt17.onnx")
    return ["--detector", str(detector), "--embedder", str(embedder)]


def is_her(hit: dict[str, Any]) -> bool:
    known = IN_CAMERA3.get(hit["box_time_s"], (0, 0, 1, 1))
    boxes = (np.array([each], np.float32) for each in (hit["box"], known))
    return bool(iou(*boxes)[0, 0] > 0.7)


def test_the_woman_in_white_is_found_in_the_other_camera(
    retrace: Retrace, shared_data: DataAt, networks: list[str], tmp_path: Path
) -> None:
    library = tmp_path / "library"
    footage = shared_data("frames/market1501")
    query = shared_data("frames/market1501_query") / "0001_c1s1_001051_00.jpg"
    assert retrace("ingest", footage, "--library", library, *networks).status == 0

    def in_camera3(*arguments: object) -> list[dict[str, Any]]:
        said = retrace("search", "--library", library, "--json", "--camera", "camera3", *arguments)
        assert said.status == 0, said.err
        return json.loads(said.out)["hits"]

    clicks = [
        ["--video", "c1s1_001051.jpg", "--time", time_s, "--at", at] for time_s, at in IN_CAMERA1
    ]
    for arguments in (["--image", query], *clicks):
        hits = in_camera3(*arguments)
        assert len(hits) > 3
        assert [is_her(hit) for hit in hits[:3]] == [True, True, True], arguments
        assert not any(is_her(hit) for hit in hits[3:])


def test_every_bad_file_is_named_and_the_rest_is_done(
    retrace: Retrace, shared_data: DataAt, networks: list[str], tmp_path: Path
) -> None:
    library = tmp_path / "library"
    footage = shared_data("videos/edge")
    # As many frames as it takes to see what becomes of each file; the usual 5 take twice as long.
    said = retrace("ingest", footage, "--library", library, "--fps", "2.5", *networks)
    assert said.status == 3
    reasons = {
        "empty.mp4": "is empty",
        "git_lfs_pointer.mp4": "is a Git LFS pointer",
        "tiny_83_bytes.avi": "is too small to be a video",
        "unopenable.avi": "is a web page, not a video",
    }
    for name, reason in reasons.items():
        assert f"{name} failed: {name} {reason}" in said.err
    assert "cut_in_the_middle.mp4 ends after 37.0 s of the 139.4 s" in said.err
    listed = json.loads(retrace("list", "--library", library, "--json").out)
    videos = {Path(video["video"]).name: video for video in listed["videos"]}
    assert {name: video["status"] for name, video in videos.items()} == {
        **dict.fromkeys(reasons, "failed"),
        "cut_in_the_middle.mp4": "partial",
        "header_says_682_decodes_341.avi": "done",
        "no_person_highway.mp4": "done",
    }
    assert all(reason in videos[name]["problem"] for name, reason in reasons.items())
    assert videos["no_person_highway.mp4"]["people"] == 0
    assert videos["header_says_682_decodes_341.avi"]["people"] > 0

"""A pass that begins in the middle gives the very frames of an undisturbed one."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import av
import numpy as np
import pytest

from app.core.entities import Image
from app.vision.presentation import Timeline
from app.vision.video import VideoFile, open_video
from tests.rendered import RenderedWorld, render_world, write_clip

ZONE = ZoneInfo("UTC")
X264 = {"preset": "medium"}
OPEN_GOP = {**X264, "bf": "3", "x264-params": "open-gop=1"}
REFRESH = {**X264, "x264-params": "intra-refresh=1"}

CLIPS: dict[str, dict[str, Any]] = {
    "b-frames.mp4": {"options": {**X264, "bf": "3"}},
    "open-gop.mp4": {"options": OPEN_GOP},
    "open-gop.mkv": {"options": OPEN_GOP},
    "open-gop.ts": {"options": OPEN_GOP},
    "open-gop.avi": {"options": OPEN_GOP, "codec": "libx264"},
    "refresh.mp4": {"options": REFRESH, "gop": 20},
    "refresh.ts": {"options": REFRESH, "gop": 20},
    "fragments.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "one-gop.mp4": {"gop": 1000},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none:open-gop=1"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"lag-in-frames": "8"}},
    "mpeg4.avi": {},
    "mpeg4-b.avi": {"options": {"bf": "2"}},
    "mjpeg.avi": {"codec": "mjpeg"},
    "mpeg2.mpg": {"codec": "mpeg2video", "container": "mpeg", "options": {"bf": "2"}, "fps": 25.0},
    "recorder.mpg": {"codec": "libx264", "container": "mpeg", "fps": 25.0},
    "wmv.wmv": {"codec": "msmpeg4v2", "container": "asf"},
    "bare.h264": {"codec": "libx264", "options": {**X264, "bf": "2"}, "fps": 25.0},
}


@pytest.fixture(scope="module")
def world() -> RenderedWorld:
    return render_world(5, people=3, crossing_s=2.0, width_px=160, height_px=120)


def undisturbed(source: VideoFile) -> list[tuple[int, float, Image]]:
    return [(frame.index, frame.time_s, frame.image()) for frame in source.frames()]


def assert_equal_from(source: VideoFile, whole: list[tuple[int, float, Image]], at: int) -> None:
    start_s = whole[at][1]
    for (index, time_s, image), frame in zip(
        whole[at : at + 6], source.frames(start_s, at), strict=False
    ):
        assert (frame.index, frame.time_s) == (index, time_s)
        np.testing.assert_array_equal(frame.image(), image, err_msg=f"from {at}, frame {index}")


@pytest.mark.parametrize("name", CLIPS)
def test_resumed_frames_are_identical(tmp_path: Path, world: RenderedWorld, name: str) -> None:
    options = {"fps": 10.0, **CLIPS[name]}
    try:
        write_clip(tmp_path / name, world.frames("cam1"), **options)
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"PyAV here has no encoder {options['codec']}")
    source = open_video(tmp_path / name, "c", ZONE)
    whole = undisturbed(source)
    assert len(whole) == world.frame_count
    for at in [*range(1, len(whole), 5), len(whole) - 1]:
        assert_equal_from(source, whole, at)


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.ts", "a.webm"])
def test_begins_with_the_frame_that_is_shown(
    tmp_path: Path, world: RenderedWorld, name: str
) -> None:
    write_clip(tmp_path / name, world.frames("cam1"))
    source = open_video(tmp_path / name, "c", ZONE)
    last_s = (world.frame_count - 1) / 10
    for asked_s, shown_s in [
        (-3.0, 0.0), (0.0, 0.0), (0.05, 0.0), (0.29, 0.2), (0.3 - 1e-4, 0.3), (3.07, 3.0),
        (3.1 - 1e-12, 3.1), (last_s, last_s), (last_s + 0.09, last_s), (500.0, last_s),
    ]:  # fmt: skip
        first = next(source.frames(asked_s, 7))
        assert first.time_s == pytest.approx(shown_s), asked_s
        assert first.index == 7


def test_begins_before_a_gap_in_time(tmp_path: Path, world: RenderedWorld) -> None:
    times_s = [index / 10 + (60 if index >= 25 else 0) for index in range(world.frame_count)]
    for name in ("a.mp4", "a.mkv", "a.ts"):
        write_clip(tmp_path / name, world.frames("cam1"), times_s=times_s)
        frames = open_video(tmp_path / name, "c", ZONE).frames(40.0)
        assert [round(next(frames).time_s, 3) for _ in range(2)] == [2.4, 62.5]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_only_frames_near_the_target_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    clip = render_world(5, people=2, rounds=4, width_px=160, height_px=120)
    write_clip(tmp_path / name, clip.frames("cam1"))
    source = open_video(tmp_path / name, "c", ZONE)
    timed: list[int] = []
    stamp = Timeline.stamp
    monkeypatch.setattr(Timeline, "stamp", lambda *call: timed.append(1) or stamp(*call))
    assert next(source.frames(15.0)).time_s == pytest.approx(15.0)
    assert len(timed) <= 90  # of more than 150: a few groups of 12, each looked at twice


def joined(first: Path, second: Path, into: Path) -> Path:
    into.write_bytes(first.read_bytes() + second.read_bytes())
    return into


def test_joined_recordings_go_on_in_time(tmp_path: Path, world: RenderedWorld) -> None:
    """The second part's clock starts again, as where a recorder joins its files end to end."""
    one = write_clip(tmp_path / "one.ts", world.frames("cam1"))
    two = write_clip(tmp_path / "two.ts", world.frames("cam2"))
    source = open_video(joined(one, two, tmp_path / "both.ts"), "c", ZONE)
    whole = undisturbed(source)
    times_s = np.array([time_s for _, time_s, _ in whole])
    assert len(whole) > 1.9 * world.frame_count
    assert (np.diff(times_s) > 0).all()
    assert np.abs(np.diff(times_s) - 0.1).max() < 0.11
    for at in (30, world.frame_count + 20, len(whole) - 3):
        assert_equal_from(source, whole, at)


def test_a_stream_that_does_not_begin_with_a_key_frame(
    tmp_path: Path, world: RenderedWorld
) -> None:
    clip = write_clip(tmp_path / "whole.ts", world.frames("cam1"))
    packets = clip.read_bytes()
    middle = len(packets) // 188 // 3 * 188
    entered = tmp_path / "entered.ts"
    entered.write_bytes(packets[: 2 * 188 + 188] + packets[middle:])
    source = open_video(entered, "c", ZONE)
    whole = undisturbed(source)
    assert whole[0][1] == 0.0
    assert 0.4 * world.frame_count < len(whole) < world.frame_count
    for at in (1, 15, 27, len(whole) - 1):
        assert_equal_from(source, whole, at)

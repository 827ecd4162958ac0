from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.core.errors import TruncatedVideoError, VideoError
from app.vision.video import VideoFile, open_video
from tests.rendered import RenderedWorld, cut, render_world, write_clip

ZONE = ZoneInfo("UTC")
FASTSTART = {"movflags": "faststart"}


@pytest.fixture(scope="module")
def world() -> RenderedWorld:
    return render_world(5, people=3, crossing_s=2.0, width_px=160, height_px=120)


def read_all(source: VideoFile, start_s: float = 0.0) -> tuple[list[float], str]:
    """The times of the frames, and the sentence at the end."""
    times_s: list[float] = []
    try:
        for frame in source.frames(start_s):
            frame.image()
            times_s.append(frame.time_s)
    except TruncatedVideoError as error:
        return times_s, error.message
    return times_s, ""


def test_a_cut_mp4_is_read_up_to_the_cut(tmp_path: Path, world: RenderedWorld) -> None:
    whole = write_clip(tmp_path / "a.mp4", world.frames("cam1"), container_options=FASTSTART)
    source = open_video(cut(whole, 0.6), "c", ZONE)
    times_s, problem = read_all(source)
    assert 0.3 * world.frame_count < len(times_s) < 0.8 * world.frame_count
    np.testing.assert_allclose(times_s, np.arange(len(times_s)) / 10, atol=1e-6)
    assert problem == (
        f"cut_a.mp4 ends after {len(times_s) / 10:.1f} s of the {world.frame_count / 10:.1f} s "
        "that its header announces."
    )
    assert read_all(source, 2.0) == (times_s[20:], problem)
    assert next(source.frames(500.0)).time_s == times_s[-1]


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.avi"])
def test_other_cut_files(tmp_path: Path, world: RenderedWorld, name: str) -> None:
    whole = write_clip(tmp_path / name, world.frames("cam1"))
    times_s, problem = read_all(open_video(cut(whole, 0.6), "c", ZONE))
    assert 0.3 * world.frame_count < len(times_s) < 0.9 * world.frame_count
    if name == "a.avi":  # its length is an estimate once the index is cut off
        told = f"holds {len(times_s)} of the {world.frame_count} frames that its header announces."
    else:
        told = f"ends after {len(times_s) / 10:.1f} s of the {world.frame_count / 10:.1f} s"
    assert problem.startswith(f"cut_{name} {told}")


def test_whole_files_are_not_called_cut(tmp_path: Path, world: RenderedWorld) -> None:
    for name in ("a.mp4", "a.mkv", "a.webm", "a.avi", "a.ts", "a.mpg", "a.flv"):
        codec = None if name != "a.flv" else "libx264"
        fps = 25.0 if name == "a.mpg" else 10.0
        container = "mpeg" if name == "a.mpg" else None
        clip = write_clip(tmp_path / name, world.frames("cam1"), fps, codec=codec,
                          container=container)  # fmt: skip
        times_s, problem = read_all(open_video(clip, "c", ZONE))
        assert (len(times_s), problem) == (world.frame_count, ""), name


def test_a_header_that_counts_more_frames(tmp_path: Path, world: RenderedWorld) -> None:
    clip = write_clip(tmp_path / "a.avi", world.frames("cam1"))
    content = bytearray(clip.read_bytes())
    announced = world.frame_count * 2
    length = content.index(b"strh") + 8 + 32  # dwLength of the stream header
    assert struct.unpack_from("<I", content, length)[0] == world.frame_count
    struct.pack_into("<I", content, length, announced)
    clip.write_bytes(content)
    times_s, problem = read_all(open_video(clip, "c", ZONE))
    assert len(times_s) == world.frame_count
    assert problem.startswith(("a.avi ends after", f"a.avi holds {world.frame_count} of the"))


def damaged(clip: Path, first: float, last: float) -> Path:
    """Overwrites a part of the coded pictures, given as shares of the file."""
    content = bytearray(clip.read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, len(content)).astype(np.uint8).tobytes()
    begin, end = int(first * len(content)), int(last * len(content))
    content[begin:end] = noise[begin:end]
    clip.write_bytes(content)
    return clip


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_damage_in_the_middle_does_not_end_the_video(
    tmp_path: Path, world: RenderedWorld, name: str
) -> None:
    clip = write_clip(tmp_path / name, world.frames("cam1"))
    times_s, _ = read_all(open_video(damaged(clip, 0.4, 0.45), "c", ZONE))
    assert len(times_s) > 0.75 * world.frame_count
    assert (np.diff(times_s) > 0).all()
    assert times_s[-1] == pytest.approx((world.frame_count - 1) / 10, abs=0.3)


def test_damaged_packets_are_counted(tmp_path: Path, world: RenderedWorld) -> None:
    clip = write_clip(tmp_path / "a.mp4", world.frames("cam1"))
    source = open_video(damaged(clip, 0.3, 0.5), "c", ZONE)
    read_all(source)
    assert source.skipped_packets > 0


def test_a_file_that_vanishes(tmp_path: Path, world: RenderedWorld) -> None:
    clip = write_clip(tmp_path / "a.mp4", world.frames("cam1"))
    source = open_video(clip, "c", ZONE)
    clip.unlink()
    with pytest.raises(VideoError, match="is no longer there"):
        next(source.frames())


def test_libav_says_nothing_about_damage(
    tmp_path: Path, world: RenderedWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(tmp_path / "a.mp4", world.frames("cam1"), container_options=FASTSTART)
    capfd.readouterr()  # encoders may speak
    read_all(open_video(damaged(cut(clip, 0.7), 0.3, 0.4), "c", ZONE))
    assert capfd.readouterr() == ("", "")


def test_the_real_cut_video(shared_data: Callable[[str], Path]) -> None:
    source = open_video(shared_data("videos/edge/cut_in_the_middle.mp4"), "c", ZONE)
    times_s, problem = read_all(source)
    assert len(times_s) == 370
    assert problem == (
        "cut_in_the_middle.mp4 ends after 37.0 s of the 139.4 s that its header announces."
    )


def test_the_real_video_whose_header_counts_half_frames(shared_data: Callable[[str], Path]) -> None:
    source = open_video(shared_data("videos/edge/header_says_682_decodes_341.avi"), "c", ZONE)
    times_s, problem = read_all(source)
    assert len(times_s) == 341
    assert (source.info.fps, source.info.frame_count, problem) == (25.0, 341, "")


def test_the_real_video_that_is_whole(shared_data: Callable[[str], Path]) -> None:
    source = open_video(shared_data("videos/edge/no_person_highway.mp4"), "c", ZONE)
    times_s, problem = read_all(source)
    assert (len(times_s), problem) == (375, "")

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.core.entities import StartSource
from app.core.errors import VideoError
from app.core.ports import FrameSource
from app.vision.video import open_video
from tests.rendered import RenderedWorld, render_world, write_clip, write_sequence

ZONE = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def world() -> RenderedWorld:
    return render_world(3, people=2, crossing_s=2.0)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", None), ("a.mkv", None), ("a.mov", None), ("a.ts", None), ("a.webm", None),
     ("vp9.webm", "libvpx-vp9"), ("a.avi", None), ("b.avi", "mjpeg"), ("a.h264", "libx264")],
)  # fmt: skip
def test_every_frame_with_its_time_and_colours(
    tmp_path: Path, world: RenderedWorld, name: str, codec: str | None
) -> None:
    fps = 25.0 if name.endswith(".h264") else 10.0  # a bare stream has no clock
    write_clip(tmp_path / name, world.frames("cam1"), fps, codec=codec)
    source: FrameSource = open_video(tmp_path / name, "door", ZONE)
    info = source.info
    assert (info.width_px, info.height_px, info.camera) == (320, 240, "door")
    assert info.fps == pytest.approx(fps)
    frames = list(source.frames())
    assert [frame.index for frame in frames] == list(range(world.frame_count))
    np.testing.assert_allclose(
        [frame.time_s for frame in frames], np.arange(world.frame_count) / fps, atol=0.0006
    )
    for index in (0, 14, world.frame_count - 1):
        image = frames[index].image()  # also after the file has been closed
        assert (image.dtype, image.shape) == (np.uint8, (240, 320, 3))
        error = np.abs(image.astype(int) - world.frame("cam1", index)).mean()
        assert error < 6, "wrong picture, or red and blue exchanged"
    source.close()


def test_header_of_an_mp4(tmp_path: Path, world: RenderedWorld) -> None:
    write_clip(tmp_path / "a.mp4", world.frames("cam1"))
    info = open_video(tmp_path / "a.mp4", "c", ZONE).info
    assert info.path == tmp_path / "a.mp4"
    assert info.frame_count == world.frame_count
    assert info.duration_s == pytest.approx(world.frame_count / 10)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_variable_frame_rate(tmp_path: Path, world: RenderedWorld, name: str) -> None:
    steps = np.where(np.arange(world.frame_count) % 5 == 0, 0.5, 0.04)
    steps[20] = 30.0
    times_s = 7.0 + np.cumsum(steps)  # does not begin at 0 either
    write_clip(tmp_path / name, world.frames("cam1"), times_s=times_s.tolist())
    frames = list(open_video(tmp_path / name, "c", ZONE).frames())
    assert len(frames) == world.frame_count
    np.testing.assert_allclose([f.time_s for f in frames], times_s - times_s[0], atol=0.0011)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_rotation_is_applied(tmp_path: Path, world: RenderedWorld, rotation: int) -> None:
    write_clip(tmp_path / "a.mp4", world.frames("cam1"), rotation=rotation)
    source = open_video(tmp_path / "a.mp4", "c", ZONE)
    upright = np.rot90(world.frame("cam1", 0), rotation // 90)
    assert (source.info.height_px, source.info.width_px) == upright.shape[:2]
    image = next(iter(source.frames())).image()
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - upright).mean() < 6


def test_sound_does_not_matter(tmp_path: Path, world: RenderedWorld) -> None:
    for name in ("a.mp4", "a.mkv"):  # the sound goes on for 20 s after the last frame
        write_clip(tmp_path / name, world.frames("cam1"), sound_s=25.0)
        source = open_video(tmp_path / name, "c", ZONE)
        assert len(list(source.frames())) == world.frame_count


def test_names_that_look_like_something_else(tmp_path: Path, world: RenderedWorld) -> None:
    for name in ("10:32:07.mp4", "frame%03d.mp4", "no suffix", "über – 監視.mkv"):
        write_clip(tmp_path / name, world.frames("cam1"), container="matroska", codec="libx264")
        assert len(list(open_video(tmp_path / name, "c", ZONE).frames())) == world.frame_count


def test_two_passes_do_not_disturb_each_other(tmp_path: Path, world: RenderedWorld) -> None:
    write_clip(tmp_path / "a.mp4", world.frames("cam1"))
    source = open_video(tmp_path / "a.mp4", "c", ZONE)
    first = source.frames()
    begun = [next(first).time_s for _ in range(3)]
    assert next(source.frames(2.0)).time_s == pytest.approx(2.0)
    times_s = begun + [frame.time_s for frame in first]
    np.testing.assert_allclose(times_s, np.arange(world.frame_count) / 10)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to list open files")
def test_a_dropped_pass_closes_the_file(tmp_path: Path, world: RenderedWorld) -> None:
    write_clip(tmp_path / "a.mp4", world.frames("cam1"))

    def is_open() -> bool:
        links = Path("/proc/self/fd").iterdir()
        return any(link.exists() and link.samefile(tmp_path / "a.mp4") for link in links)

    source = open_video(tmp_path / "a.mp4", "c", ZONE)
    assert not is_open()
    frames = source.frames()
    next(frames)
    assert is_open()
    frames.close()
    assert not is_open()


# Start ------------------------------------------------------------------------------------------


def start_of(path: Path) -> tuple[datetime | None, StartSource]:
    info = open_video(path, "c", ZONE).info
    return info.start_utc, info.start_source


def test_start_by_name_then_container_then_file_time(tmp_path: Path, world: RenderedWorld) -> None:
    tags = {"creation_time": "2023-02-03T04:05:06.000000Z"}
    few = [world.frame("cam1", index) for index in range(20)]
    named = write_clip(tmp_path / "cam1_20240514_103207.mp4", few, metadata=tags)
    assert start_of(named) == (datetime(2024, 5, 14, 8, 32, 7, tzinfo=UTC), StartSource.FILE_NAME)
    tagged = write_clip(tmp_path / "cam1.mp4", few, metadata=tags)
    assert start_of(tagged) == (datetime(2023, 2, 3, 4, 5, 6, tzinfo=UTC), StartSource.CONTAINER)
    plain = write_clip(tmp_path / "plain.mp4", few)
    os.utime(plain, (1.7e9, 1.7e9))
    start = datetime.fromtimestamp(1.7e9 - 2.0, UTC)  # changed last when the recording ended
    assert start_of(plain) == (start, StartSource.FILE_TIME)


@pytest.mark.parametrize(
    "told", ["1904-01-01T00:00:00Z", "1970-01-01T00:00:07Z", "2999-01-01T00:00:00Z"]
)
def test_clocks_that_were_never_set_are_ignored(
    tmp_path: Path, world: RenderedWorld, told: str
) -> None:
    clip = write_clip(tmp_path / "a.mkv", world.frames("cam1"), metadata={"creation_time": told})
    assert start_of(clip)[1] is StartSource.FILE_TIME


# Files that are no videos -----------------------------------------------------------------------


def refusal(path: Path) -> str:
    with pytest.raises(VideoError) as raised:
        open_video(path, "c", ZONE)
    assert raised.value.remedy or "folder" in raised.value.message
    return raised.value.message


def test_reasons_are_told_in_plain_words(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    page = b"\n\n<!DOCTYPE html><html>" + b" " * 900
    contents = {
        "empty.mp4": (b"", "is empty."),
        "pointer.mp4": (pointer, "is a Git LFS pointer, not the video itself."),
        "page.avi": (page, "is a web page, not a video: a download went wrong."),
        "tiny.avi": (b"https://example.org/video", "is too small to be a video (25 bytes)."),
        "noise.mkv": (bytes(range(256)) * 8, "is not a video in a format that is known, or is "),
    }
    for name, (content, message) in contents.items():
        (tmp_path / name).write_bytes(content)
        assert refusal(tmp_path / name).startswith(f"{name} {message}")
    assert refusal(tmp_path / "gone.mp4") == "gone.mp4 is no longer there."
    assert refusal(tmp_path) == f"{tmp_path.name} is a folder, not a video file."


def test_a_missing_index_is_named(tmp_path: Path, world: RenderedWorld) -> None:
    whole = write_clip(tmp_path / "whole.mp4", world.frames("cam1"))
    content = whole.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: content.index(b"moov") - 4])
    assert refusal(tmp_path / "cut.mp4").startswith("cut.mp4 has no index (moov)")


def test_sound_alone_is_no_video(tmp_path: Path, world: RenderedWorld) -> None:
    import av

    with av.open(str(tmp_path / "song.mp4"), "w") as output:
        stream = output.add_stream("aac", rate=22050, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 22050
        output.mux([*stream.encode(frame), *stream.encode(None)])
    assert refusal(tmp_path / "song.mp4") == "song.mp4 contains only sound."


def test_an_unknown_codec_is_named(tmp_path: Path, world: RenderedWorld) -> None:
    clip = write_clip(tmp_path / "odd.mp4", world.frames("cam1"))
    clip.write_bytes(clip.read_bytes().replace(b"avc1", b"xqz7"))
    assert refusal(clip) == "odd.mp4 has a codec that no decoder is available for."


def test_nothing_decodable_is_told(tmp_path: Path, world: RenderedWorld) -> None:
    clip = write_clip(tmp_path / "a.mp4", world.frames("cam1"))
    content = bytearray(clip.read_bytes())
    start = content.index(b"mdat") + 4
    content[start : content.index(b"moov")] = bytes(content.index(b"moov") - start)
    clip.write_bytes(content)
    assert refusal(clip) == "a.mp4 contains no frame that can be decoded."


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_missing_permission_is_told(tmp_path: Path, world: RenderedWorld) -> None:
    clip = write_clip(tmp_path / "a.mp4", world.frames("cam1"))
    clip.chmod(0)
    assert refusal(clip) == "You may not read a.mp4."


def test_a_playlist_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "list.mp4").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/x.ts\n" + "#" * 600
    )
    assert refusal(tmp_path / "list.mp4").startswith("list.mp4 ")


def test_libav_stays_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "noise.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(4000))
    refusal(tmp_path / "noise.mp4")
    assert capfd.readouterr() == ("", "")


def test_pictures_in_a_folder_are_no_video_file(tmp_path: Path, world: RenderedWorld) -> None:
    write_sequence(tmp_path / "s", [world.frame("cam1", 0)])
    assert refusal(tmp_path / "s") == "s is a folder, not a video file."


def test_the_real_videos(shared_data: Callable[[str], Path]) -> None:
    for name, count in (
        ("campus/cam1.webm", 150),
        ("indoor/one-by-one-person-detection.mp4", 1394),
    ):
        source = open_video(shared_data(f"videos/{name}"), "c", ZONE)
        times_s = [frame.time_s for frame in source.frames()]
        np.testing.assert_allclose(times_s, np.arange(count) / 10, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("empty.mp4", "is empty"), ("git_lfs_pointer.mp4", "Git LFS"), ("unopenable.avi", "web page"),
     ("tiny_83_bytes.avi", "too small")],
)  # fmt: skip
def test_the_real_files_that_are_no_videos(
    shared_data: Callable[[str], Path], name: str, reason: str
) -> None:
    assert reason in refusal(shared_data(f"videos/edge/{name}"))

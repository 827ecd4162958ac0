"""Small videos in many containers, and damage done to them by chance: a case is (seed, number)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import numpy as np

from app.core.errors import TruncatedVideoError, VideoError
from app.core.ports import FrameSource

Random = np.random.Generator
FRAMES, RATE, WIDTH_PX, HEIGHT_PX, SOUND_HZ = 30, 10, 64, 48, 8000
# What parsers take for lengths, counts and offsets.
_TELLING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Kind:
    """A container with what is in it.

    Attributes:
        suffix: of the file's name.
        format: FFmpeg's name of the muxer.
        codec: FFmpeg's name of the encoder.
        rate: frames a second.
        options: of the muxer.
        sound: encoder of the sound, or empty.
    """

    suffix: str
    format: str
    codec: str
    rate: int = RATE
    options: tuple[tuple[str, str], ...] = ()
    sound: str = ""


KINDS = (
    Kind(".mp4", "mp4", "libx264", sound="aac"),
    Kind(".mp4", "mp4", "mpeg4", options=(("movflags", "faststart"),)),
    Kind(".mp4", "mp4", "libx264", options=(("movflags", "frag_keyframe+empty_moov"),)),
    Kind(".mp4", "mp4", "libx265"),
    Kind(".mov", "mov", "mjpeg", sound="pcm_s16le"),
    Kind(".mkv", "matroska", "libx264", sound="aac"),
    Kind(".mkv", "matroska", "ffv1"),
    Kind(".webm", "webm", "libvpx"),
    Kind(".avi", "avi", "mpeg4", sound="pcm_s16le"),
    Kind(".avi", "avi", "mjpeg"),
    Kind(".ts", "mpegts", "libx264", sound="aac"),
    Kind(".ts", "mpegts", "mpeg2video", rate=25),
    Kind(".mpg", "mpeg", "mpeg1video", rate=25),
    Kind(".vob", "vob", "mpeg2video", rate=25),
    Kind(".flv", "flv", "flv"),
    Kind(".wmv", "asf", "wmv2"),
    Kind(".mxf", "mxf", "mpeg2video", rate=25),
    Kind(".nut", "nut", "mpeg4"),
    Kind(".264", "h264", "libx264"),
    Kind(".265", "hevc", "libx265"),
    Kind(".mjpg", "mjpeg", "mjpeg"),
    Kind(".ivf", "ivf", "libvpx"),
)


def make_containers(kinds: Sequence[Kind] = KINDS) -> list[bytes]:
    """A whole file of each kind, in its order: a bright square that wanders over noise."""
    with tempfile.TemporaryDirectory() as folder:
        return [_made(kind, Path(folder, "whole")) for kind in kinds]


def _made(kind: Kind, path: Path) -> bytes:
    noise = np.random.default_rng(0).integers(0, 60, (HEIGHT_PX, WIDTH_PX, 3))
    with av.open(str(path), "w", format=kind.format, options=dict(kind.options)) as container:
        stream = container.add_stream(kind.codec, rate=kind.rate)
        stream.width, stream.height = WIDTH_PX, HEIGHT_PX
        stream.pix_fmt = "yuvj420p" if kind.codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = 10
        if kind.codec in ("libx264", "libx265"):
            stream.options = {"preset": "ultrafast", "x265-params": "log-level=none"}
        sound = (
            container.add_stream(kind.sound, rate=SOUND_HZ, layout="mono") if kind.sound else None
        )
        for number in range(FRAMES):
            image = noise.astype(np.uint8)
            image[8:24, number : number + 16] = 220
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
        if sound is not None:
            quiet = np.zeros((1, SOUND_HZ * FRAMES // kind.rate), np.int16)
            audio = av.AudioFrame.from_ndarray(quiet, format="s16", layout="mono")
            audio.sample_rate = SOUND_HZ
            container.mux(sound.encode(audio))
            container.mux(sound.encode())
    return path.read_bytes()


def mutated(files: Sequence[bytes], seed: int, number: int) -> tuple[int, bytes]:
    """The case of this number: which of `files` it was made of, and the damaged file."""
    random = np.random.default_rng((seed, number))
    which = number % len(files)
    data = bytearray(files[which])
    for _ in range(int(random.integers(1, 5))):
        name = str(random.choice(list(_MUTATIONS)))
        if len(data) > 64:
            _MUTATIONS[name](data, random, files)
    return which, bytes(data)


def read_whole(open_source: Callable[[], FrameSource]) -> str:
    """Opens a video, decodes its first frame, all frames, and some after two seeks.

    Returns:
        "whole", "cut", or "refused": all that a damaged file may lead to.
    """
    try:
        source = open_source()
    except VideoError:
        return "refused"
    try:
        next(iter(source.frames())).image()
        last_s, outcome = _read(source, 0.0)
        for start_s in (last_s / 2, last_s + 1.5):
            _read(source, start_s, most=4)
    except VideoError:
        return "refused"
    finally:
        source.close()
    return outcome


def _read(source: FrameSource, start_s: float, most: int | None = None) -> tuple[float, str]:
    """Time of the last frame, and whether the video was cut or whole."""
    last_s = start_s
    try:
        for frame in islice(source.frames(start_s), most):
            frame.image()
            last_s = frame.time_s
    except TruncatedVideoError:
        return last_s, "cut"
    return last_s, "whole"


def _place(data: bytearray, random: Random) -> int:
    """Half of all damage is done to the first kilobyte, where headers are."""
    reach = min(len(data), 1024) if random.random() < 0.5 else len(data)
    return int(random.integers(0, reach - 16))


def _length(data: bytearray, random: Random) -> int:
    return int(random.integers(1, max(2, min(2000, len(data) // 4))))


def _flip_bits(data: bytearray, random: Random, _files: Sequence[bytes]) -> None:
    for _ in range(int(random.integers(1, 65))):
        data[_place(data, random)] ^= 1 << int(random.integers(0, 8))


def _overwrite(data: bytearray, random: Random, _files: Sequence[bytes]) -> None:
    at, length = _place(data, random), _length(data, random)
    data[at : at + length] = random.bytes(len(data[at : at + length]))


def _blank(data: bytearray, random: Random, _files: Sequence[bytes]) -> None:
    at, length = _place(data, random), _length(data, random)
    data[at : at + length] = bytes(len(data[at : at + length]))


def _write_number(data: bytearray, random: Random, _files: Sequence[bytes]) -> None:
    at, size = _place(data, random), int(random.choice([1, 2, 4]))
    value = int(random.choice(_TELLING)) & (1 << 8 * size) - 1
    order = "big" if random.random() < 0.5 else "little"
    data[at : at + size] = value.to_bytes(size, order)


def _cut_out(data: bytearray, random: Random, _files: Sequence[bytes]) -> None:
    at = _place(data, random)
    del data[at : at + _length(data, random)]


def _repeat(data: bytearray, random: Random, _files: Sequence[bytes]) -> None:
    at, length = _place(data, random), _length(data, random)
    data[at:at] = data[at : at + length] * int(random.integers(1, 20))


def _break_off(data: bytearray, random: Random, _files: Sequence[bytes]) -> None:
    del data[int(random.integers(48, len(data))) :]


def _take_from_another(data: bytearray, random: Random, files: Sequence[bytes]) -> None:
    other = bytearray(files[int(random.integers(0, len(files)))])
    at, source = _place(data, random), _place(other, random)
    length = _length(other, random)
    data[at : at + length] = other[source : source + length]


_MUTATIONS: Mapping[str, Callable[[bytearray, Random, Sequence[bytes]], None]] = {
    "flip": _flip_bits,
    "overwrite": _overwrite,
    "blank": _blank,
    "number": _write_number,
    "cut out": _cut_out,
    "repeat": _repeat,
    "break off": _break_off,
    "another": _take_from_another,
}

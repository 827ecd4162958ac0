"""Files as recorders write them, where no muxer of FFmpeg's does."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

from app.core.entities import Image


def h264_packets(frames: Sequence[Image], fps: int = 10) -> Iterator[tuple[bytes, bool]]:
    """Each frame coded as an H.264 access unit in Annex B, and whether it is a key frame."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width = frames[0].shape[:2]
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, fps)
    encoder.framerate = Fraction(fps)
    encoder.gop_size = 12
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "20"}
    for number, image in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
        frame.pts = number
        for packet in encoder.encode(frame):
            yield bytes(packet), bool(packet.is_keyframe)
    for packet in encoder.encode(None):
        yield bytes(packet), bool(packet.is_keyframe)


def write_dav(path: Path, frames: Sequence[Image], start: datetime, fps: int = 10) -> Path:
    """Dahua's format: each chunk carries the recorder's local time to the second, and a count of
    milliseconds."""
    height, width = frames[0].shape[:2]
    about = struct.pack("<8B2H", 0x81, 0, 2, fps, 0x82, 0, 0, 0, width, height)
    chunks = []
    for number, (data, is_key) in enumerate(h264_packets(frames, fps)):
        now = start + timedelta(seconds=number // fps)
        date = (now.second | now.minute << 6 | now.hour << 12 | now.day << 17 | now.month << 22) | (
            now.year - 2000
        ) << 26
        length = 24 + len(about) + len(data) + 8
        kind = 0xFD if is_key else 0xFC
        chunks.append(
            b"DHAV"
            + struct.pack("<4B", kind, 0, 0, 0)
            + struct.pack("<III", number, length, date)
            + struct.pack("<HBB", number * 1000 // fps % 65536, len(about), 0)
            + about
            + data
            + b"dhav"
            + struct.pack("<I", length)
        )
    path.write_bytes(b"".join(chunks))
    return path


def shift_stamps(path: Path, frames: Sequence[int], by_s: float) -> Path:
    """Moves the time stamps of some frames of an MPEG transport stream, counted from 0."""
    data = bytearray(path.read_bytes())
    number = -1
    for packet in range(0, len(data), 188):
        begins, has_adaptation = data[packet + 1] & 0x40, data[packet + 3] & 0x20
        at = packet + 4 + (data[packet + 4] + 1 if has_adaptation else 0)
        if not begins or data[at : at + 3] != b"\0\0\1" or data[at + 3] & 0xF0 != 0xE0:
            continue
        number += 1
        if number not in frames:
            continue
        stamps = 2 if data[at + 7] & 0x40 else 1
        for stamp in range(at + 9, at + 9 + 5 * stamps, 5):
            _move_stamp(data, stamp, round(by_s * 90_000))
    path.write_bytes(data)
    return path


def _move_stamp(data: bytearray, at: int, ticks: int) -> None:
    """33 bits in three groups, each followed by a marker bit; ISO/IEC 13818-1, 2.4.3.7."""
    high, middle, low = data[at], *struct.unpack(">HH", data[at + 1 : at + 5])
    value = ((high >> 1 & 7) << 30 | middle >> 1 << 15 | low >> 1) + ticks
    value %= 1 << 33
    data[at] = high & 0xF1 | value >> 30 << 1
    halves = (value >> 15 & 0x7FFF) << 1 | 1, (value & 0x7FFF) << 1 | 1
    data[at + 1 : at + 5] = struct.pack(">HH", *halves)


def repeat_pictures(path: Path, after: Sequence[int]) -> Path:
    """Inserts empty chunks into an AVI file: the picture before is shown for one frame more.

    Args:
        path: an AVI file with one stream, as FFmpeg writes it.
        after: numbers of the frames, from 0, that are shown twice.
    """
    data = path.read_bytes()
    movie = data.index(b"movi")
    header, at = data[: movie - 8], movie + 4
    end = movie - 4 + struct.unpack_from("<I", data, movie - 4)[0] + 4
    chunks: list[bytes] = []
    number = 0
    while at < end:
        kind, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        chunks.append(data[at : at + 8 + size + size % 2])
        at += len(chunks[-1])
        if kind == b"00dc":
            if number in after:
                chunks.append(b"00dc\0\0\0\0")
            number += 1
    count = number + len(after)
    index, offset = b"", 4
    for place, chunk in enumerate(chunks):
        size = struct.unpack_from("<I", chunk, 4)[0]
        index += struct.pack("<4sIII", chunk[:4], 0x10 if place == 0 else 0, offset, size)
        offset += len(chunk)
    body = b"movi" + b"".join(chunks)
    tail = b"LIST" + struct.pack("<I", len(body)) + body
    tail += b"idx1" + struct.pack("<I", len(index)) + index
    counted = bytearray(header)
    struct.pack_into("<I", counted, counted.index(b"avih") + 8 + 16, count)
    struct.pack_into("<I", counted, counted.index(b"strh") + 8 + 32, count)
    struct.pack_into("<I", counted, 4, len(counted) + len(tail) - 8)
    path.write_bytes(bytes(counted) + tail)
    return path


def remuxed(path: Path, into: Path, bitstream: str | None = None) -> Path:
    """The coded pictures of a file in another container, as FFmpeg's ``-c copy`` does it."""
    with av.open(str(path)) as source, av.open(str(into), "w") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        chain = BitStreamFilterContext(bitstream, stream) if bitstream else None
        for packet in source.demux(stream):
            if packet.dts is None:
                continue
            for each in chain.filter(packet) if chain else [packet]:
                each.stream = copy
                output.mux(each)
    return into


def write_program_stream(path: Path, payloads: Sequence[bytes], stream_id: int = 0xE0) -> Path:
    """An MPEG program stream without a stream map, one packet a payload, ten a second."""
    packets = []
    for number, payload in enumerate(payloads):
        ticks = number * 9000
        clock = 0x4 << 44 | (ticks >> 30 & 7) << 43 | 1 << 42 | (ticks >> 15 & 0x7FFF) << 27
        clock |= 1 << 26 | (ticks & 0x7FFF) << 11 | 1 << 10 | 1
        packets.append(b"\0\0\1\xba" + clock.to_bytes(6, "big") + b"\x01\x89\xc3\xf8")
        stamp = bytearray(b"\x21\0\1\0\1")
        _move_stamp(stamp, 0, ticks)
        body = b"\x80\x80\x05" + bytes(stamp) + payload
        packets.append(b"\0\0\1" + bytes([stream_id]) + struct.pack(">H", len(body)) + body)
    path.write_bytes(b"".join(packets) + b"\0\0\1\xb9")
    return path


def write_views(path: Path, views: Sequence[Sequence[Image]], fps: int = 10) -> Path:
    """One file with several video streams, as cameras with two lenses write it."""
    with av.open(str(path), "w") as output:
        streams = []
        for frames in views:
            stream = output.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            streams.append(stream)
        for images in zip(*views, strict=True):
            for stream, image in zip(streams, images, strict=True):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
                output.mux(stream.encode(frame))
        for stream in streams:
            output.mux(stream.encode(None))
    return path

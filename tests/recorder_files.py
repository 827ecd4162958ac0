"""Files as recorders write them, where no muxer of FFmpeg's does."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

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

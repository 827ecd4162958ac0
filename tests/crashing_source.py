"""Footage that ends the process which reads it, or makes it hang, as faults in a decoder do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.core.entities import Frame, VideoInfo
from app.core.ports import DecodedFrame


class CrashingSource:
    """A `FrameSource` of grey frames; after so many, the process dies.

    Args:
        path: of the video.
        frames: −1: it dies when the video is opened.
        in_image: it dies when the pixels of the next frame are asked for.
    """

    def __init__(self, path: Path, frames: int, in_image: bool = False) -> None:
        if frames < 0:
            crash()
        self.info = VideoInfo(path, "cam", 64, 48, 5.0, 100, 20.0, None)
        self._count, self._in_image = frames, in_image

    def frames(self, start_s: float = 0.0, start_index: int = 0) -> Iterator[DecodedFrame]:
        for number in range(self._count):
            yield _Grey(Frame(number, number / 5, np.full((48, 64, 3), number, np.uint8)))
        if self._in_image:
            yield _Deadly(self._count, self._count / 5)
        crash()

    def close(self) -> None:
        pass


class HangingSource:
    """A `FrameSource` of grey frames; after so many, or when opened, nothing more comes.

    Args:
        path: of the video.
        frames: −1: it hangs when it is opened.
        reads: a file that is read over and over while it hangs, or None.
    """

    def __init__(self, path: Path, frames: int, reads: Path | None = None) -> None:
        self._reads = reads
        if frames < 0:
            self._hang()
        self.info = VideoInfo(path, "cam", 64, 48, 5.0, 100, 20.0, None)
        self._count = frames

    def frames(self, start_s: float = 0.0, start_index: int = 0) -> Iterator[DecodedFrame]:
        for number in range(self._count):
            yield _Grey(Frame(number, number / 5, np.full((48, 64, 3), number, np.uint8)))
        self._hang()

    def close(self) -> None:
        pass

    def _hang(self) -> None:
        while True:
            time.sleep(0.02)
            if self._reads is not None:
                self._reads.read_bytes()


class _Grey:
    def __init__(self, frame: Frame) -> None:
        self.index, self.time_s, self._image = frame.index, frame.time_s, frame.image

    def image(self) -> np.ndarray:
        return self._image


@dataclass
class _Deadly:
    index: int
    time_s: float

    def image(self) -> np.ndarray:
        crash()
        raise AssertionError


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)

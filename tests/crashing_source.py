"""Footage that ends the process which reads it, as a fault in a decoder does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app.core.entities import Frame, VideoInfo
from app.core.ports import DecodedFrame


class CrashingSource:
    """A `FrameSource` of grey frames; after so many, the process dies."""

    def __init__(self, path: Path, frames: int) -> None:
        if frames < 0:
            crash()
        self.info = VideoInfo(path, "cam", 64, 48, 5.0, 100, 20.0, None)
        self._count = frames

    def frames(self, start_s: float = 0.0, start_index: int = 0) -> Iterator[DecodedFrame]:
        for number in range(self._count):
            yield _Grey(Frame(number, number / 5, np.full((48, 64, 3), number, np.uint8)))
        crash()

    def close(self) -> None:
        pass


class _Grey:
    def __init__(self, frame: Frame) -> None:
        self.index, self.time_s, self._image = frame.index, frame.time_s, frame.image

    def image(self) -> np.ndarray:
        return self._image


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)

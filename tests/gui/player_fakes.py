"""A video of numbered grey frames, a library that holds it, and a player that shows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from PySide6.QtTest import QTest

from app.core.entities import (
    Camera,
    StartSource,
    StoredCrop,
    Tracklet,
    Trajectory,
    Video,
    VideoInfo,
    VideoStatus,
)
from app.gui.player.player_flow import PlayerFlow
from app.gui.player.player_panel import PlayerPanel
from app.gui.tasks import TaskRunner

WIDTH_PX, HEIGHT_PX = 64, 36
FPS = 50.0
START = datetime(2024, 5, 14, 8, 32, 7, 400_000, tzinfo=UTC)


@dataclass
class FakeFrame:
    index: int
    time_s: float
    decode: Callable[[int], np.ndarray]

    def image(self) -> np.ndarray:
        return self.decode(self.index)


class Footage:
    """Opens fake videos; what happens to them is written down."""

    def __init__(self) -> None:
        self.frame_count = 100
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Event()
        self.seconds_per_picture = 0.0
        self.threads: set[str] = set()
        self.pictures = 0
        self.open: list[FakeSource] = []
        self.problem: Exception | None = None

    def open_source(self, video: Video) -> FakeSource:
        if self.problem is not None:
            raise self.problem
        return FakeSource(self, video.info)

    def picture(self, number: int) -> np.ndarray:
        self.waiting.set()
        assert self.gate.wait(5)
        self.waiting.clear()
        self.threads.add(threading.current_thread().name)
        self.pictures += 1
        time.sleep(self.seconds_per_picture)  # how slow this footage is
        return np.full((HEIGHT_PX, WIDTH_PX, 3), number % 256, np.uint8)


class FakeSource:
    def __init__(self, footage: Footage, info: VideoInfo) -> None:
        self.footage = footage
        self.info = info
        footage.open.append(self)

    def frames(self, start_s: float = 0.0, start_index: int = 0) -> Iterator[FakeFrame]:
        first = min(int((start_s + 0.001) * FPS), self.footage.frame_count - 1)
        for number in range(max(0, first), self.footage.frame_count):
            yield FakeFrame(number, number / FPS, self.footage.picture)

    def close(self) -> None:
        self.footage.open.remove(self)


class FakeLibrary:
    timezone = ZoneInfo("Europe/Vienna")

    def __init__(self, footage: Footage) -> None:
        self.footage = footage
        times = np.arange(0, 2, 0.2)
        boxes = np.repeat(np.array([[8, 4, 24, 32]], np.float32), len(times), axis=0)
        path = Trajectory(
            np.arange(len(times), dtype=np.int32),
            times.astype(np.float64),
            boxes,
            np.ones(len(times), np.float32),
        )
        crop = StoredCrop(Path("crop.jpg"), 0, 0.0, boxes[0], 1.0)
        self.people = [(Tracklet(11, 1, 1, 1, 0.0, 1.8, crop), path)]

    def tracklet(self, tracklet_id: int) -> Tracklet:
        return {each.id: each for each, _ in self.people}[tracklet_id]

    def video(self, video_id: int) -> Video:
        duration_s = self.footage.frame_count / FPS
        path = Path(f"/footage/gate{video_id}.mp4")
        info = VideoInfo(
            path,
            "gate",
            WIDTH_PX,
            HEIGHT_PX,
            FPS,
            self.footage.frame_count,
            duration_s,
            START,
            StartSource.FILE_NAME,
        )
        camera = Camera(video_id, f"gate{video_id}")
        done = VideoStatus.DONE
        return Video(video_id, camera, path, "0" * 64, done, "", info, 5.0, "d", duration_s, 1)

    def trajectories_between(self, video_id: int, from_s: float, to_s: float) -> list:
        return self.people

    def identities(self) -> list:
        return []


@dataclass
class Player:
    """The player of a test, and what it told."""

    panel: PlayerPanel
    flow: PlayerFlow
    runner: TaskRunner
    footage: Footage
    workspace: Any
    positions: list[float]
    clicks: list[tuple]
    qtbot: Any

    def shows(self, number: int) -> bool:
        """Whether this frame is in the view, and its time in the header."""
        picture = self.panel.view._picture
        is_shown = picture is not None and picture.pixelColor(3, 3).red() == number
        return is_shown and self.positions[-1] == pytest.approx(number / FPS)

    def wait_for(self, number: int) -> None:
        self.qtbot.waitUntil(lambda: self.shows(number), timeout=3000)

    def wait_until_idle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.runner.is_busy("player"), timeout=3000)

    def press(self, key: Any, times: int = 1) -> None:
        for _ in range(times):
            QTest.keyClick(self.panel.view, key)

    @property
    def speed(self) -> str:
        return self.panel.transport.speed_button.text()

    @property
    def is_playing(self) -> bool:
        return self.panel.transport.play_button.accessibleName() == "Pause"

"""Several cameras at the same moment, from the player's frame to the pixels of the cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import ClassVar

import pytest
from player_fakes import FPS, START, FakeLibrary, Footage
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.core.entities import Video
from app.core.errors import VideoError
from app.gui.tasks import TaskRunner
from app.gui.together.camera_grid import CameraGrid
from app.gui.together.together_flow import LANE, TogetherFlow
from app.services.footage.playback import Playback


class Cameras(FakeLibrary):
    """gate1, gate2 (begins half a second later), gate3 (an hour later), gate4 (unknown time)."""

    starts: ClassVar[dict[int, datetime | None]] = {
        1: START,
        2: START + timedelta(seconds=0.5),
        3: START + timedelta(hours=1),
        4: None,
    }

    def video(self, video_id: int) -> Video:
        video = super().video(video_id)
        return replace(video, info=replace(video.info, start_utc=self.starts[video_id]))

    def videos(self) -> list[Video]:
        return [self.video(each) for each in self.starts]


class Bench:
    def __init__(self, qtbot) -> None:
        self.qtbot, self.footage, self.tasks = qtbot, Footage(), TaskRunner()
        self.main = QWidget()
        self.grid = CameraGrid(self.main)
        qtbot.addWidget(self.grid)
        self.grid.resize(600, 400)
        self.grid.show()
        self.flow = TogetherFlow(self.grid, self.tasks)
        library = Cameras(self.footage)
        self.playback = Playback(library, self.footage.open_source)  # type: ignore[arg-type]
        self.flow.set_workspace(SimpleNamespace(playback=self.playback))  # type: ignore[arg-type]

    def wait(self) -> None:
        self.qtbot.waitUntil(lambda: not self.tasks.is_busy(LANE), timeout=3000)
        self.qtbot.wait(20)

    def cells(self) -> list[tuple[str, int | str]]:
        """Of each cell that is seen: its caption, and the number of its frame or its text."""
        found: list[tuple[str, int | str]] = []
        for cell in self.grid.cells:
            if cell.isVisible():
                picture = cell.frame._picture
                is_frame = picture is not None
                shown = picture.pixelColor(1, 1).red() if is_frame else cell.frame.text
                found.append((cell.label.whole(), shown))
        return found


@pytest.fixture
def bench(qtbot) -> Iterator[Bench]:
    made = Bench(qtbot)
    yield made
    made.flow.set_workspace(None)
    made.wait()
    assert made.footage.open == []
    made.tasks.shutdown()


def test_the_other_cameras_show_the_moment_of_the_main_one(bench: Bench) -> None:
    bench.flow.follow(1, 1.0)
    assert bench.cells() == []  # one camera is the usual
    bench.flow.set_count(4)
    bench.wait()
    assert bench.cells() == [
        ("gate2 · 10:32:08", round(0.5 * FPS)),
        ("gate3", "No footage at this time The next begins 14 May 2024 11:32:07."),
        ("gate4", "No footage at this time"),
    ]
    bench.flow.follow(1, 1.5)
    bench.wait()
    assert bench.cells()[0] == ("gate2 · 10:32:08", round(1.0 * FPS))


def test_cameras_with_footage_go_first_where_there_is_no_room_for_all(bench: Bench) -> None:
    bench.grid.set_count(4)
    bench.flow._cameras = 3
    bench.flow.follow(3, 0.0)  # an hour later: nobody else recorded
    bench.wait()
    assert [name for name, _ in bench.cells()] == ["gate1", "gate2"]
    bench.flow.follow(2, 0.0)
    bench.wait()
    assert [name for name, _ in bench.cells()] == ["gate1 · 10:32:07", "gate3"]


def test_a_click_or_enter_makes_a_camera_the_main_one(bench: Bench, qtbot) -> None:
    bench.flow.follow(1, 1.0)
    bench.flow.set_count(4)
    bench.wait()
    shown, gap, _ = bench.grid.cells
    with qtbot.waitSignal(bench.grid.chosen) as chosen:
        qtbot.mouseClick(shown, Qt.MouseButton.LeftButton)
    assert chosen.args == [2, pytest.approx(0.5)]
    with qtbot.waitSignal(bench.grid.chosen):
        qtbot.keyClick(shown, Qt.Key.Key_Return)
    with qtbot.assertNotEmitted(bench.grid.chosen):
        qtbot.mouseClick(gap, Qt.MouseButton.LeftButton)


def test_without_a_time_of_day_or_with_broken_footage_it_says_so(bench: Bench) -> None:
    bench.flow.set_count(4)
    bench.flow.follow(4, 0.0)
    bench.wait()
    assert bench.cells() == [("", "It is not known when this was recorded.")]
    bench.footage.problem = VideoError("It is gone.", "Bring it back.")
    bench.flow.follow(1, 1.0)
    bench.wait()
    (name, text), *_ = bench.cells()
    assert name == "gate2 · 10:32:08"
    assert str(text).startswith("The footage of gate2.mp4 is not at /footage any more.")


def test_one_camera_closes_the_others(bench: Bench) -> None:
    bench.flow.set_count(9)
    bench.flow.follow(1, 1.0)
    bench.wait()
    assert len(bench.footage.open) == 1
    bench.flow.set_count(1)
    bench.wait()
    assert bench.footage.open == []
    bench.flow.follow(1, 1.2)
    assert not bench.tasks.is_busy(LANE)

"""Name and clock of a camera in the window: typed, and found from marked events."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialogButtonBox, QLineEdit, QPushButton
from window_fakes import CAM1, FakeWorkspace, label, make_video

from app.core.camera_clock import CameraClock
from app.core.entities import Camera
from app.core.errors import UsageError
from app.gui.footage.clock_dialog import ClockDialog
from app.gui.shell import Shell
from app.services.footage.cameras import MarkedEvent, SolvedClock


class FakeCameras:
    """Remembers what it is told; every mark is 200 s off."""

    def __init__(self) -> None:
        self.clocks: list[tuple[str, CameraClock]] = []
        self.names: list[tuple[str, str]] = []
        self.events: list[MarkedEvent] = []

    def change(self, camera: Camera, name: str, clock: CameraClock) -> None:
        if name == "cam2":
            raise UsageError('There is already a camera "cam2".', "Choose another name.")
        self.names.append((camera.name, name))
        self.clocks.append((camera.name, clock))

    def solve(self, camera: Camera, events: list[MarkedEvent]) -> SolvedClock:
        self.events = list(events)
        return SolvedClock(CameraClock(camera.clock.zone, 200.0), 0.1, len(events))


@pytest.fixture
def workspace(tmp_path: Path) -> Any:
    made: Any = FakeWorkspace(tmp_path / "library")
    made.put(make_video(1, tmp_path / "a.mp4"))
    made.cameras = FakeCameras()
    made.library.videos = lambda: made.videos
    return made


@pytest.fixture
def window(shell: Shell, workspace: Any, qtbot: Any, libraries: Any, tmp_path: Path) -> Shell:
    libraries.workspaces[tmp_path / "library"] = workspace
    workspace.playback = SimpleNamespace()
    shell.footage.clock.set_workspace(workspace)
    return shell


@pytest.fixture
def sheet(window: Shell, qtbot: Any, workspace: Any) -> ClockDialog:
    """Opened by the menu of the camera's only video."""
    menu = window.footage.sources.menu_for(workspace.videos)
    entry = next(each for each in menu.actions() if each.objectName() == "action_camera-clock")
    entry.trigger()
    menu.deleteLater()
    return window.window.findChild(ClockDialog)


def field(sheet: ClockDialog, name: str) -> QLineEdit:
    return sheet.findChild(QLineEdit, f"clock_{name}")


def press(sheet: ClockDialog, name: str) -> None:
    QTest.mouseClick(sheet.findChild(QPushButton, name), Qt.MouseButton.LeftButton)


def save(sheet: ClockDialog) -> None:
    sheet.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Save).click()


def test_typed_name_zone_and_offset_are_stored(
    sheet: ClockDialog, window: Shell, workspace: Any, qtbot: Any
) -> None:
    assert [field(sheet, name).text() for name in ("name", "zone", "offset", "drift")] == [
        "cam1", "", "+0:00:00", "0",
    ]  # fmt: skip
    field(sheet, "name").setText("Gate")
    field(sheet, "zone").setText("+01:00")
    field(sheet, "offset").setText("-3:20")
    with qtbot.waitSignal(window.footage.clock.saved):
        save(sheet)
    assert workspace.cameras.clocks == [("cam1", CameraClock("+01:00", -200.0))]
    assert workspace.cameras.names == [("cam1", "Gate")]


def test_one_event_in_two_cameras_fills_the_offset(
    sheet: ClockDialog, window: Shell, workspace: Any, qtbot: Any
) -> None:
    press(sheet, "mark_here")
    assert label(sheet, "clock_problem").startswith("No video is shown.")
    window.footage.clock.note_position(1, 12.4)
    press(sheet, "mark_here")
    assert label(sheet, "clock_found").startswith("Marked at 0:00:12.4 in this camera.")
    window.footage.clock.note_position(7, 30.0)
    press(sheet, "mark_there")
    qtbot.waitUntil(lambda: field(sheet, "offset").text() == "+0:03:20")
    said = "Found within 0.10 s if the event was marked right: mark another one to check it."
    assert label(sheet, "clock_found") == said
    assert workspace.cameras.events == [MarkedEvent(1, 12.4, 7, 30.0)]
    assert workspace.cameras.clocks == []  # not before it is saved


def test_what_cannot_be_stored_is_said(sheet: ClockDialog, workspace: Any, qtbot: Any) -> None:
    field(sheet, "offset").setText("late")
    save(sheet)
    assert label(sheet, "clock_problem").startswith('"late" is not an offset.')
    field(sheet, "offset").setText("5")
    field(sheet, "name").setText("cam2")
    save(sheet)
    qtbot.waitUntil(lambda: 'already a camera "cam2"' in label(sheet, "clock_problem"))


def test_videos_of_several_cameras_have_no_clock_entry(
    window: Shell, workspace: Any, tmp_path: Path
) -> None:
    other = make_video(2, tmp_path / "b.mp4", camera=Camera(2, "cam2"))
    menu = window.footage.sources.menu_for([*workspace.videos, other])
    assert "action_camera-clock" not in [each.objectName() for each in menu.actions()]
    menu.deleteLater()
    assert workspace.videos[0].camera == CAM1

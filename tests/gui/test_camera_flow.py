"""Cameras are merged and split in the list of videos, and say how their clock goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QTreeWidget
from window_fakes import CAM1, FakeWorkspace, dialog, label, make_video

from app.core.camera_clock import CameraClock
from app.core.entities import Camera, Video
from app.core.errors import UsageError
from app.gui.footage.cameras_dialog import CamerasDialog
from app.gui.shell import Shell

CAM2 = Camera(2, "cam2", CameraClock("+01:00", 200.0, 1.5, datetime(2024, 5, 14, tzinfo=UTC)))


class FakeCameras:
    """Gives videos to cameras in the list of a fake workspace."""

    def __init__(self, workspace: FakeWorkspace) -> None:
        self._workspace = workspace

    def merge(self, cameras: Sequence[Camera], into: Camera) -> None:
        for video in list(self._workspace.videos):
            if video.camera in cameras:
                self._workspace.put(replace(video, camera=into))

    def split(self, camera: Camera, videos: Sequence[Video], name: str) -> None:
        if not name.strip():
            raise UsageError("A camera needs a name.")
        for video in videos:
            assert video.camera == camera
            self._workspace.put(replace(video, camera=Camera(9, name)))


@pytest.fixture
def window(shell: Shell, qtbot: Any, libraries: Any, tmp_path: Path) -> Shell:
    workspace: Any = FakeWorkspace(tmp_path / "library")
    workspace.cameras = FakeCameras(workspace)
    for number, camera in enumerate((CAM1, CAM1, CAM2), 1):
        workspace.put(make_video(number, tmp_path / f"{number}.mp4", camera=camera))
    libraries.workspaces[tmp_path / "library"] = workspace
    shell.start(tmp_path / "library", None)
    qtbot.waitUntil(lambda: names(shell) == ["cam1", "cam2"])
    return shell


def tree(shell: Shell) -> QTreeWidget:
    return shell.footage.sources.findChild(QTreeWidget, "sources_tree")


def names(shell: Shell) -> list[str]:
    found = tree(shell)
    return [found.topLevelItem(row).text(0) for row in range(found.topLevelItemCount())]


def choose(shell: Shell, videos: Sequence[Video], entry: str) -> CamerasDialog:
    """Opens the dialog of an entry of the videos' menu."""
    menu = shell.footage.sources.menu_for(videos)
    next(each for each in menu.actions() if each.objectName() == entry).trigger()
    menu.deleteLater()
    return dialog(shell, CamerasDialog)


def press(sheet: CamerasDialog) -> None:
    sheet.findChild(QPushButton, "cameras_accept").click()


def test_cameras_are_merged_into_the_one_that_stays(window: Shell, qtbot: Any) -> None:
    sheet = choose(window, list(window.footage.sources._videos.values()), "action_merge-cameras")
    into = sheet.findChild(QComboBox, "merge_into")
    assert [into.itemText(row) for row in range(into.count())] == ["cam1", "cam2"]
    into.setCurrentIndex(1)
    press(sheet)
    qtbot.waitUntil(lambda: names(window) == ["cam2"])
    qtbot.waitUntil(lambda: dialog(window, CamerasDialog) is None)


def test_videos_are_split_off_under_a_name(window: Shell, qtbot: Any) -> None:
    videos = list(window.footage.sources._videos.values())
    sheet = choose(window, videos[:1], "action_split-camera")
    press(sheet)
    qtbot.waitUntil(lambda: label(sheet, "cameras_problem") == "A camera needs a name.")
    sheet.findChild(QLineEdit, "split_name").setText("Yard")
    press(sheet)
    qtbot.waitUntil(lambda: sorted(names(window)) == ["Yard", "cam1", "cam2"])


def test_all_videos_of_a_camera_cannot_be_split_off(window: Shell) -> None:
    videos = [each for each in window.footage.sources._videos.values() if each.camera == CAM1]
    menu = window.footage.sources.menu_for(videos)
    assert {"action_split-camera", "action_merge-cameras"}.isdisjoint(
        action.objectName() for action in menu.actions()
    )
    menu.deleteLater()


def test_a_camera_says_how_its_clock_goes(window: Shell) -> None:
    found = tree(window)
    found.setCurrentItem(found.topLevelItem(0))
    assert label(window.footage.sources, "source_details").splitlines()[-1] == (
        "Clock: zone Europe/Berlin (the library's), times as the recorder wrote them (raw)"
    )
    found.setCurrentItem(found.topLevelItem(1))
    assert label(window.footage.sources, "source_details").splitlines() == [
        "1 video, 0:01:40.0 in all",
        "2024-05-14 10:35:27 +02:00 to 2024-05-14 10:37:07 +02:00",
        "Clock: zone +01:00, times corrected by +0:03:20 and +1.5 s a day",
    ]

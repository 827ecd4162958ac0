"""The list of cameras and videos: status in words, menu, drop, empty state."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QLabel,
    QMenu,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
)
from window_fakes import drop, make_video

from app.core.entities import Camera, Video, VideoStatus
from app.gui.footage.sources_panel import SourcesPanel
from app.services.people.catalog import CameraEntry

ZONE = ZoneInfo("Europe/Berlin")
CAM1, CAM2 = Camera(1, "cam1"), Camera(2, "cam2")


@pytest.fixture
def panel(qtbot) -> SourcesPanel:
    made = SourcesPanel()
    qtbot.addWidget(made)
    made.resize(264, 500)
    made.show()
    return made


def entries(*videos: Video) -> list[CameraEntry]:
    cameras = {video.camera.id: video.camera for video in videos}
    return [
        CameraEntry(camera, tuple(video for video in videos if video.camera == camera))
        for camera in cameras.values()
    ]


def item(panel: SourcesPanel, name: str) -> QTreeWidgetItem:
    flags = Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive
    found = panel.findChild(QTreeWidget, "sources_tree").findItems(name, flags)
    assert len(found) == 1
    return found[0]


def test_every_status_is_a_shape_and_a_word(panel) -> None:
    names = {status: f"{status.value}.mp4" for status in VideoStatus}
    videos = [
        make_video(number, Path("/v") / name, status, people=number)
        for number, (status, name) in enumerate(names.items(), 1)
    ]
    panel.show_sources(entries(*videos), frozenset(), ZONE)
    shown = {status: item(panel, name).text(1) for status, name in names.items()}
    assert shown == {
        VideoStatus.PENDING: "… waiting",
        VideoStatus.INGESTING: "◐ begun",
        VideoStatus.DONE: "✓ done",
        VideoStatus.PARTIAL: "✂ partial",
        VideoStatus.FAILED: "! failed",
        VideoStatus.EXCLUDED: "⊘ excluded",
    }
    assert item(panel, "cam1").text(1) == "! 1 failed"
    assert item(panel, "cam1").text(2) == "21"


def entries_of(menu: QMenu) -> dict[str, QAction]:
    return {action.objectName(): action for action in menu.actions()}


def test_a_video_that_is_gone_says_so_and_cannot_be_played(panel) -> None:
    video = make_video(1, Path("/v/a.mp4"), people=2)
    panel.show_sources(entries(video), frozenset({1}), ZONE)
    assert item(panel, "a.mp4").text(1) == "✕ missing"
    menu = panel.menu_for([video])
    assert not entries_of(menu)["action_play-video"].isEnabled()
    assert not entries_of(menu)["action_read-again"].isEnabled()


def test_time_zone_source_and_reason_are_told(panel) -> None:
    video = make_video(1, Path("/v/a.mp4"), VideoStatus.PARTIAL, problem="It ends after 12 s.")
    panel.show_sources(entries(video), frozenset(), ZONE)
    tip = item(panel, "a.mp4").toolTip(0)
    assert "2024-05-14 10:32:07 +02:00 (read from the file name, raw)" in tip
    assert "It ends after 12 s." in tip
    panel.select_video(1)
    details = panel.findChild(QLabel, "source_details")
    assert details.isVisible()
    assert details.text() == tip


def test_an_image_sequence_is_no_single_picture(panel) -> None:
    video = make_video(1, Path("/v/c1s1_001051.jpg"))
    panel.show_sources(entries(video), frozenset(), ZONE)
    item(panel, "c1s1_001051 + 2499")


def test_missing_footage_can_be_located_from_its_menu(panel, qtbot) -> None:
    here, gone = make_video(1, Path("/v/a.mp4")), make_video(2, Path("/v/b.mp4"))
    panel.show_sources(entries(here, gone), frozenset({2}), ZONE)
    names = list(entries_of(panel.menu_for([here])))
    assert "action_locate-video" not in names
    menu = panel.menu_for([gone])
    with qtbot.waitSignal(panel.locate_requested):
        entries_of(menu)["action_locate-video"].trigger()


def test_the_empty_list_says_what_to_do(panel, qtbot) -> None:
    assert panel.findChild(QLabel, "sources_empty").isVisible()
    assert "Drop a folder" in panel.findChild(QLabel, "sources_empty").text()
    asked: list[bool] = []
    panel.add_footage_requested.connect(lambda: asked.append(True))
    qtbot.mouseClick(panel.findChild(QPushButton, "add_footage"), Qt.MouseButton.LeftButton)
    assert asked == [True]


def test_activating_plays_a_video_and_tells_why_a_failed_one_cannot_be(panel) -> None:
    good = make_video(1, Path("/v/good.mp4"))
    bad = make_video(2, Path("/v/bad.mp4"), VideoStatus.FAILED, problem="It is no video.")
    panel.show_sources(entries(good, bad), frozenset(), ZONE)
    played, reasons = [], []
    panel.video_activated.connect(played.append)
    panel.reason_requested.connect(reasons.append)
    tree = panel.findChild(QTreeWidget, "sources_tree")
    tree.itemActivated.emit(item(panel, "good.mp4"), 0)
    tree.itemActivated.emit(item(panel, "bad.mp4"), 0)
    assert played == [1]
    assert reasons == [bad]


def test_the_menu_asks_for_a_new_ingest(panel) -> None:
    done, begun = (
        make_video(1, Path("/v/a.mp4")),
        make_video(2, Path("/v/b.mp4"), VideoStatus.INGESTING),
    )
    panel.show_sources(entries(done, begun), frozenset(), ZONE)
    asked: list[list[Video]] = []
    panel.again_requested.connect(asked.append)
    texts = []
    for video in (done, begun):
        menu = panel.menu_for([video])
        again = entries_of(menu)["action_read-again"]
        texts.append(again.text())
        again.trigger()
    assert texts == ["Load again", "Read anyway"]
    assert asked == [[done], [begun]]
    waiting = make_video(3, Path("/v/c.mp4"), VideoStatus.PENDING)
    failed = make_video(4, Path("/v/d.mp4"), VideoStatus.FAILED)
    panel.show_sources(entries(done, waiting, failed), frozenset(), ZONE, frozenset({3}))
    names = list(entries_of(panel.menu_for([waiting, failed])))
    assert names == [
        "action_read-next",
        "action_read-last",
        "action_exclude",
        "action_read-again",
        "action_camera-clock",
        "action_split-camera",
    ]


def test_selection_and_closed_branches_survive_a_new_list(panel) -> None:
    videos = [
        make_video(1, Path("/v/a.mp4"), camera=CAM1),
        make_video(2, Path("/v/b.mp4"), camera=CAM2),
    ]
    panel.show_sources(entries(*videos), frozenset(), ZONE)
    item(panel, "cam1").setExpanded(False)
    panel.select_video(2)
    panel.show_sources(
        entries(*videos, make_video(3, Path("/v/c.mp4"), camera=CAM2)), frozenset(), ZONE
    )
    assert not item(panel, "cam1").isExpanded()
    assert item(panel, "cam2").isExpanded()
    assert panel.findChild(QTreeWidget, "sources_tree").currentItem() is item(panel, "b.mp4")


def test_people_are_counted_without_reading_the_list_anew(panel) -> None:
    panel.show_sources(entries(make_video(1, Path("/v/a.mp4"), people=2)), frozenset(), ZONE)
    panel.add_people(1, 3)
    assert item(panel, "a.mp4").text(2) == "5"
    assert item(panel, "cam1").text(2) == "5"


def test_a_drop_tells_the_paths(panel, tmp_path) -> None:
    dropped: list[list[Path]] = []
    panel.paths_dropped.connect(dropped.append)
    assert drop(panel, tmp_path / "a", tmp_path / "b.mp4")
    assert dropped == [[tmp_path / "a", tmp_path / "b.mp4"]]
    assert not drop(panel)


def test_every_control_has_a_name_for_tests_and_for_reading_aloud(panel) -> None:
    panel.show_sources(entries(make_video(1, Path("/v/a.mp4"), people=2)), frozenset(), ZONE)
    for kind in (QTreeWidget, QPushButton):
        for control in panel.findChildren(kind):
            assert control.objectName()
            assert control.accessibleName()
    spoken = item(panel, "a.mp4").data(0, Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("a.mp4, done, 2 sightings, Recorded 2024-05-14")

"""The sheet of Add footage: what was understood is shown, can be corrected, then loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QMenu,
    QPushButton,
    QTreeWidget,
)
from window_fakes import FakeWorkspace, dialog, drop, label

from app.core.clock import parse_zone
from app.core.entities import StartSource, VideoInfo
from app.core.errors import UsageError
from app.gui.footage.footage_dialog import FootageDialog
from app.gui.shell import Shell
from app.gui.widgets.elided_label import ElidedLabel
from app.services.ingest.ingest_options import IngestOptions
from app.services.ingest.survey import Survey, SurveyedVideo, Surveying


class FakeSurvey:
    """Two cameras with three videos, or what the options ask for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[IngestOptions] = []
        self.paths: list[Path] = []

    def __call__(
        self, paths: Sequence[Path], options: IngestOptions
    ) -> Iterator[Surveying | Survey]:
        self.asked.append(options)
        self.paths = list(paths)
        if options.camera_by == "(":
            raise UsageError('"(" is not a rule for cameras.', "Write auto.")
        zone = options.zone or parse_zone("Europe/Berlin")
        yield Surveying(1, 3)
        names = ("a", "a", "b") if options.camera_by == "auto" else ("x", "y", "z")
        videos = [self._video(name, at, zone) for at, name in enumerate(names)]
        yield Survey(
            tuple(paths),
            zone,
            (*videos, SurveyedVideo(Path("bad.mp4"), "b", None, None, "", "bad.mp4 is empty.")),
        )

    def _video(self, camera: str, at: int, zone: tzinfo) -> SurveyedVideo:
        local = datetime(2024, 5, 14, 10, at)  # noqa: DTZ001 - a recorder's clock
        start = local.replace(tzinfo=zone).astimezone(UTC)
        info = VideoInfo(self.folder / f"{at}.mp4", camera, 640, 360, 25.0, None, 60.0, start,
                         StartSource.FILE_NAME, local)  # fmt: skip
        return SurveyedVideo(Path(f"{at}.mp4"), camera, None, info, str(zone))


@pytest.fixture
def workspace(tmp_path: Path) -> Any:
    made: Any = FakeWorkspace(tmp_path / "library")
    made.survey = FakeSurvey(tmp_path)
    return made


@pytest.fixture
def window(shell: Shell, workspace: Any, qtbot: Any, libraries: Any, tmp_path: Path) -> Shell:
    libraries.workspaces[tmp_path / "library"] = workspace
    shell.start(tmp_path / "library", None)
    qtbot.waitUntil(lambda: "library" in shell.window.windowTitle())
    return shell


@pytest.fixture
def sheet(window: Shell, qtbot: Any, tmp_path: Path) -> FootageDialog:
    """The sheet of a folder that was chosen in the menu, with its list."""
    window.window.action("add-footage").trigger()
    files = window.window.findChild(QFileDialog)
    files.fileSelected.emit(str(tmp_path / "footage"))
    files.reject()
    qtbot.waitUntil(lambda: window.window.findChild(FootageDialog) is not None)
    found = window.window.findChild(FootageDialog)
    tree = found.findChild(QTreeWidget)
    qtbot.waitUntil(lambda: tree.topLevelItemCount() == 2)
    return found


def rows(sheet: FootageDialog) -> list[list[str]]:
    tree = sheet.findChild(QTreeWidget)
    items = [tree.topLevelItem(at) for at in range(tree.topLevelItemCount())]
    return [[item.text(column) for column in range(tree.columnCount())] for item in items]


def press_load(sheet: FootageDialog) -> None:
    QTest.mouseClick(sheet.findChild(QPushButton, "footage_load"), Qt.MouseButton.LeftButton)


def test_cameras_starts_and_length_are_shown_and_nothing_is_read(
    sheet: FootageDialog, workspace: Any
) -> None:
    assert label(sheet, "footage_state") == "2 cameras, 4 videos, 0:03:00.0 in all"
    assert rows(sheet) == [
        ["a", "2024-05-14 10:00:00 +02:00", "2 videos by file name", "", "0:02:00.0"],
        [
            "b",
            "2024-05-14 10:02:00 +02:00",
            "1 video by file name, 1 cannot be read",
            "",
            "0:01:00.0",
        ],
    ]
    first = sheet.findChild(QTreeWidget).topLevelItem(0).child(0)
    assert [first.text(column) for column in range(5)] == [
        "0.mp4", "2024-05-14 10:00:00 +02:00", "file name", "Europe/Berlin", "0:01:00.0",
    ]  # fmt: skip
    assert label(sheet, "footage_problem") == "bad.mp4 is empty."
    assert workspace.ingested == []


def test_load_reads_it_as_it_was_shown(
    sheet: FootageDialog, workspace: Any, qtbot: Any, tmp_path: Path
) -> None:
    press_load(sheet)
    qtbot.waitUntil(lambda: bool(workspace.ingested))
    path, options = workspace.ingested[0]
    assert (path, options.camera_by, options.zone) == (tmp_path / "footage", "auto", None)


def test_what_is_corrected_is_shown_again_and_loaded(
    sheet: FootageDialog, workspace: Any, qtbot: Any
) -> None:
    rule, zone = sheet.findChild(QComboBox), sheet.findChild(QLineEdit, "footage_zone")
    rule.setEditText("folder")
    zone.setText("+01:00")
    zone.editingFinished.emit()
    qtbot.waitUntil(lambda: len(rows(sheet)) == 4)
    assert rows(sheet)[0][:2] == ["x", "2024-05-14 10:00:00 +01:00"]
    sheet.findChild(QLineEdit, "footage_rate").setText("12.5")
    press_load(sheet)
    qtbot.waitUntil(lambda: bool(workspace.ingested))
    _, options = workspace.ingested[0]
    assert (options.camera_by, options.rate_fps) == ("folder", 12.5)
    assert options.zone == parse_zone("+01:00")


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("footage_zone", "Mars", '"Mars" is not a time zone.'),
        ("footage_rate", "fast", '"fast" is not a frame rate.'),
    ],
)
def test_what_means_nothing_is_said_and_not_loaded(
    sheet: FootageDialog, workspace: Any, field: str, text: str, message: str
) -> None:
    sheet.findChild(QLineEdit, field).setText(text)
    press_load(sheet)
    assert label(sheet, "footage_problem").startswith(message)
    assert workspace.ingested == []


def test_a_rule_that_cannot_be_is_said(sheet: FootageDialog, qtbot: Any) -> None:
    sheet.findChild(QComboBox).setEditText("(")
    sheet.findChild(QComboBox).lineEdit().editingFinished.emit()
    qtbot.waitUntil(lambda: "is not a rule" in label(sheet, "footage_problem"))


def test_cancel_loads_nothing(
    sheet: FootageDialog, window: Shell, workspace: Any, qtbot: Any
) -> None:
    sheet.reject()
    qtbot.waitUntil(lambda: window.window.findChild(FootageDialog) is None)
    assert workspace.ingested == []


def test_what_is_dropped_passes_through_the_sheet(
    window: Shell, workspace: Any, qtbot: Any, tmp_path: Path
) -> None:
    (tmp_path / "footage").mkdir()
    assert drop(window.window, tmp_path / "footage", tmp_path / "late.mp4")
    qtbot.waitUntil(lambda: dialog(window, FootageDialog) is not None)
    sheet = dialog(window, FootageDialog)
    qtbot.waitUntil(lambda: len(rows(sheet)) == 2)
    assert workspace.ingested == []
    press_load(sheet)
    qtbot.waitUntil(lambda: [path.name for path, _ in workspace.ingested] == ["footage"])
    qtbot.waitUntil(lambda: [path.name for path, _ in workspace.ordered] == ["late.mp4"])


def test_sub_streams_are_offered_where_there_are_some(
    sheet: FootageDialog, workspace: Any, qtbot: Any
) -> None:
    box = sheet.findChild(QCheckBox, "footage_sub_streams")
    assert not box.isVisible()
    small = SurveyedVideo(Path("s.mp4"), "a", None, None, "", left_out="It is the sub stream of 0.")
    sheet.show_found(Survey((Path(),), parse_zone("UTC"), (small,)))
    assert box.isVisible()
    shown = sheet.findChild(QTreeWidget).topLevelItem(0).child(0)
    assert shown.text(1) == "left out: sub stream"
    box.click()
    qtbot.waitUntil(lambda: workspace.survey.asked[-1].sub_streams)
    qtbot.waitUntil(lambda: len(rows(sheet)) == 2)
    press_load(sheet)
    qtbot.waitUntil(lambda: bool(workspace.ingested))
    assert workspace.ingested[0][1].sub_streams


def test_a_watched_folder_is_read_as_recordings_arrive_and_at_the_next_start(
    window: Shell, workspace: Any, qtbot: Any, libraries: Any, tmp_path: Path
) -> None:
    (tmp_path / "footage").mkdir()
    window.library.load([tmp_path / "footage"])
    qtbot.waitUntil(lambda: dialog(window, FootageDialog) is not None)
    sheet = dialog(window, FootageDialog)
    qtbot.waitUntil(lambda: len(rows(sheet)) == 2)
    sheet.findChild(QCheckBox, "footage_watch").click()
    press_load(sheet)
    qtbot.waitUntil(lambda: tmp_path / "footage" in workspace.library.watched)
    qtbot.waitUntil(lambda: not window.footage.ingest.is_busy and bool(workspace.ingested))
    workspace.arrivals.append(5)
    qtbot.waitUntil(lambda: len(workspace.went_on) == 1 and not window.footage.ingest.is_busy)

    window.library.flow.open(tmp_path / "other")
    qtbot.waitUntil(lambda: "other" in window.window.windowTitle())
    window.library.flow.open(tmp_path / "library")
    menu = window.window.findChild(QMenu, "watched_menu")
    qtbot.waitUntil(lambda: bool(menu.actions()))
    state = window.window.findChild(ElidedLabel, "ingest_state")
    assert state.whole() == "Watching footage for new recordings."
    workspace.arrivals.append(6)
    qtbot.waitUntil(lambda: len(workspace.went_on) == 2)

    assert [action.text() for action in menu.actions()] == ["Stop watching footage"]
    menu.actions()[0].trigger()
    qtbot.waitUntil(lambda: workspace.library.watched == {} and not menu.isEnabled())


def test_paused_and_watching_orders_but_does_not_read(
    window: Shell, workspace: Any, qtbot: Any, tmp_path: Path
) -> None:
    workspace.library.is_queue_paused = True
    workspace.arrivals.append(5)
    window.footage.watch.watch(tmp_path, IngestOptions())
    qtbot.waitUntil(lambda: workspace.library.waiting == [5])
    state = window.window.findChild(ElidedLabel, "ingest_state")
    qtbot.waitUntil(lambda: state.whole().startswith("1 video waits"))
    assert workspace.went_on == []


def test_single_videos_are_chosen_and_their_folder_is_remembered(
    window: Shell, qtbot: Any, workspace: Any, tmp_path: Path
) -> None:
    videos = [tmp_path / "night" / name for name in ("a.mp4", "b.MP4")]
    videos[0].parent.mkdir()
    for each in videos:
        each.touch()
    window.window.action("add-videos").trigger()
    files = window.window.findChild(QFileDialog)
    assert files.fileMode() is QFileDialog.FileMode.ExistingFiles
    assert "*.MP4" in files.nameFilters()[0]
    files.filesSelected.emit([str(each) for each in videos])
    files.reject()
    qtbot.waitUntil(lambda: window.window.findChild(FootageDialog) is not None)
    qtbot.waitUntil(lambda: workspace.survey.paths == videos)
    window.window.action("add-videos").trigger()
    again = window.window.findChildren(QFileDialog)[-1]
    assert Path(again.directory().path()) == tmp_path / "night"

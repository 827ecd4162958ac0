"""Ingesting from the window: progress, what failed and why, cancel, the question for a model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton, QTreeWidget
from window_fakes import EndlessIngest, FakeWorkspace, make_video, progress

from app.core.entities import VideoStatus
from app.core.errors import LibraryError, ModelError, UsageError, VideoError
from app.core.events import (
    IngestEvent,
    IngestSummary,
    VideoFailed,
    VideoFinished,
    VideoSkipped,
    VideoStarted,
)
from app.gui.footage.ingest_flow import IngestFlow
from app.gui.footage.ingest_line import IngestLine
from app.gui.footage.model_dialog import ModelDialog
from app.gui.footage.sources_panel import SourcesPanel
from app.gui.tasks import TaskRunner
from app.gui.widgets.elided_label import ElidedLabel
from app.services.ingest.ingest_options import IngestOptions


class Bench:
    """The flow with its two panels on a fake library."""

    def __init__(self, folder: Path, *, goes_on_at_start: bool = True) -> None:
        self.tasks = TaskRunner()
        self.sources, self.panel = SourcesPanel(), IngestLine()
        self.flow = IngestFlow(
            self.sources, self.panel, self.tasks, goes_on_at_start=goes_on_at_start
        )
        self.workspace: Any = FakeWorkspace(folder)
        self.flow.set_workspace(self.workspace)
        self.panel.show()

    def text(self, name: str) -> str:
        label = self.panel.findChild(QLabel, name)
        return label.whole() if isinstance(label, ElidedLabel) else label.text()

    @property
    def button(self) -> QPushButton:
        return self.panel.findChild(QPushButton, "ingest_pause")

    def notices(self) -> list[tuple[str, str, str]]:
        tree = self.panel.findChild(QTreeWidget, "ingest_notices")
        items = [tree.topLevelItem(row) for row in range(tree.topLevelItemCount())]
        return [(item.text(0), item.text(1), item.text(2)) for item in items]

    def status(self, name: str) -> str:
        return self._cell(name, 1)

    def people(self, name: str) -> str:
        return self._cell(name, 2)

    def _cell(self, name: str, column: int) -> str:
        tree = self.sources.findChild(QTreeWidget, "sources_tree")
        flags = Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive
        found = tree.findItems(name, flags)
        return found[0].text(column) if found else ""


@pytest.fixture
def bench(qtbot, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(tmp_path, goes_on_at_start=getattr(request, "param", True))
    qtbot.addWidget(made.sources)
    qtbot.addWidget(made.panel)
    yield made
    made.flow.set_workspace(None)
    made.tasks.shutdown()


def events(*told: IngestEvent) -> Callable[[Path, IngestOptions], Iterator[IngestEvent]]:
    return lambda _folder, _options: iter(told)


def summary(**changes: Any) -> IngestSummary:
    values = {"done": 0, "skipped": 0, "people": 0, "footage_s": 0.0, "elapsed_s": 1.0}
    return IngestSummary(**{**values, **changes})


def test_a_whole_ingest_shows_its_summary_and_the_people_in_the_list(
    bench, qtbot, tmp_path
) -> None:
    (tmp_path / "a.mp4").touch()
    busy, people = [], []
    bench.flow.busy_changed.connect(busy.append)
    bench.flow.people_stored.connect(people.append)
    bench.flow.ingest(tmp_path)
    qtbot.waitUntil(lambda: busy == [True, False])
    qtbot.waitUntil(lambda: bench.status("a.mp4") == "✓ done")
    assert bench.text("ingest_state") == "Done: 1 video, 3 sightings, 3.1× real time"
    assert bench.people("a.mp4") == "3"
    assert bench.people("cam1") == "3"
    assert sum(people) == 3
    assert not bench.button.isVisible()


def test_progress_is_told_in_figures_and_beside_the_video(bench, qtbot) -> None:
    endless = EndlessIngest()
    bench.workspace.script = endless
    bench.workspace.put(make_video(7, Path("/footage/a.mp4"), VideoStatus.INGESTING))
    bench.flow.ingest(Path("/footage"))
    qtbot.waitUntil(lambda: "20 %" in bench.text("ingest_figures"))
    assert bench.text("ingest_state") == "cam1/a.mp4"
    assert "3.8× real time" in bench.text("ingest_figures")
    assert "2 min left" in bench.text("ingest_figures")
    assert bench.status("a.mp4").startswith("▒ ")
    assert bench.status("a.mp4").endswith(" %")
    assert bench.status("cam1") == "▒ reading"


def test_pause_stops_within_a_second_and_can_be_continued(bench, qtbot) -> None:
    endless = EndlessIngest()
    bench.workspace.script = endless
    bench.workspace.library.waiting = [7, 8, 9]
    bench.flow.ingest(Path("/footage"))
    qtbot.waitUntil(endless.running.is_set)
    qtbot.waitUntil(bench.button.isVisible)
    qtbot.waitUntil(lambda: "2 more waiting" in bench.text("ingest_state"))
    begun = time.monotonic()
    qtbot.mouseClick(bench.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not bench.flow.is_busy)
    assert time.monotonic() - begun < 1
    assert endless.closed.is_set()
    qtbot.waitUntil(lambda: "3 videos wait" in bench.text("ingest_state"))
    assert bench.workspace.library.is_queue_paused
    bench.workspace.script = events(summary(done=1))
    assert bench.button.text() == "Continue"
    qtbot.mouseClick(bench.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bench.text("ingest_state").startswith("Done: 1 video"))
    assert not bench.workspace.library.is_queue_paused
    assert len(bench.workspace.ingested) == len(bench.workspace.went_on) == 1


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize(("bench", "goes_on"), [(False, False), (True, True)], indirect=["bench"])
def test_what_waits_in_a_library_is_gone_on_with_when_it_is_opened(
    bench, qtbot, tmp_path: Path, paused: bool, goes_on: bool
) -> None:
    other: Any = FakeWorkspace(tmp_path)
    other.library.waiting, other.library.is_queue_paused = [7], paused
    bench.flow.set_workspace(other)
    if goes_on and not paused:
        qtbot.waitUntil(lambda: bench.text("ingest_state").startswith("Done: 1 video"))
    else:
        qtbot.waitUntil(lambda: bench.text("ingest_state").startswith("1 video waits"))
        assert bench.button.text() == "Continue"
        assert other.went_on == []
        qtbot.mouseClick(bench.button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: bench.text("ingest_state").startswith("Done: 1 video"))
    assert len(other.went_on) == 1


def test_videos_are_excluded_and_reordered_while_others_are_read(bench, qtbot) -> None:
    endless = EndlessIngest()
    bench.workspace.script = endless
    library = bench.workspace.library
    library.waiting = [7, 8, 9]
    for number, name in ((7, "a.mp4"), (8, "b.mp4"), (9, "c.mp4")):
        bench.workspace.put(make_video(number, Path("/footage") / name, VideoStatus.PENDING))
    bench.flow.ingest(Path("/footage"))
    qtbot.waitUntil(lambda: bench.status("b.mp4") != "")
    menu = bench.sources.menu_for([make_video(9, Path("/footage/c.mp4"), VideoStatus.PENDING)])
    actions = {action.objectName(): action for action in menu.actions()}
    actions["action_read-next"].trigger()
    qtbot.waitUntil(lambda: library.waiting == [9, 7, 8])
    actions["action_exclude"].trigger()
    qtbot.waitUntil(lambda: library.excluded == [9])
    menu.deleteLater()


def test_what_failed_or_was_cut_stays_listed_with_reason_and_remedy(bench, qtbot) -> None:
    failed = VideoFailed(
        Path("/footage/bad.mp4"), VideoError("bad.mp4 is no video.", "Copy it anew.")
    )
    cut = VideoFinished(
        Path("/footage/cut.mp4"), 2, 5, VideoStatus.PARTIAL, "It ends after 12 s of 60 s."
    )
    left = VideoSkipped(Path("/footage/old.mp4"), 3, "It was analysed at 2 frames/s.", True)
    same = VideoSkipped(Path("/footage/same.mp4"), 4, "", False)
    bench.workspace.script = events(
        failed, cut, left, same, summary(done=1, skipped=2, failed=(failed,), partial=(cut,))
    )
    bench.flow.ingest(Path("/footage"))
    qtbot.waitUntil(lambda: not bench.flow.is_busy)
    rows = bench.notices()
    assert [(kind, name) for kind, name, _ in rows] == [
        ("! failed", "bad.mp4"),
        ("✂ partial", "cut.mp4"),
        ("… skipped", "old.mp4"),
    ]
    assert rows[0][2] == "bad.mp4 is no video.\nCopy it anew."
    assert rows[1][2].startswith("It ends after 12 s of 60 s.\n")
    assert "Load again" in rows[2][2]
    assert "1 failed" in bench.text("ingest_state")
    assert "2 stored before" in bench.text("ingest_state")


def test_a_cut_of_an_earlier_ingest_is_told_once_from_the_summary(bench, qtbot) -> None:
    cut = VideoFinished(Path("/footage/cut.mp4"), 2, 0, VideoStatus.PARTIAL, "It was cut.")
    bench.workspace.script = events(summary(skipped=1, partial=(cut,)))
    bench.flow.ingest(Path("/footage"))
    qtbot.waitUntil(lambda: not bench.flow.is_busy)
    assert [name for _, name, _ in bench.notices()] == ["cut.mp4"]


def test_what_is_ordered_meanwhile_joins_the_queue(bench, qtbot) -> None:
    endless = EndlessIngest()
    bench.workspace.script = endless
    bench.flow.ingest(Path("/footage"))
    qtbot.waitUntil(endless.running.is_set)
    bench.flow.ingest(Path("/more"))
    qtbot.waitUntil(lambda: [path for path, _ in bench.workspace.ordered] == [Path("/more")])
    qtbot.waitUntil(lambda: "1 more waiting" in bench.text("ingest_state"))
    assert len(bench.workspace.ingested) == 1


def test_a_folder_without_footage_is_told_in_the_panel(bench, qtbot) -> None:
    def script(folder: Path, options: IngestOptions) -> Iterator[IngestEvent]:
        raise UsageError("There are no videos in empty.", "Choose another folder.")
        yield

    bench.workspace.script = script
    problems: list[Exception] = []
    bench.flow.problem.connect(problems.append)
    bench.flow.ingest(Path("/empty"))
    qtbot.waitUntil(lambda: not bench.flow.is_busy)
    assert bench.notices() == [
        ("■ stopped", "empty", "There are no videos in empty.\nChoose another folder.")
    ]
    assert problems == []


def test_a_full_disk_stops_the_ingest_with_its_remedy(bench, qtbot) -> None:
    def script(_folder: Path, _options: IngestOptions) -> Iterator[IngestEvent]:
        yield progress(1.0)
        raise LibraryError("The disk is full.", "Free some space.")

    bench.workspace.script = script
    bench.flow.ingest(Path("/footage"))
    qtbot.waitUntil(lambda: not bench.flow.is_busy)
    assert bench.notices()[0][2] == "The disk is full.\nFree some space."
    assert bench.button.text() == "Continue"


def test_a_bug_is_reported(bench, qtbot, expected_logs) -> None:
    expected_logs("A job of lane 'ingest' failed")

    def script(_folder: Path, _options: IngestOptions) -> Iterator[IngestEvent]:
        yield progress(1.0)
        raise ZeroDivisionError("a bug")

    bench.workspace.script = script
    problems: list[Exception] = []
    bench.flow.problem.connect(problems.append)
    bench.flow.ingest(Path("/footage"))
    qtbot.waitUntil(lambda: not bench.flow.is_busy)
    assert [type(error) for error in problems] == [ZeroDivisionError]
    assert "a bug" in bench.notices()[0][2]


def needs_models(bench: Bench) -> Callable[[Path, IngestOptions], Iterator[IngestEvent]]:
    whole = bench.workspace.script

    def script(folder: Path, options: IngestOptions) -> Iterator[IngestEvent]:
        for role in ("detector", "embedder"):
            if getattr(options, role) is None:
                raise ModelError(f"No {role} is installed.", f"Use --{role}.", role)
        yield from whole(folder, options)

    return script


def visible_model_dialog(bench: Bench, role: str) -> ModelDialog | None:
    dialogs = [each for each in bench.panel.window().findChildren(ModelDialog) if each.isVisible()]
    return next((each for each in dialogs if each.role == role), None)


def test_unknown_networks_are_asked_for_one_after_the_other(bench, qtbot, tmp_path) -> None:
    bench.workspace.script = needs_models(bench)
    files = {"detector": tmp_path / "yolo.onnx", "embedder": tmp_path / "osnet.onnx"}
    bench.flow.ingest(Path("/footage"))
    for role, file in files.items():
        file.touch()
        qtbot.waitUntil(lambda role=role: visible_model_dialog(bench, role) is not None)
        dialog = visible_model_dialog(bench, role)
        assert dialog.findChild(QLabel, "model_message").text() == f"No {role} is installed."
        qtbot.mouseClick(dialog.findChild(QPushButton, "model_choose"), Qt.MouseButton.LeftButton)
        chooser = dialog.findChild(QFileDialog)
        assert chooser.isVisible()
        assert "*.onnx" in chooser.nameFilters()[0]
        assert ("*.pt" in chooser.nameFilters()[0]) == (role == "detector")
        chooser.fileSelected.emit(str(file))
    qtbot.waitUntil(lambda: not bench.flow.is_busy)
    assert bench.text("ingest_state").startswith("Done: 1 video")
    named = bench.workspace.went_on[-1]
    assert (named.detector, named.embedder) == tuple(map(str, files.values()))


def test_declining_to_choose_a_network_ends_with_the_reason(bench, qtbot) -> None:
    bench.workspace.script = needs_models(bench)
    bench.flow.ingest(Path("/footage"))
    qtbot.waitUntil(lambda: visible_model_dialog(bench, "detector") is not None)
    visible_model_dialog(bench, "detector").reject()
    qtbot.waitUntil(lambda: not bench.flow.is_busy)
    assert bench.notices()[0][2].startswith("No detector is installed.")


def test_pausing_while_a_network_is_asked_for_takes_the_question_away(bench, qtbot) -> None:
    bench.workspace.script = needs_models(bench)
    bench.flow.ingest(Path("/footage"))
    qtbot.waitUntil(lambda: visible_model_dialog(bench, "detector") is not None)
    bench.flow.pause()
    assert not bench.flow.is_busy
    assert visible_model_dialog(bench, "detector") is None
    assert bench.notices() == []


def test_videos_are_ingested_again_or_after_all(bench, qtbot) -> None:
    videos = [
        make_video(7, Path("/footage/a.mp4")),
        make_video(8, Path("/footage/b.mp4"), VideoStatus.FAILED),
    ]
    bench.flow.ingest_again(videos)
    qtbot.waitUntil(lambda: bench.text("ingest_state").startswith("Done: 1 video"))
    assert bench.workspace.library.queued == [([7], {"again": True}), ([8], {})]


def test_another_library_silences_what_ran_for_the_old_one(bench, qtbot, tmp_path) -> None:
    endless = EndlessIngest()
    bench.workspace.script = endless
    bench.flow.ingest(Path("/footage"))
    qtbot.waitUntil(endless.running.is_set)
    other: Any = FakeWorkspace(tmp_path / "other")
    other.put(make_video(1, tmp_path / "gone.mp4"))
    bench.flow.set_workspace(other)
    assert not bench.flow.is_busy
    qtbot.waitUntil(endless.closed.is_set)
    qtbot.waitUntil(lambda: bench.status("gone.mp4") == "✕ missing")
    assert bench.text("ingest_state") == "Nothing is being loaded."
    assert bench.status("a.mp4") == ""


def test_only_videos_that_can_be_played_are_offered(bench, qtbot, tmp_path) -> None:
    names = {1: "broken.mp4", 2: "good.mp4", 3: "gone.mp4"}
    for video_id, name in names.items():
        status = VideoStatus.FAILED if name == "broken.mp4" else VideoStatus.DONE
        bench.workspace.put(make_video(video_id, tmp_path / name, status))
    (tmp_path / "broken.mp4").touch()
    (tmp_path / "good.mp4").touch()
    listed: list[list[int]] = []
    bench.flow.videos_listed.connect(listed.append)
    bench.flow.refresh()
    qtbot.waitUntil(lambda: [2] in listed)
    assert [1, 2] not in listed


def test_the_share_beside_a_video_counts_only_that_video(bench, qtbot) -> None:
    """The job is at 150 s, of which 100 s belong to a video before it; this one began at 20 s."""
    bench.workspace.put(make_video(7, Path("/footage/a.mp4"), VideoStatus.INGESTING))
    endless = EndlessIngest()

    def script(_folder: Path, _options: IngestOptions) -> Iterator[IngestEvent]:
        yield VideoStarted(Path("/footage/a.mp4"), "cam1", 7, 20.0)
        yield progress(120.0)
        while True:
            yield progress(150.0)
            endless.pace.wait(0.01)

    bench.workspace.script = script
    bench.flow.ingest(Path("/footage"))
    qtbot.waitUntil(lambda: bench.status("a.mp4") == "▒ 50 %")

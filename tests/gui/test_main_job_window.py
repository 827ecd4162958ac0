"""The main job in the window: the real program on rendered clips, stand-ins for the networks."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
)
from window_fakes import agree_to_footage, drop

from app import bootstrap
from app.core.boxes import iou
from app.core.entities import Detections, Image
from app.gui.footage.locate_dialog import LocateDialog
from app.gui.shell import Shell
from app.gui.widgets.elided_label import ElidedLabel
from app.gui.widgets.error_dialog import ErrorDialog
from app.gui.widgets.theme import Theme
from app.gui.window_state import WindowState
from app.services.workspace import Workspace
from app.settings import Settings, models_dir
from app.storage.library import Library
from tests.fakes import ColourBlobDetector
from tests.integration import main_job
from tests.rendered import RenderedWorld, render_world

LEFT = Qt.MouseButton.LeftButton


class SlowDetector(ColourBlobDetector):
    """Takes its time once it has seen `fast` frames, until a test lets it go."""

    fast = 0
    s_per_frame = 0.05
    go_on = threading.Event()
    seen = 0

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        for _ in images:
            type(self).seen += 1
            if type(self).seen > self.fast:
                self.go_on.wait(self.s_per_frame)
        return super().detect(images)


@pytest.fixture(scope="module")
def world() -> RenderedWorld:
    return render_world(seed=3, people=3, spacing_s=1.5)


@pytest.fixture(scope="module")
def clips(world: RenderedWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    world.write(folder)
    return folder


@pytest.fixture(scope="module")
def finished(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of the clips, made in one go."""
    folder = tmp_path_factory.mktemp("finished")
    for _ in main_job.use_stand_ins():
        main_job.ingest(folder / "library", clips, main_job.weights(folder / "weights"))
    return folder / "library"


@pytest.fixture(autouse=True)
def _slow_detector() -> Iterator[None]:
    SlowDetector.go_on.set()
    SlowDetector.seen = SlowDetector.fast = 0
    yield from main_job.use_stand_ins(SlowDetector)
    SlowDetector.go_on.set()


class Window:
    """The window as a user has it: mouse, keys, drops, and what is to be read."""

    def __init__(self, shell: Shell, world: RenderedWorld, qtbot: Any) -> None:
        self.shell, self.world, self.qtbot = shell, world, qtbot
        self.view = shell.player.panel.view
        self.results = shell.results.panel

    @property
    def workspace(self) -> Workspace:
        assert self.shell.library._workspace is not None
        return self.shell.library._workspace

    @property
    def library(self) -> Library:
        return self.workspace.library

    def wait(self, condition: Callable[[], object], timeout_s: float = 20.0) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=round(1000 * timeout_s))

    def child(self, kind: type, name: str) -> Any:
        found = self.shell.window.findChild(kind, name)
        assert found is not None, name
        return found

    def dialog(self, kind: type) -> Any:
        shown = [each for each in self.shell.window.findChildren(kind) if each.isVisible()]
        return shown[-1] if shown else None

    # Cameras ------------------------------------------------------------------------------------

    def row(self, name: str) -> QTreeWidgetItem:
        """The row of a video, once it is listed."""
        tree = self.child(QTreeWidget, "sources_tree")
        match = Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive
        self.wait(lambda: tree.findItems(name, match))
        return tree.findItems(name, match)[0]

    def status(self, name: str) -> str:
        return self.row(name).text(1)

    def play(self, name: str) -> None:
        tree = self.child(QTreeWidget, "sources_tree")
        tree.setCurrentItem(self.row(name))
        tree.itemActivated.emit(tree.currentItem(), 0)

    # Player -------------------------------------------------------------------------------------

    def time_s(self) -> float:
        minutes, seconds = self.child(QLabel, "positionLabel").text().split(":")
        return 60 * int(minutes) + float(seconds)

    def camera(self) -> str:
        return self.child(QLabel, "cameraLabel").text()

    def go_to(self, camera: str, frame: int) -> None:
        """By the list of videos, and a click on the seek bar."""
        if self.camera() != camera:
            self.play(f"{camera}.mp4")
        bar = self.shell.player.panel.transport.seek_bar
        self.wait(lambda: self.camera() == camera and bar.maximum() > 0 and bar.isEnabled())
        wanted_s = frame / self.world.fps
        QTest.mouseClick(bar, LEFT, pos=QPoint(round(bar.x_of(wanted_s)), bar.height() // 2))
        self.wait(lambda: abs(self.time_s() - wanted_s) < 0.2)

    def truth(self) -> dict[int, np.ndarray]:
        """Who really is where in the frame that is shown, float32 (4,) boxes by identity."""
        seen = self.world.truth[self.camera()][round(self.time_s() * self.world.fps)]
        return {identity: np.array(box, np.float32) for identity, box in seen.items()}

    def click_person(self) -> int:
        """Clicks somebody who is in view, and says who that is."""
        identity, box = max(self.truth().items(), key=lambda item: item[1][2] - item[1][0])
        QTest.mouseClick(self.view, LEFT, pos=self.view.widget_rect(box).center().toPoint())
        return identity

    # Results ------------------------------------------------------------------------------------

    def hits(self) -> list[int]:
        """Tracklets of the ranking, once it has come."""
        model, head = self.results.model, self.results.head
        self.wait(lambda: len(model) and "by appearance" in head.state.whole())
        return [model.hit(row).tracklet_id for row in range(len(model))]

    def who(self, tracklet_id: int) -> int:
        return main_job.identity_of(self.world, self.library, self.library.tracklet(tracklet_id))

    def camera_of(self, tracklet_id: int) -> str:
        return self.library.video(self.library.tracklet(tracklet_id).video_id).camera.name

    def first_in(self, camera: str) -> int:
        return next(each for each in self.hits() if self.camera_of(each) == camera)

    def choose(self, tracklet_id: int) -> None:
        gallery, row = self.results.gallery, self.results.model.row_of(tracklet_id)
        index = self.results.model.index(row)
        gallery.scrollTo(index)
        QTest.mouseClick(gallery.viewport(), LEFT, pos=gallery.visualRect(index).center())
        assert gallery.chosen_id() == tracklet_id

    # Ingest -------------------------------------------------------------------------------------

    def ingest_text(self) -> str:
        return self.child(ElidedLabel, "ingest_state").whole()

    def ingest_button(self) -> QPushButton:
        return self.child(QPushButton, "ingest_pause")

    def notices(self) -> list[tuple[str, str, str]]:
        tree = self.child(QTreeWidget, "ingest_notices")
        items = [tree.topLevelItem(row) for row in range(tree.topLevelItemCount())]
        return [(item.text(0), item.text(1), item.text(2)) for item in items]


@pytest.fixture
def window(qtbot: Any, theme: Theme, world: RenderedWorld, tmp_path: Path) -> Iterator[Window]:
    """The window without a library; both networks lie where they are looked for."""
    for role in ("detector", "embedder"):
        models_dir(role).mkdir(parents=True)
        (models_dir(role) / f"{role}.onnx").write_bytes(f"{role}.onnx".encode())
    state = WindowState(tmp_path / "window.ini")
    program = bootstrap.Retrace()
    shell = Shell(program.open_workspace, Settings(), state, theme, program.model_shelf)
    shell.window.resize(1280, 800)
    shell.window.show()
    yield Window(shell, world, qtbot)
    SlowDetector.go_on.set()
    shell.close_at_once()
    shell.shutdown()
    shell.window.deleteLater()
    shell.deleteLater()


@pytest.fixture
def opened(window: Window, finished: Path, tmp_path: Path) -> Window:
    """The window with a copy of the finished library."""
    shutil.copytree(finished, tmp_path / "library")
    window.shell.start(tmp_path / "library", None)
    window.wait(lambda: window.camera() == "cam1")
    return window


def frame_with_one(world: RenderedWorld, camera: str) -> int:
    """A frame in which somebody stands alone in the middle."""
    middle = world.width_px / 2
    return next(
        frame
        for frame, seen in enumerate(world.truth[camera])
        if len(seen) == 1 and abs(next(iter(seen.values()))[0] + 20 - middle) < 40
    )


def test_dropped_footage_is_ingested_and_searched_meanwhile(
    window: Window, world: RenderedWorld, clips: Path
) -> None:
    cam1_frames = world.frame_count * 5 // round(world.fps)
    SlowDetector.fast = cam1_frames + 5
    SlowDetector.go_on.clear()
    assert drop(window.shell.window, clips)
    agree_to_footage(window.shell, window.qtbot)
    window.wait(lambda: window.status("cam1.mp4") == "✓ done")
    window.wait(lambda: "%" in window.status("cam2.mp4"))
    window.wait(lambda: "cam2.mp4" in window.ingest_text())
    window.go_to("cam1", frame_with_one(world, "cam1"))
    sought = window.click_person()
    partial = window.hits()
    assert window.shell.footage.ingest.is_busy
    assert {window.camera_of(each) for each in partial} == {"cam1"}
    assert sorted([sought, *(window.who(each) for each in partial)]) == [1, 2, 3]

    SlowDetector.go_on.set()
    window.wait(lambda: window.ingest_text().startswith("Done: 2 videos, 6 sightings"))
    growth = window.results.growth
    window.wait(growth.isVisible)
    assert "new sightings since this search" in growth.text()
    QTest.mouseClick(growth, LEFT)
    window.wait(lambda: len(window.results.model) == 5)
    assert not growth.isVisible()
    assert window.first_in("cam2") == window.hits()[0]
    assert window.who(window.hits()[0]) == sought
    cameras = [action.text() for action in window.results.filters.menu.actions()]
    assert cameras == ["cam1", "cam2"], "the filter knows what was loaded meanwhile"


def test_a_click_leads_to_the_person_in_the_other_camera(
    opened: Window, world: RenderedWorld
) -> None:
    opened.go_to("cam1", frame_with_one(world, "cam1"))
    sought = opened.click_person()
    hit = opened.first_in("cam2")
    assert opened.who(hit) == sought
    opened.wait(lambda: opened.results.model.details_of(hit) is not None)
    opened.choose(hit)
    details = opened.results.model.details_of(hit)
    opened.wait(lambda: opened.camera() == "cam2" and opened.view.people)
    assert opened.time_s() == pytest.approx(details.box_time_s, abs=0.001)
    assert opened.view.highlighted_id == hit
    (box,) = (person.box for person in opened.view.people if person.tracklet_id == hit)
    assert iou(box[None], opened.truth()[sought][None])[0, 0] > 0.5

    at_s = opened.time_s()
    for key, frames in ((".", 1), (".", 2), (",", 1), (",", 0), (",", -1)):
        QTest.keyClick(opened.view, key)
        expected = at_s + frames / world.fps
        opened.wait(lambda expected=expected: abs(opened.time_s() - expected) < 0.001)

    # Whoever has no box can be searched by a drawn one.
    place = opened.view.widget_rect(opened.truth()[sought]).toRect()
    QTest.mousePress(opened.view, LEFT, Qt.KeyboardModifier.ShiftModifier, place.topLeft())
    QTest.mouseRelease(opened.view, LEFT, Qt.KeyboardModifier.ShiftModifier, place.bottomRight())
    opened.wait(lambda: opened.results.head.caption.whole().startswith("Box drawn at"))
    opened.wait(lambda: opened.who(opened.hits()[0]) == sought)


def test_filter_picture_and_decisions(opened: Window, world: RenderedWorld) -> None:
    results, library = opened.results, opened.library
    opened.go_to("cam1", frame_with_one(world, "cam1"))
    sought = opened.click_person()
    assert {opened.camera_of(each) for each in opened.hits()} == {"cam1", "cam2"}
    results.filters.menu.actions()[1].trigger()
    opened.wait(lambda: {opened.camera_of(each) for each in opened.hits()} == {"cam2"})
    same, other = opened.hits()[0], opened.hits()[-1]
    assert opened.who(same) == sought != opened.who(other)

    opened.choose(same)
    QTest.keyClick(results.gallery, "+")
    opened.choose(other)
    QTest.keyClick(results.gallery, "-")
    opened.wait(lambda: len(library.decisions()) == 2)
    assert [each.verdict for each in library.decisions()] == ["same", "different"]
    assert [each.other_id for each in library.decisions()] == [same, other]
    assert results.model.verdict_of(other) == "different"
    opened.wait(lambda: results.model.details_of(same).identity == "Person 1")
    QTest.keyClick(results.gallery, "z", Qt.KeyboardModifier.ControlModifier)
    opened.wait(lambda: len(library.decisions()) == 1)
    opened.wait(lambda: results.model.verdict_of(other) is None)
    assert results.model.verdict_of(same) == "same"

    chip = opened.child(QPushButton, "chip:cam2")
    QTest.mouseClick(chip, LEFT)
    opened.wait(lambda: len(results.model) == 5)
    picture = library.tracklet(other).thumbnail.path
    assert drop(results, picture)
    opened.wait(lambda: results.head.caption.whole() == f"Person of {picture.name}")
    opened.wait(lambda: len(results.model) == 6)
    assert opened.who(opened.hits()[0]) == opened.who(other)
    first, before = opened.hits()[0], len(library.identities())
    opened.choose(first)
    QTest.keyClick(results.gallery, "+")
    opened.wait(lambda: library.tracklet(first).identity_id is not None)
    assert len(library.identities()) == before + 1


def test_pause_acts_within_a_second_and_continue_takes_up_the_rest(
    window: Window, clips: Path, finished: Path
) -> None:
    SlowDetector.go_on.clear()
    window.shell.library.load([clips])
    agree_to_footage(window.shell, window.qtbot)
    window.wait(lambda: "%" in window.status("cam1.mp4"))
    began = time.monotonic()
    QTest.mouseClick(window.ingest_button(), LEFT)
    assert window.ingest_text().startswith("Pausing…")
    assert not window.ingest_button().isEnabled()
    window.wait(lambda: not window.shell.footage.ingest.is_busy)
    assert time.monotonic() - began < 1
    window.wait(lambda: window.ingest_button().text() == "Continue")
    assert window.ingest_text() == "2 videos wait to be read. What is stored is kept."

    SlowDetector.go_on.set()
    QTest.mouseClick(window.ingest_button(), LEFT)
    window.wait(lambda: window.ingest_text().startswith("Done"))
    window.wait(lambda: window.status("cam2.mp4") == "✓ done")
    assert window.status("cam1.mp4") == "✓ done"
    folder = window.library.folder
    window.shell.close_at_once()
    window.shell.shutdown()
    assert main_job.content(folder) == main_job.content(finished)


def test_closing_while_ingesting_asks_ends_cleanly_and_loses_nothing(
    window: Window, clips: Path, finished: Path, tmp_path: Path
) -> None:
    SlowDetector.go_on.clear()
    SlowDetector.fast = 20
    window.shell.start(tmp_path / "library", clips)
    window.wait(lambda: "%" in window.status("cam1.mp4") and SlowDetector.seen > 22)
    window.shell.window.close()
    question = window.dialog(QMessageBox)
    assert question.text() == "Stop loading and quit?"
    assert window.shell.window.isVisible()
    next(each for each in question.buttons() if each.objectName() == "stop_yes").click()
    assert not window.shell.window.isVisible()
    began = time.monotonic()
    window.shell.shutdown()
    assert time.monotonic() - began < 2
    SlowDetector.go_on.set()

    assert main_job.orphans(tmp_path / "library") == set()
    main_job.ingest(tmp_path / "library", clips, main_job.weights(tmp_path / "weights"))
    assert main_job.content(tmp_path / "library") == main_job.content(finished)


def test_a_broken_file_is_listed_with_its_reason_and_the_rest_is_done(
    window: Window, clips: Path, tmp_path: Path
) -> None:
    (tmp_path / "footage").mkdir()
    shutil.copy(clips / "cam1.mp4", tmp_path / "footage")
    (tmp_path / "footage" / "cam9.mp4").write_text("<html>404</html>")
    window.shell.start(tmp_path / "library", tmp_path / "footage")
    window.wait(lambda: window.ingest_text().startswith("Done: 1 video"))
    assert window.ingest_text().endswith("1 failed")
    ((kind, name, text),) = window.notices()
    assert (kind, name) == ("! failed", "cam9.mp4")
    assert text.startswith("cam9.mp4 is")
    assert "\n" in text, "what to do stands below"
    window.wait(lambda: window.status("cam1.mp4") == "✓ done")
    assert window.status("cam9.mp4") == "! failed"
    window.play("cam9.mp4")
    told = window.dialog(ErrorDialog)
    assert told.findChild(QLabel, "error_message").text() == text.splitlines()[0]
    told.close()


def test_moved_footage_is_missed_and_found_again(
    window: Window, clips: Path, finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "library")
    with Library.open(tmp_path / "library") as library:
        library.repoint_source(clips, tmp_path / "gone")
    window.shell.start(tmp_path / "library", None)
    window.wait(lambda: window.status("cam2.mp4") == "✕ missing")
    window.play("cam2.mp4")
    window.wait(lambda: "cam2.mp4 is not at" in window.view.text)
    assert "Library → Locate footage…" in window.view.text

    window.shell.window.action("locate-footage").trigger()
    window.wait(lambda: window.dialog(LocateDialog))
    dialog = window.dialog(LocateDialog)
    for folder in (tmp_path / "library", clips):
        dialog.findChild(QPushButton, "locate_choose").click()
        chooser = window.dialog(QFileDialog)
        chooser.fileSelected.emit(str(folder))
        chooser.reject()
        if folder != clips:
            problem = dialog.findChild(QLabel, "locate_problem")
            window.wait(problem.isVisible)
            assert "cam1.mp4, cam2.mp4 are not in" in problem.text()
    window.wait(lambda: "2 videos found" in dialog.findChild(QLabel, "locate_words").text())
    window.wait(lambda: window.camera() == "cam2" and not window.view.text)
    window.wait(lambda: window.status("cam2.mp4") == "✓ done")
    assert [video.path for video in window.library.videos()] == [
        clips / "cam1.mp4",
        clips / "cam2.mp4",
    ]
    dialog.close()
    assert not [each for each in window.shell.window.findChildren(QDialog) if each.isVisible()]

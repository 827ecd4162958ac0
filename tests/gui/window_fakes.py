"""A workspace without files, threads or networks: what the window's tests work on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from app.core.entities import Camera, ModelFile, StartSource, Video, VideoInfo, VideoStatus
from app.core.events import (
    FootageOrdered,
    IngestEvent,
    IngestSummary,
    Progress,
    TrackletStored,
    VideoFinished,
    VideoStarted,
)
from app.core.journal import UndoState
from app.core.networks import NamedModels
from app.core.orders import WatchedFolder
from app.gui.footage.footage_dialog import FootageDialog
from app.services.ingest.ingest_options import IngestOptions
from app.services.ingest.survey import Survey, Surveying
from app.services.networks.model_shelf import NetworkEntry
from app.services.people.catalog import CameraEntry

if TYPE_CHECKING:
    from app.gui.shell import Shell

CAM1 = Camera(1, "cam1")
Script = Callable[[Path, IngestOptions], Iterator[IngestEvent]]


def make_video(
    video_id: int,
    path: Path,
    status: VideoStatus = VideoStatus.DONE,
    *,
    camera: Camera = CAM1,
    people: int = 0,
    problem: str = "",
) -> Video:
    info = VideoInfo(
        path=path,
        camera=camera.name,
        width_px=1280,
        height_px=720,
        fps=25.0,
        frame_count=2500,
        duration_s=100.0,
        start_utc=datetime(2024, 5, 14, 8, 32, 7, tzinfo=UTC),
        start_source=StartSource.FILE_NAME,
    )
    return Video(
        id=video_id,
        camera=camera,
        path=path,
        content_hash=f"{video_id:064x}",
        status=status,
        problem=problem,
        info=info,
        analysed_fps=5.0,
        detector_id="yolo-0123456789ab",
        committed_s=0.0,
        tracklet_count=people,
    )


def progress(done_s: float, *, total_s: float | None = 200.0, people: int = 0) -> Progress:
    return Progress("cam1/a.mp4", done_s, total_s, people, 3.84, 130.0)


class FakeLibrary:
    """The queue of a library, and what else a window asks of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.timezone = ZoneInfo("Europe/Berlin")
        self.waiting: list[int] = []
        self.is_queue_paused = False
        self.excluded: list[int] = []
        self.watched: dict[Path, dict[str, Any]] = {}
        self.queued: list[tuple[list[int], dict[str, Any]]] = []

    def transaction(self) -> AbstractContextManager[None]:
        return nullcontext()

    def model(self, role: str) -> ModelFile:
        return ModelFile(f"{role}-1", Path(f"/models/{role}.onnx"), "0" * 64)

    def sighting_counts(self, ids: Collection[int], bin_s: float) -> tuple[Any, Any]:
        nobody = np.zeros((0, 3), np.int64)
        return nobody, nobody

    def watched_folders(self) -> list[WatchedFolder]:
        return [WatchedFolder(*each) for each in self.watched.items()]

    def watch_folder(self, folder: Path, options: dict[str, Any] | None) -> None:
        self.watched.pop(folder, None)
        if options is not None:
            self.watched[folder] = options

    def queued_ids(self) -> list[int]:
        return list(self.waiting)

    def pause_queue(self, paused: bool) -> None:
        self.is_queue_paused = paused

    def queue_videos(
        self, ids: list[int], usual: dict[str, Any], changed: dict[str, Any] | None = None
    ) -> None:
        self.queued += [(list(ids), {**usual, **(changed or {})})] if ids else []
        self.waiting += [each for each in ids if each not in self.waiting]

    def exclude_videos(self, ids: list[int]) -> None:
        self.excluded += ids
        self.waiting = [each for each in self.waiting if each not in ids]

    def move_in_queue(self, ids: list[int], *, to_front: bool) -> None:
        staying = [each for each in self.waiting if each not in ids]
        self.waiting = [*ids, *staying] if to_front else [*staying, *ids]


class Shelf:
    """The networks on a computer that has one."""

    def in_roles(self, library: None) -> Iterator[NetworkEntry]:
        model = ModelFile("yolo-1", Path("/models/yolo.onnx"), "0" * 64)
        yield NetworkEntry("detector", model, others=(Path("/models/other.onnx"),))
        for role in ("embedder", "aggregator", "reranker"):
            yield NetworkEntry(role)


class FakeWorkspace:
    """Plain lists for a library; `script` is what an ingest yields."""

    def __init__(self, folder: Path) -> None:
        self.videos: list[Video] = []
        self.script: Script = whole_ingest(self)
        self.ingested: list[tuple[Path, IngestOptions]] = []
        self.ordered: list[tuple[Path, IngestOptions]] = []
        self.arrivals: list[int] = []
        self.went_on: list[NamedModels | None] = []
        self.closed = threading.Event()
        self.library = FakeLibrary(folder)
        self.catalog = SimpleNamespace(cameras=self._cameras)
        self.playback = SimpleNamespace()
        self.people = SimpleNamespace(undo_state=UndoState, all=list)
        self.sightings = SimpleNamespace()
        self.shelf = SimpleNamespace()
        self.search = SimpleNamespace(prepare=lambda: iter(()), calibrate=lambda: iter(()))

    def _cameras(self) -> list[CameraEntry]:
        cameras = {video.camera.id: video.camera for video in self.videos}
        return [
            CameraEntry(camera, tuple(v for v in self.videos if v.camera == camera))
            for camera in cameras.values()
        ]

    def put(self, video: Video) -> None:
        self.videos = [known for known in self.videos if known.id != video.id] + [video]

    def ingest(self, folder: Path, options: IngestOptions) -> Iterator[IngestEvent]:
        self.ingested.append((folder, options))
        return self.script(folder, options)

    def order(self, folder: Path, options: IngestOptions) -> Iterator[IngestEvent]:
        self.ordered.append((folder, options))
        self.library.waiting.append(100 + len(self.ordered))
        yield FootageOrdered(folder, 1)

    def survey(
        self, paths: Sequence[Path], _options: IngestOptions
    ) -> Iterator[Surveying | Survey]:
        yield Survey(tuple(paths), self.library.timezone, ())

    def order_arrivals(self) -> Iterator[IngestEvent]:
        """What `arrivals` holds, as long as folders are watched."""
        while self.library.watched:
            videos, self.arrivals = self.arrivals, []
            self.library.waiting += videos
            for folder in self.library.watched if videos else ():
                yield FootageOrdered(folder, len(videos))
            yield progress(0.0)
            threading.Event().wait(0.01)

    def go_on(self, named: NamedModels | None = None) -> Iterator[IngestEvent]:
        self.went_on.append(named)
        options = IngestOptions(
            detector=named and named.detector, embedder=named and named.embedder
        )
        yield from self.script(Path("/footage"), options)
        self.library.waiting.clear()

    def close(self) -> None:
        self.closed.set()


def whole_ingest(workspace: FakeWorkspace, people: int = 3) -> Script:
    """One video with people, from its beginning to its end."""

    def script(folder: Path, _options: IngestOptions) -> Iterator[IngestEvent]:
        path = folder / "a.mp4"
        video = make_video(7, path, VideoStatus.INGESTING)
        workspace.put(video)
        yield VideoStarted(path, "cam1", 7, 0.0)
        yield progress(0.0)
        for number in range(people):
            yield TrackletStored(number, 7)
        workspace.put(replace(video, status=VideoStatus.DONE, tracklet_count=people))
        yield VideoFinished(path, 7, people, VideoStatus.DONE)
        yield IngestSummary(done=1, skipped=0, people=people, footage_s=62.0, elapsed_s=20.0)

    return script


class EndlessIngest:
    """Yields progress until it is closed; says where it was closed."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.closed = threading.Event()
        self.pace = threading.Event()

    def __call__(self, folder: Path, _options: IngestOptions) -> Iterator[IngestEvent]:
        try:
            yield VideoStarted(folder / "a.mp4", "cam1", 7, 0.0)
            self.running.set()
            done_s = 0.0
            while True:
                yield progress(done_s)
                done_s += 1.0
                self.pace.wait(0.01)
        finally:
            self.closed.set()


def drop(widget: QWidget, *paths: Path) -> bool:
    """Drops paths onto a widget, as a file manager would; whether it took them."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), copy, mime, left, none)
    QApplication.sendEvent(widget, enter)
    if enter.isAccepted():
        QApplication.sendEvent(widget, QDropEvent(QPointF(9, 9), copy, mime, left, none))
    return enter.isAccepted()


class Libraries:
    """Opens fake workspaces, slowly or not at all where a test says so."""

    def __init__(self) -> None:
        self.opened: list[tuple[Path, bool]] = []
        self.workspaces: dict[Path, Any] = {}
        self.errors: dict[Path, Exception] = {}
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, folder: Path, create: bool = False) -> Any:
        self.go_on.wait(10)
        self.opened.append((folder, create))
        if folder in self.errors:
            raise self.errors[folder]
        return self.workspaces.setdefault(folder, FakeWorkspace(folder))


def record_shown(shell: Shell, monkeypatch: Any) -> list[tuple[Any, ...]]:
    """What the player is asked to show, which shows nothing."""
    shown: list[tuple[Any, ...]] = []
    player = shell.player.flow

    def show(*wish: Any) -> None:
        shown.append(wish)
        player._last_wish = wish

    monkeypatch.setattr(player, "show", show)
    return shown


def label(parent: QWidget, name: str) -> str:
    """What a label says."""
    return parent.findChild(QLabel, name).text()


def dialog(shell: Shell, kind: type) -> Any:
    """The dialog of a kind that is open, or None."""
    return next((each for each in shell.window.findChildren(kind) if each.isVisible()), None)


def agree_to_footage(shell: Shell, qtbot: Any) -> None:
    """Presses "Load" in the sheet of Add footage once it shows what is there."""
    qtbot.waitUntil(lambda: dialog(shell, FootageDialog) is not None)
    sheet = dialog(shell, FootageDialog)
    qtbot.waitUntil(lambda: "Looking" not in label(sheet, "footage_state"))
    sheet.findChild(QPushButton, "footage_load").click()

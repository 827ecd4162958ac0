"""The context menu of videos in the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, SignalInstance
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from app.core.entities import Video, VideoStatus

if TYPE_CHECKING:
    from app.gui.footage.sources_panel import SourcesPanel

_STORED = (VideoStatus.DONE, VideoStatus.PARTIAL)


class VideoMenu(QMenu):
    """What can be done with the chosen videos; the panel tells it.

    Args:
        panel: whose signals are emitted.
        videos: the chosen ones.
        missing: ids of videos whose file is not there.
        waiting: ids of videos in the queue.
        running: id of the video that is being ingested, or None.
    """

    def __init__(
        self,
        panel: SourcesPanel,
        videos: Sequence[Video],
        missing: frozenset[int],
        waiting: frozenset[int],
        running: int | None,
    ) -> None:
        super().__init__(panel)
        self.setObjectName("video_menu")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._panel, self._missing = panel, missing
        if len(videos) == 1:
            self._add_play(videos[0])
        self._add_queue_entries(videos, waiting, running)

    def offer(self, text: str, name: str, signal: SignalInstance, value: object) -> None:
        """An entry that emits a signal with a value."""
        self.addAction(text, lambda: signal.emit(value)).setObjectName(name)

    def add_facts(self, video: Video) -> None:
        """What is to be known of one video."""
        reason = self.addAction("Show reason…", lambda: self._panel.reason_requested.emit(video))
        reason.setObjectName("show_reason")
        reason.setEnabled(bool(video.problem))
        if video.id in self._missing:
            locate = self.addAction("Locate footage…", self._panel.locate_requested.emit)
            locate.setObjectName("locate_footage")
        path = str(video.path)
        copy = self.addAction("Copy path", lambda: QGuiApplication.clipboard().setText(path))
        copy.setObjectName("copy_path")

    def _add_play(self, video: Video) -> None:
        play = self.addAction("Play", lambda: self._panel.video_activated.emit(video.id))
        play.setObjectName("play_video")
        play.setEnabled(video.status is not VideoStatus.FAILED and video.id not in self._missing)

    def _add_queue_entries(
        self, videos: Sequence[Video], in_queue: frozenset[int], running: int | None
    ) -> None:
        panel = self._panel
        waiting = [video.id for video in videos if video.id in in_queue]
        others = [video for video in videos if video.id not in in_queue]
        movable = [video_id for video_id in waiting if video_id != running]
        entries: list[tuple[str, str, Callable[[], None]]] = []
        if movable:
            entries += [
                ("Read next", "read_next", lambda: panel.move_requested.emit(movable, True)),
                ("Read last", "read_last", lambda: panel.move_requested.emit(movable, False)),
            ]
        if waiting or any(video.status is VideoStatus.FAILED for video in videos):
            ids = [v.id for v in videos if v.id in waiting or v.status is VideoStatus.FAILED]
            entries.append(("Exclude", "exclude", lambda: panel.exclude_requested.emit(ids)))
        if others:
            words = {video.status: "Read after all" for video in others}
            words |= dict.fromkeys(_STORED, "Ingest again") | {VideoStatus.FAILED: "Try again"}
            text = words[others[0].status]
            again = (text, "ingest_again", lambda: panel.again_requested.emit(others))
            entries.append(again)
        for text, name, act in entries:
            action = self.addAction(text, act)
            action.setObjectName(name)
            if name == "ingest_again":
                action.setEnabled(not any(video.id in self._missing for video in others))

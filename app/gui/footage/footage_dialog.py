"""What was understood of footage before it is read, and what can be corrected there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QFormLayout,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.core.clock import format_offset, format_time, zone_text
from app.gui.widgets import theme
from app.gui.widgets.labels import wrapped_label
from app.gui.widgets.problem_dialog import ProblemDialog
from app.language import listed, tr, trn
from app.services.ingest.survey import Survey, SurveyedCamera, SurveyedVideo

_WIDTH_PX, _HEIGHT_PX = 760, 520
_COLUMNS = [tr("Camera or video"), tr("Start"), tr("Time from"), tr("Zone"), tr("Length")]
_RULES = ("auto", "folder", "file")
_PROBLEMS = 5
"""So many are written out."""


@dataclass(frozen=True, slots=True)
class FootageWishes:
    """How footage is to be loaded, as typed; empty where the usual is meant.

    Attributes:
        watch: load what is recorded into the folder from now on, too.
    """

    camera_by: str
    zone: str
    rate: str
    sub_streams: bool
    watch: bool


class FootageDialog(ProblemDialog):
    """Cameras with their videos, and fields that look at the footage again when changed.

    Signals:
        changed: the FootageWishes as typed.
        agreed: the same; the footage is to be loaded like this.

    Args:
        paths: what is looked at.
        camera_by: the usual rule.
        zone: the library's.
    """

    changed = Signal(object)
    agreed = Signal(object)

    def __init__(
        self,
        paths: Sequence[Path],
        camera_by: str,
        zone: tzinfo,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("footage", tr("Add footage"), parent)
        self._state = wrapped_label(
            "footage_state", "heading", tr("Looking into {called}…", called=_called(paths))
        )
        self._list = self._make_list()
        self._rule = QComboBox()
        self._rule.setObjectName("footage_rule")
        self._rule.setEditable(True)
        self._rule.addItems(list(dict.fromkeys((camera_by, *_RULES))))
        self._rule.setToolTip(
            tr("auto, folder, file, or a regular expression with one group, searched in the path")
        )
        self._zone = QLineEdit()
        self._zone.setObjectName("footage_zone")
        self._zone.setPlaceholderText(tr("{zone} (the library's)", zone=zone_text(zone)))
        self._zone.setToolTip(tr("Of the recorders' clocks: Europe/Berlin, UTC, +01:00"))
        self._rate = QLineEdit()
        self._rate.setObjectName("footage_rate")
        self._rate.setPlaceholderText(tr("as the footage says"))
        self._rate.setToolTip(
            tr("Frames per second of pictures and bare H.264, H.265 or MJPEG streams")
        )
        self._sub_streams = QCheckBox(tr("&Include sub streams"))
        self._sub_streams.setObjectName("footage_sub_streams")
        self._sub_streams.setToolTip(tr("The small copies that recorders write of a stream"))
        self._sub_streams.hide()  # until there are some
        self._watch = QCheckBox(tr("&Watch: also load new recordings as they arrive"))
        self._watch.setObjectName("footage_watch")
        self._watch.setVisible(any(path.is_dir() for path in paths))
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._load = self._buttons.addButton(tr("Load"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._load.setObjectName("footage_load")
        self._load.setDefault(True)
        self._lay_out()
        self._connect()

    def show_found(self, found: Survey) -> None:
        """Replaces the list by all that is in the folder."""
        cameras = found.cameras()
        self._state.setText(
            tr(
                "{cameras}, {videos}, {length} in all",
                cameras=trn("{count} camera", "{count} cameras", len(cameras)),
                videos=trn("{count} video", "{count} videos", len(found.videos)),
                length=format_offset(found.duration_s),
            )
        )
        left_out = sum(bool(video.left_out) for video in found.videos)
        if left_out:
            self._sub_streams.setText(tr("&Include sub streams ({count} left out)", count=left_out))
            self._sub_streams.show()
        else:
            self._sub_streams.setText(tr("&Include sub streams"))
        unreadable = [video.problem for video in found.videos if video.problem]
        more = (
            [tr("{count} more", count=len(unreadable) - _PROBLEMS)]
            if len(unreadable) > _PROBLEMS
            else []
        )
        super().show_problem("\n".join(unreadable[:_PROBLEMS] + more))
        self._list.clear()
        for camera in cameras:
            self._add_camera(camera, found.zone)
        if len(cameras) == 1:
            self._list.expandAll()

    def show_progress(self, done: int, total: int) -> None:
        """How many videos have been looked at."""
        self._state.setText(
            tr("Looking at video {done} of {total}…", done=min(done + 1, total), total=total)
        )

    def show_problem(self, text: str) -> None:
        """Says why the folder cannot be looked at like this."""
        self._state.setText(tr("This cannot be loaded."))
        super().show_problem(text)
        self._list.clear()

    def _wishes(self) -> FootageWishes:
        return FootageWishes(
            self._rule.currentText().strip(),
            self._zone.text().strip(),
            self._rate.text().strip(),
            self._sub_streams.isChecked(),
            self._watch.isChecked(),
        )

    def _add_camera(self, camera: SurveyedCamera, zone: tzinfo) -> None:
        first = format_time(camera.first_utc, zone) if camera.first_utc else tr("unknown")
        unreadable = sum(video.info is None for video in camera.videos)
        videos = trn("{count} video", "{count} videos", len(camera.videos) - unreadable)
        sources = {video.info.start_source.words for video in camera.videos if video.info}
        if len(sources) == 1 and camera.first_utc:
            videos = tr("{videos} by {source}", videos=videos, source=sources.pop())
        if unreadable:
            videos = listed((videos, tr("{count} cannot be read", count=unreadable)))
        texts = [camera.name, first, videos, "", format_offset(camera.duration_s)]
        item = QTreeWidgetItem(self._list, texts)
        for video in camera.videos:
            item.addChild(QTreeWidgetItem(_cells(video, zone)))

    def _make_list(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setObjectName("footage_list")
        tree.setAccessibleName(tr("Cameras and videos in the folder"))
        tree.setHeaderLabels(_COLUMNS)
        tree.setUniformRowHeights(True)
        tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        return tree

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow(tr("&Cameras are named after"), self._rule)
        form.addRow(tr("Clock &zone"), self._zone)
        form.addRow(tr("Frame &rate"), self._rate)
        form.addRow("", self._sub_streams)
        form.addRow("", self._watch)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(3 * theme.UNIT_PX)
        layout.addWidget(self._state)
        layout.addWidget(self._list, 1)
        layout.addWidget(self.problem)
        layout.addLayout(form)
        layout.addWidget(self._buttons)
        self.resize(_WIDTH_PX, _HEIGHT_PX)

    def _connect(self) -> None:
        self._rule.textActivated.connect(lambda _text: self._change())
        edited = self._rule.lineEdit()
        for field in (edited, self._zone, self._rate):
            if field is not None:
                field.editingFinished.connect(self._change)
        self._sub_streams.toggled.connect(lambda _on: self._change())
        self._buttons.accepted.connect(lambda: self.agreed.emit(self._wishes()))
        self._buttons.rejected.connect(self.reject)

    def _change(self) -> None:
        self.changed.emit(self._wishes())


def _called(paths: Sequence[Path]) -> str:
    return (
        paths[0].name
        if len(paths) == 1
        else tr("{name} and {count} more", name=paths[0].name, count=len(paths) - 1)
    )


def _cells(video: SurveyedVideo, zone: tzinfo) -> list[str]:
    info = video.info
    if info is None:
        why = tr("left out: sub stream") if video.left_out else tr("cannot be read")
        return [video.path.as_posix(), why, "", "", ""]
    start = format_time(info.start_utc, zone) if info.start_utc else tr("unknown")
    length = tr("unknown") if info.duration_s is None else format_offset(info.duration_s)
    return [video.name, start, info.start_source.words, video.zone_words, length]

"""Cameras and their videos, with how each stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.core.entities import Video, VideoStatus
from app.gui.footage.ingest_line import sightings_text
from app.gui.footage.video_actions import Chosen, VideoActions
from app.gui.footage.video_status import (
    StatusText,
    camera_details,
    camera_status,
    recorded_text,
    video_details,
    video_name,
    video_status,
)
from app.gui.widgets import icons, theme
from app.gui.widgets.drops import local_paths
from app.gui.widgets.plain import plain_tip
from app.gui.widgets.window_keys import WindowKeys
from app.language import tr

if TYPE_CHECKING:
    from app.services.people.catalog import CameraEntry

_NAME, _STATUS, _PEOPLE = range(3)
_KEY = Qt.ItemDataRole.UserRole  # ("camera" | "video", id)
_TOKEN = Qt.ItemDataRole.UserRole + 1
_LEAST_PX = 200
_EMPTY_TEXT = tr("Drop a folder of videos here,\nor choose File → Add footage…")


class SourcesPanel(QWidget):
    """Tree of cameras and videos.

    Signals:
        video_activated: id of the video to play.
        paths_dropped: list of paths.
        add_footage_requested: the user wants to choose a folder.
        again_requested: list of videos to be ingested again, or after all.
        exclude_requested: ids of videos that are not to be read.
        move_requested: (ids of waiting videos, whether they are to be read next; else last).
        reason_requested: the video whose problem is to be told.
        clock_requested: the Camera whose name or clock is to be changed.
        merge_requested: list of Cameras that are to be one.
        split_requested: list of Videos, of one camera, that are to be a camera of their own.
        locate_requested: footage is missing; the user wants to say where it is.
    """

    video_activated = Signal(int)
    paths_dropped = Signal(object)
    add_footage_requested = Signal()
    again_requested = Signal(object)
    exclude_requested = Signal(object)
    move_requested = Signal(object, bool)
    reason_requested = Signal(object)
    locate_requested = Signal()
    clock_requested = Signal(object)
    merge_requested = Signal(object)
    split_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sources")
        self.setAccessibleName(tr("Cameras and videos"))
        self.setAcceptDrops(True)
        self._entries: tuple[CameraEntry, ...] = ()
        self._videos: dict[int, Video] = {}
        self._missing: frozenset[int] = frozenset()
        self._waiting: frozenset[int] = frozenset()
        self._zone = ZoneInfo("UTC")
        self._running: tuple[int, float] | None = None
        self._items: dict[tuple[str, int], QTreeWidgetItem] = {}
        self._video_actions = VideoActions(self, self._runs())
        self.actions_by_name = self._video_actions.by_name
        self._tree = self._make_tree()
        self._details = self._make_details()
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._make_empty_page())
        self._pages.addWidget(self._make_list_page())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._pages)

    # Shown --------------------------------------------------------------------------------------

    def show_sources(
        self,
        entries: Sequence[CameraEntry],
        missing: frozenset[int],
        zone: ZoneInfo,
        waiting: frozenset[int] = frozenset(),
    ) -> None:
        """Replaces what is listed; selection and open branches stay.

        Args:
            entries: cameras with their videos, in the order of the list.
            missing: ids of the videos whose file is not there.
            zone: zone of shown times.
            waiting: ids of the videos in the queue.
        """
        self._waiting = waiting
        self._entries, self._missing, self._zone = tuple(entries), missing, zone
        self._videos = {video.id: video for entry in entries for video in entry.videos}
        self._rebuild()
        self._pages.setCurrentIndex(1 if entries else 0)

    def show_running(self, video_id: int | None, done_s: float = 0.0) -> None:
        """Marks the video that is being ingested now.

        Args:
            video_id: None where there is none.
            done_s: how many seconds of it are through.
        """
        before = self._running[0] if self._running else None
        self._running = None if video_id is None else (video_id, done_s)
        for changed in {before, video_id} - {None}:
            self._refresh_video(changed)
        if before != video_id:
            self._aim(self._chosen())

    def add_people(self, video_id: int, count: int) -> None:
        """Counts people that were stored since the list was shown."""
        video = self._videos.get(video_id)
        if video is not None:
            self._videos[video_id] = replace(video, tracklet_count=video.tracklet_count + count)
            self._refresh_video(video_id)

    def select_video(self, video_id: int) -> None:
        """Marks a video in the list, without playing it."""
        item = self._items.get(("video", video_id))
        if item is not None:
            self._tree.setCurrentItem(item)

    # Building -----------------------------------------------------------------------------------

    def _make_tree(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setObjectName("sources_tree")
        tree.setAccessibleName(tr("Cameras and videos"))
        tree.setColumnCount(3)
        WindowKeys(tree)
        tree.setHeaderLabels([tr("Video"), tr("Status"), tr("Seen")])
        tree.setUniformRowHeights(True)
        tree.setIndentation(3 * theme.UNIT_PX)
        tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        tree.setExpandsOnDoubleClick(False)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        header = tree.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(8 * theme.UNIT_PX)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        tree.setMinimumWidth(_LEAST_PX)  # so that something of each name is seen
        header.setSectionResizeMode(_STATUS, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_PEOPLE, QHeaderView.ResizeMode.ResizeToContents)
        tree.headerItem().setTextAlignment(_PEOPLE, right)
        tree.headerItem().setToolTip(_PEOPLE, tr("Sightings: one person may be seen several times"))
        tree.itemActivated.connect(self._activate)
        tree.currentItemChanged.connect(self._show_details)
        tree.itemSelectionChanged.connect(lambda: self._aim(self._chosen()))
        tree.customContextMenuRequested.connect(self._open_menu)
        return tree

    def _make_details(self) -> QLabel:
        details = QLabel()
        details.setObjectName("source_details")
        details.setAccessibleName(tr("About the selected video"))
        details.setProperty("role", "muted")
        details.setFont(theme.small_font(self.font()))
        details.setWordWrap(True)
        details.setMargin(2 * theme.UNIT_PX)
        details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        details.setTextFormat(Qt.TextFormat.PlainText)
        details.hide()
        return details

    def _make_list_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._tree, 1)
        layout.addWidget(self._details)
        return page

    def _make_empty_page(self) -> QWidget:
        page = QWidget()
        text = QLabel(_EMPTY_TEXT)
        text.setObjectName("sources_empty")
        text.setProperty("role", "muted")
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        text.setWordWrap(True)
        self._add_button = QPushButton(tr("Add footage…"))
        self._add_button.setObjectName("add_footage")
        self._add_button.setAccessibleName(tr("Add footage"))
        self._add_button.setIcon(icons.icon("folder-add"))
        self._add_button.clicked.connect(self.add_footage_requested)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(4 * theme.UNIT_PX)
        layout.addStretch()
        layout.addWidget(text)
        layout.addWidget(self._add_button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()
        return page

    def _rebuild(self) -> None:
        current = self._key_of(self._tree.currentItem())
        closed = {key for key, item in self._items.items() if not item.isExpanded()}
        self._tree.blockSignals(True)
        self._tree.clear()
        self._items = {}
        for entry in self._entries:
            branch = QTreeWidgetItem(self._tree, [entry.camera.name])
            branch.setFont(_NAME, theme.strong_font(self.font()))
            self._keep(branch, ("camera", entry.camera.id))
            for video in entry.videos:
                leaf = QTreeWidgetItem(branch, [video_name(video)])
                self._keep(leaf, ("video", video.id))
                self._write_video(leaf, video)
            self._write_camera(branch, entry)
            branch.setExpanded(("camera", entry.camera.id) not in closed)
        if current in self._items:
            self._tree.setCurrentItem(self._items[current])
        self._tree.blockSignals(False)
        self._show_details()
        self._aim(self._chosen())

    def _keep(self, item: QTreeWidgetItem, key: tuple[str, int]) -> None:
        item.setData(_NAME, _KEY, key)
        item.setTextAlignment(_PEOPLE, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._items[key] = item

    def _refresh_video(self, video_id: int | None) -> None:
        video = self._videos.get(video_id) if video_id is not None else None
        if video is None:
            return
        self._write_video(self._items["video", video.id], video)
        for entry in self._entries:
            if entry.camera.id == video.camera.id:
                self._write_camera(self._items["camera", entry.camera.id], entry)
        if self._key_of(self._tree.currentItem()) == ("video", video.id):
            self._show_details()

    def _write_video(self, item: QTreeWidgetItem, video: Video) -> None:
        running_s = self._running[1] if self._running and self._running[0] == video.id else None
        is_missing = video.id in self._missing
        is_waiting = video.id in self._waiting
        status = video_status(
            video, is_missing=is_missing, running_s=running_s, is_waiting=is_waiting
        )
        self._write(item, status, video.tracklet_count)
        details = video_details(video, self._zone, is_missing=is_missing)
        for column in (_NAME, _STATUS, _PEOPLE):
            item.setToolTip(column, plain_tip(details))
        item.setData(
            _NAME,
            Qt.ItemDataRole.AccessibleTextRole,
            f"{video.path.name}, {status.text.split(' ', 1)[1]}, "
            f"{sightings_text(video.tracklet_count)}, "
            f"{recorded_text(video, self._zone)}",
        )

    def _write_camera(self, item: QTreeWidgetItem, entry: CameraEntry) -> None:
        videos = [self._videos[video.id] for video in entry.videos]
        running = self._running[0] if self._running else None
        status = camera_status(videos, self._missing, running)
        self._write(item, status, sum(video.tracklet_count for video in videos))

    def _write(self, item: QTreeWidgetItem, status: StatusText, people: int) -> None:
        item.setText(_STATUS, status.text)
        item.setData(_STATUS, _TOKEN, status.token)
        item.setText(_PEOPLE, f"{people}")
        colours = theme.tokens()
        item.setForeground(_STATUS, QColor(getattr(colours, status.token)))
        item.setForeground(_PEOPLE, QColor(colours.text if people else colours.muted))

    # Intentions ---------------------------------------------------------------------------------

    def _key_of(self, item: QTreeWidgetItem | None) -> tuple[str, int] | None:
        return None if item is None else tuple(item.data(_NAME, _KEY))

    def _video_of(self, item: QTreeWidgetItem | None) -> Video | None:
        key = self._key_of(item)
        return self._videos.get(key[1]) if key is not None and key[0] == "video" else None

    def _activate(self, item: QTreeWidgetItem) -> None:
        video = self._video_of(item)
        if video is None:
            item.setExpanded(not item.isExpanded())
        elif video.status is VideoStatus.FAILED:
            self.reason_requested.emit(video)
        else:
            self.video_activated.emit(video.id)

    def _show_details(self, *_: object) -> None:
        item = self._tree.currentItem()
        video, key = self._video_of(item), self._key_of(item)
        self._details.setVisible(key is not None)
        if video is not None:
            is_missing = video.id in self._missing
            self._details.setText(video_details(video, self._zone, is_missing=is_missing))
        for entry in self._entries:
            if key == ("camera", entry.camera.id):
                self._details.setText(camera_details(entry, self._zone))

    def _runs(self) -> dict[str, Callable[[Chosen], object]]:
        """What the actions of the selected videos want."""
        return {
            "play-video": lambda it: self.video_activated.emit(it.videos[0].id),
            "read-next": lambda it: self.move_requested.emit(it.movable, True),
            "read-last": lambda it: self.move_requested.emit(it.movable, False),
            "exclude": lambda it: self.exclude_requested.emit(it.excludable),
            "read-again": lambda it: self.again_requested.emit(it.others),
            "merge-cameras": lambda it: self.merge_requested.emit(it.cameras),
            "camera-clock": lambda it: self.clock_requested.emit(it.cameras[0]),
            "split-camera": lambda it: self.split_requested.emit(list(it.videos)),
            "show-reason": lambda it: self.reason_requested.emit(it.videos[0]),
            "locate-video": lambda _: self.locate_requested.emit(),
            "copy-path": lambda it: QGuiApplication.clipboard().setText(str(it.videos[0].path)),
        }

    def menu_for(self, videos: Sequence[Video]) -> QMenu:
        """The context menu of one video or several; the caller opens it."""
        self._aim(videos)
        return self._video_actions.menu()

    def _aim(self, videos: Sequence[Video]) -> None:
        """Has the actions act on videos."""
        cameras = {video.camera for video in videos}
        own = sum(len(entry.videos) for entry in self._entries if entry.camera in cameras)
        self._video_actions.aim(
            Chosen(
                tuple(videos),
                self._missing,
                self._waiting,
                self._running[0] if self._running else None,
                can_split=len(videos) < own,
            )
        )

    def _chosen(self) -> list[Video]:
        """The selected videos, in the order of the list; a camera stands for all of its own."""
        keys = {self._key_of(item) for item in self._tree.selectedItems()}
        return [
            self._videos[video.id]
            for entry in self._entries
            for video in entry.videos
            if ("video", video.id) in keys or ("camera", entry.camera.id) in keys
        ]

    def _open_menu(self, where: QPoint) -> None:
        videos = self._chosen() if self._tree.itemAt(where) is not None else []
        if videos:
            self.menu_for(videos).popup(self._tree.viewport().mapToGlobal(where))

    # Events -------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes files and folders."""
        if local_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Tells what was dropped."""
        event.acceptProposedAction()
        self.paths_dropped.emit(local_paths(event.mimeData()))

    def changeEvent(self, event: QEvent) -> None:
        """Takes the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_add_button"):
            self._add_button.setIcon(icons.icon("folder-add"))
            colours = theme.tokens()
            for item in self._items.values():
                item.setForeground(_STATUS, QColor(getattr(colours, item.data(_STATUS, _TOKEN))))
                item.setForeground(_PEOPLE, QColor(colours.text))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Opens the menu of the current video from the keyboard."""
        if event.key() == Qt.Key.Key_Menu:
            item = self._tree.currentItem()
            if item is not None:
                self._open_menu(self._tree.visualItemRect(item).center())
        super().keyPressEvent(event)

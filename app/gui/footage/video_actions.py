"""What can be done with the videos that are selected in the list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from PySide6.QtWidgets import QMenu, QWidget

from app.core.entities import Camera, Video, VideoStatus
from app.gui.action_making import context_menu, make_actions
from app.gui.actions import Where
from app.language import tr

_STORED = (VideoStatus.DONE, VideoStatus.PARTIAL)
_AGAIN = dict.fromkeys(_STORED, tr("Load again")) | {VideoStatus.FAILED: tr("Try again")}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The selected videos, in the order of the list.

    Attributes:
        missing: ids of videos whose file is not there.
        waiting: ids of videos in the queue.
        running: id of the video that is being ingested, or None.
        can_split: whether their camera has other videos too.
    """

    videos: tuple[Video, ...] = ()
    missing: frozenset[int] = frozenset()
    waiting: frozenset[int] = frozenset()
    running: int | None = None
    can_split: bool = False

    @property
    def cameras(self) -> list[Camera]:
        """Their cameras."""
        return list(dict.fromkeys(video.camera for video in self.videos))

    @property
    def movable(self) -> list[int]:
        """Ids of those that wait and are not being read yet."""
        return [each.id for each in self.videos if each.id in self.waiting - {self.running}]

    @property
    def excludable(self) -> list[int]:
        """Ids of those that are still to be read, or could not be."""
        return [
            each.id
            for each in self.videos
            if each.id in self.waiting or each.status is VideoStatus.FAILED
        ]

    @property
    def others(self) -> list[Video]:
        """Those that do not wait."""
        return [each for each in self.videos if each.id not in self.waiting]


class VideoActions:
    """The actions of the list.

    Args:
        parent: the list; owns them.
        runs: what each of them does with the selected videos, by name.
    """

    def __init__(self, parent: QWidget, runs: Mapping[str, Callable[[Chosen], object]]) -> None:
        self._parent, self._chosen = parent, Chosen()
        self.by_name = make_actions(
            parent, {name: partial(self._run, run) for name, run in runs.items()}
        )
        self.aim(self._chosen)

    def aim(self, chosen: Chosen) -> None:
        """They act on these videos from now on; those that make no sense are hidden."""
        self._chosen = chosen
        offers = _offers(chosen)
        for name, action in self.by_name.items():
            action.setVisible(name in offers)
            action.setEnabled(offers.get(name, False))
        if chosen.others:
            text = _AGAIN.get(chosen.others[0].status, tr("Read anyway"))
            self.by_name["read-again"].setText(text)

    def menu(self) -> QMenu:
        """The context menu; the caller opens it."""
        return context_menu(Where.VIDEOS, self.by_name, self._parent)

    def _run(self, run: Callable[[Chosen], object]) -> None:
        run(self._chosen)


def _offers(chosen: Chosen) -> dict[str, bool]:
    """What makes sense for the videos, and whether it can be done now."""
    videos, missing = chosen.videos, chosen.missing
    single = videos[0] if len(videos) == 1 else None
    several_cameras = len(chosen.cameras) > 1
    offers = {
        "read-next": bool(chosen.movable),
        "read-last": bool(chosen.movable),
        "exclude": bool(chosen.excludable),
        "merge-cameras": several_cameras,
        "camera-clock": bool(videos) and not several_cameras,
        "split-camera": chosen.can_split and not several_cameras,
    }
    offers = {name: True for name, wanted in offers.items() if wanted}
    if chosen.others:
        offers["read-again"] = not any(each.id in missing for each in chosen.others)
    if single is not None:
        offers["play-video"] = single.status is not VideoStatus.FAILED and single.id not in missing
        offers["show-reason"] = bool(single.problem)
        offers["copy-path"] = True
        if single.id in missing:
            offers["locate-video"] = True
    return offers

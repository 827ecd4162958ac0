"""What the list of videos shows, read in the background."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from app.services.people.catalog import CameraEntry
    from app.services.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SourceList:
    """The videos of a library.

    Attributes:
        missing: ids of those that are not where they were.
        waiting: ids of those in the queue.
    """

    entries: list[CameraEntry]
    missing: frozenset[int]
    zone: ZoneInfo
    waiting: frozenset[int]
    is_paused: bool


def read_sources(workspace: Workspace) -> Iterator[SourceList]:
    """Job: the videos of a library, and which of them are not where they were."""
    entries = workspace.catalog.cameras()
    missing = frozenset(
        video.id for entry in entries for video in entry.videos if not video.path.exists()
    )
    library = workspace.library
    yield SourceList(
        entries,
        missing,
        library.timezone,
        frozenset(library.queued_ids()),
        library.is_queue_paused,
    )

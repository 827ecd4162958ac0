"""The turn of a video that waited in the queue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from app.core.entities import Video
from app.core.errors import VideoError
from app.core.orders import QueuedVideo
from app.language import tr
from app.services.footage.sources import SourceFile, source_of
from app.services.ingest.ingest_options import IngestOptions

# A video is set aside after the program has crashed at it so often.
MOST_CRASHES = 3


@dataclass(frozen=True, slots=True)
class Turn:
    """A video whose turn has come, and how it is to be ingested.

    Attributes:
        crashes: see `app.core.orders.QueuedVideo`.
    """

    video: Video
    source: SourceFile
    options: IngestOptions
    crashes: int

    def packed(self) -> dict[str, Any]:
        """For the queue, to be gone on with after an interruption."""
        return {**replace(self.options, again=False).packed(), "camera": self.source.camera}

    def check_crashes(self) -> None:
        """Raises VideoError where the program has crashed at the video too often."""
        if self.crashes >= MOST_CRASHES:
            raise VideoError(
                tr(
                    "Retrace crashed {count} times while it was reading {name}, "
                    "so this file is set aside.",
                    count=self.crashes,
                    name=self.source.path.name,
                ),
                tr("Export it from the recorder again, or try it once more from its menu."),
            )


def turn_of(queued: QueuedVideo) -> Turn:
    """The turn of a video that waits."""
    source = source_of(queued.video)
    source = replace(source, camera=queued.options.get("camera", source.camera))
    return Turn(queued.video, source, IngestOptions.unpacked(queued.options), queued.crashes)

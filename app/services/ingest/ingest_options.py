"""How footage is ingested: as it was ordered, and the concrete classes that do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import tzinfo
from typing import Any

from app.core.clock import parse_zone, zone_text
from app.core.ports import FrameSource, Tracker
from app.services.footage.sources import SourceFile


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How a folder is loaded.

    Attributes:
        camera_by: see `app.services.footage.sources.find_sources`.
        fps: analysed frames per second of video.
        rate_fps: frame rate of footage without one (image sequences, bare streams), or None: as
            their names or streams say.
        zone: of the cameras' clocks, which is kept with them; or None: as it is, at first the
            library's.
        sub_streams: read small copies that recorders write beside the main stream, too.
        detector: weights file or installed name, or None: see `app.services.networks.model_choice`.
        embedder: likewise.
        device: "auto", "cpu", "cuda:0", …; None: from the settings.
        again: analyse finished videos anew.
    """

    camera_by: str = "auto"
    fps: float = 5.0
    rate_fps: float | None = None
    zone: tzinfo | None = None
    sub_streams: bool = False
    detector: str | None = None
    embedder: str | None = None
    device: str | None = None
    again: bool = False

    def packed(self) -> dict[str, Any]:
        """As plain values, for the queue."""
        usual = IngestOptions()
        values = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if getattr(self, each.name) != getattr(usual, each.name)
        }
        return values | ({"zone": zone_text(self.zone)} if self.zone else {})

    @classmethod
    def unpacked(cls, values: Mapping[str, Any]) -> IngestOptions:
        """From `packed`; what another version knew and this one does not is left out."""
        known = {each.name for each in fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        return cls(**kept | ({"zone": parse_zone(kept["zone"])} if "zone" in kept else {}))


@dataclass(frozen=True, slots=True)
class IngestParts:
    """The concrete classes that an ingest works with.

    Attributes:
        open_source: (source, its frame rate if given, zone of its clock if given) → opened video;
            raises VideoError.
        make_tracker: analysed frames per second → a fresh tracker.
        close: ends what is kept ready for the next source; called once, at the end.
    """

    open_source: Callable[[SourceFile, float | None, tzinfo | None], FrameSource]
    make_tracker: Callable[[float], Tracker]
    close: Callable[[], None] = lambda: None

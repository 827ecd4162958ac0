"""What a running ingest tells, event by event."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core.entities import ModelFile, VideoStatus
from app.core.errors import UserFacingError


@dataclass(frozen=True, slots=True)
class FootageOrdered:
    """Everything in a folder is registered and waits.

    Attributes:
        folder: the folder, or one video.
        videos: how many wait because of it.
        failed_before: those that do not, since they failed before and have not changed.
    """

    folder: Path
    videos: int
    failed_before: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworksChosen:
    """Which networks the whole job works with; comes before its first video, once they are loaded.

    Attributes:
        note: what the user may want to know of them, as sentences; or empty.
    """

    detector: ModelFile
    embedder: ModelFile
    note: str = ""


@dataclass(frozen=True, slots=True)
class VideoStarted:
    """A video's turn has come.

    Attributes:
        resumed_s: where an earlier, interrupted ingest is taken up; 0 from the start.
    """

    path: Path
    camera: str
    video_id: int
    resumed_s: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How the whole job stands. Yielded at least every 0.3 s.

    Attributes:
        step: what is being done, for the user ("Reading cam1.webm").
        done_s: footage that is behind us, in seconds of video.
        total_s: footage of the whole job, or None where a length is unknown.
        people: tracklets stored by this job.
        times_real_time: footage seconds analysed per second, or None at the beginning.
        eta_s: seconds left, or None where unknown.
    """

    step: str
    done_s: float
    total_s: float | None
    people: int
    times_real_time: float | None
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class TrackletStored:
    """A tracklet is in the library and can be found."""

    tracklet_id: int
    video_id: int


@dataclass(frozen=True, slots=True)
class VideoFinished:
    """A video has been analysed to its end.

    Attributes:
        problem: the reason where the video was cut (status partial), else empty.
    """

    path: Path
    video_id: int
    people: int
    status: VideoStatus
    problem: str = ""


@dataclass(frozen=True, slots=True)
class VideoSkipped:
    """A video that was read before and is not read again.

    Attributes:
        reason: what is to know about it, as a sentence; empty if it is simply stored.
        differs: it was analysed with other settings than those asked for now.
    """

    path: Path
    video_id: int
    reason: str
    differs: bool


@dataclass(frozen=True, slots=True)
class QueuePaused:
    """The queue was paused: nothing is read until it is resumed.

    Attributes:
        waiting: how many videos wait.
    """

    waiting: int


@dataclass(frozen=True, slots=True)
class VideoFailed:
    """A video could not be read; the others go on."""

    path: Path
    error: UserFacingError


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """The last event of an ingest.

    Attributes:
        failed: what could not be read, with the reason.
        partial: what was cut, with the reason.
        excluded: what the user has excluded, of the whole library.
    """

    done: int
    skipped: int
    people: int
    footage_s: float
    elapsed_s: float
    failed: tuple[VideoFailed, ...] = ()
    partial: tuple[VideoFinished, ...] = ()
    excluded: tuple[Path, ...] = ()


IngestEvent = (
    FootageOrdered
    | NetworksChosen
    | VideoStarted
    | Progress
    | TrackletStored
    | VideoFinished
    | VideoSkipped
    | QueuePaused
    | VideoFailed
    | IngestSummary
)

"""Bookkeeping of one ingest: how much is through, how fast, how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from app.core.events import IngestEvent, IngestSummary, Progress, VideoFailed, VideoFinished
from app.services.pipeline import in_background

R = TypeVar("R")


@dataclass(slots=True)
class IngestRun:
    """How one call of an ingest stands.

    Attributes:
        analysing_since: monotonic time at which the first frame was asked for, or None.
        total_s: footage of all videos that can be read.
        behind_s: footage of videos that are through.
        current_s: footage of the current video that is through; what the detector has seen and the
            embedder has not counts in part.
        skipped_s: part of the last two that was not analysed by this call.
        people: tracklets stored.
    """

    began: float = field(default_factory=time.monotonic)
    analysing_since: float | None = None
    total_s: float = 0.0
    behind_s: float = 0.0
    current_s: float = 0.0
    skipped_s: float = 0.0
    people: int = 0
    done: int = 0
    skipped: int = 0
    failed: list[VideoFailed] = field(default_factory=list)
    partial: list[VideoFinished] = field(default_factory=list)

    def leave_video(self, announced_s: float | None) -> None:
        """The current video is through; one that was cut is shorter than it had announced."""
        self.total_s += self.current_s - (announced_s or 0.0)
        self.behind_s += self.current_s
        self.current_s = 0.0

    def interrupt_video(self, announced_s: float | None) -> None:
        """The current video waits again: its length will be counted when it is looked at again.

        What was analysed of it stays in the rate.
        """
        self.total_s -= announced_s or 0.0
        self.skipped_s -= self.current_s
        self.current_s = 0.0

    def forget_video(self, announced_s: float | None) -> None:
        """A video that had been looked at left the queue without its turn."""
        self.total_s -= announced_s or 0.0

    def rested(self, seconds: float) -> None:
        """Nothing was to be done for so long; it does not count in rate and duration."""
        self.began += seconds
        if self.analysing_since is not None:
            self.analysing_since += seconds

    def progress(self, step: str) -> Progress:
        """What to tell of it now."""
        done_s = self.behind_s + self.current_s
        analysed_s = done_s - self.skipped_s
        rate = None
        if self.analysing_since is not None and analysed_s > 0:
            rate = analysed_s / max(time.monotonic() - self.analysing_since, 1e-6)
        left_s = max(0.0, self.total_s - done_s)
        eta_s = left_s / rate if rate else None
        return Progress(step, done_s, self.total_s or None, self.people, rate, eta_s)

    def summary(self, excluded: tuple[Path, ...] = ()) -> IngestSummary:
        """What to tell at the end; `excluded`: what the user does not want to be read."""
        return IngestSummary(
            done=self.done,
            skipped=self.skipped,
            people=self.people,
            footage_s=self.behind_s - self.skipped_s,
            elapsed_s=time.monotonic() - self.began,
            failed=tuple(self.failed),
            partial=tuple(self.partial),
            excluded=excluded,
        )


def beating(run: IngestRun, step: str, work: Callable[[], R]) -> Generator[IngestEvent, None, R]:
    """Runs `work` in the background and yields progress until it is through."""
    return in_background(work, lambda: run.progress(step))

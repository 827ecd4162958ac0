"""How an ingest goes, on stderr: a live line on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from app.core.clock import format_offset
from app.core.events import (
    IngestEvent,
    IngestSummary,
    Progress,
    VideoFailed,
    VideoFinished,
    VideoSkipped,
    VideoStarted,
)

_QUIET_S = 10.0


def follow_ingest(events: Iterator[IngestEvent]) -> IngestSummary:
    """Runs the job to its end; the events are shown on stderr.

    Closes the job whatever happens, so that Ctrl-C stops its threads.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    summary: IngestSummary | None = None
    close = getattr(events, "close", None)
    try:
        with console.status("Starting") as status:
            last_line = time.monotonic()
            for event in events:
                if isinstance(event, Progress):
                    line = describe_progress(event)
                    status.update(escape(line))
                    if not console.is_terminal and time.monotonic() - last_line > _QUIET_S:
                        last_line = time.monotonic()
                        console.print(escape(line))
                elif isinstance(event, IngestSummary):
                    summary = event
                else:
                    text = _describe(event)
                    if text:
                        console.print(escape(text))
    finally:
        if close is not None:
            close()
    if summary is None:
        raise RuntimeError("the ingest ended without a summary")
    console.print(escape(describe_summary(summary)))
    return summary


def describe_progress(progress: Progress) -> str:
    """One line: what is done, how much, how fast, how long it will take."""
    parts = [progress.step]
    if progress.total_s:
        share = min(1.0, progress.done_s / progress.total_s)
        parts.append(f"{share:.0%} of {format_offset(progress.total_s)}")
    parts.append(f"{progress.people} people")
    if progress.times_real_time is not None:
        parts.append(f"{progress.times_real_time:.1f}× real time")
    if progress.eta_s is not None:
        parts.append(f"{format_offset(progress.eta_s)} left")
    return " · ".join(parts)


def describe_summary(summary: IngestSummary) -> str:
    """The last line of an ingest."""
    parts = [f"{summary.done} videos done", f"{summary.people} people"]
    if summary.skipped:
        parts.append(f"{summary.skipped} not done again")
    if summary.failed:
        parts.append(f"{len(summary.failed)} failed")
    if summary.partial:
        parts.append(f"{len(summary.partial)} cut")
    if summary.elapsed_s > 0 and summary.footage_s > 0:
        parts.append(f"{summary.footage_s / summary.elapsed_s:.1f}× real time")
    return " · ".join(parts)


def _describe(event: IngestEvent) -> str:
    if isinstance(event, VideoStarted):
        resumed = f", going on at {format_offset(event.resumed_s)}" if event.resumed_s else ""
        return f"{event.camera}: {event.path.name}{resumed}"
    if isinstance(event, VideoFinished):
        cut = f" (partial: {event.problem})" if event.problem else ""
        return f"  done, {event.people} people{cut}"
    if isinstance(event, VideoSkipped):
        return f"{event.path.name}: {event.reason}"
    if isinstance(event, VideoFailed):
        return f"{event.path.name} failed: {event.error}"
    return ""

"""How an ingest goes, on stderr: a live line on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from app.core.clock import format_offset
from app.core.command_name import command_name
from app.core.events import (
    FootageOrdered,
    IngestEvent,
    IngestSummary,
    NetworksChosen,
    Progress,
    QueuePaused,
    VideoFailed,
    VideoFinished,
    VideoSkipped,
    VideoStarted,
)
from app.services.check import CheckEvent, Looking
from app.services.ingest.untangle_library import UntangleProgress
from app.services.networks.download import transfer_text
from app.services.networks.installation import Checking, Installed, InstallEvent
from app.services.search.reembed import ReembedProgress
from app.settings import is_bundled

_QUIET_S = 10.0
_AGAIN_REMEDY = "Add --again to analyse it again."


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


def follow_reembed(events: Iterator[ReembedProgress]) -> None:
    """Runs a re-embedding to its end; how it goes is shown on stderr."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with console.status("Loading the embedder") as status:
        for event in events:
            left = f" · {format_offset(event.eta_s)} left" if event.eta_s is not None else ""
            rate = f" · {event.per_s:.0f} a second" if event.per_s is not None else ""
            if event.total:
                status.update(f"{event.done} of {event.total} sightings{rate}{left}")
    console.print(f"{event.total} sightings have vectors of {event.embedder_id} now.")


def follow_check(events: Iterator[CheckEvent]) -> int:
    """Runs a check to its end; what was found is shown on stdout. Returns what damage is left."""
    console, answers = Console(stderr=True, highlight=False), Console(highlight=False)
    found = left = 0
    with console.status("Starting") as status:
        for event in events:
            if isinstance(event, Looking):
                status.update(escape(event.step))
                continue
            found, left = found + 1, left + (not event.is_repaired)
            said = "repaired" if event.is_repaired else event.remedy or "add --repair to repair it"
            answers.print(escape(f"{event.what} ({said})"), soft_wrap=True)
    if not found:
        answers.print("No damage was found.")
    return left


def follow_untangling(events: Iterator[UntangleProgress]) -> None:
    """Runs it to its end; how it goes is shown on stderr."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with console.status("Loading the embedder") as status:
        for event in events:
            status.update(f"{event.done} of {event.total} sightings")
    console.print(
        f"{event.replaced} of {event.total} sightings showed several people, or one person in "
        f"parts: they became {event.made}."
    )


def follow_install(events: Iterator[InstallEvent]) -> Installed:
    """Runs an installation to its end; how it goes is shown on stderr."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    installed: Installed | None = None
    with console.status("Starting") as status:
        last_line = time.monotonic()
        for event in events:
            if isinstance(event, Installed):
                installed = event
                continue
            line = f"Checking {event.name}" if isinstance(event, Checking) else transfer_text(event)
            status.update(escape(line))
            if not console.is_terminal and time.monotonic() - last_line > _QUIET_S:
                last_line = time.monotonic()
                console.print(escape(line))
    assert installed is not None, "an installation ends with its file in place, or raises"
    return installed


def describe_progress(progress: Progress) -> str:
    """One line: how much, how fast, how long it will take, and, as it may be long, at what."""
    parts = []
    if progress.total_s:
        share = min(1.0, progress.done_s / progress.total_s)
        parts.append(f"{share:.0%} of {_duration(progress.total_s)}")
    parts.append(_count(progress.people, "sighting"))
    if progress.times_real_time is not None:
        parts.append(f"{progress.times_real_time:.1f}× real time")
    if progress.eta_s is not None:
        parts.append(f"{_duration(progress.eta_s)} left")
    return " · ".join([*parts, progress.step])


def describe_summary(summary: IngestSummary) -> str:
    """The last line of an ingest."""
    parts = [f"{_count(summary.done, 'video')} done", _count(summary.people, "sighting")]
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
    if isinstance(event, NetworksChosen):
        names = (event.detector.path, event.embedder.path)
        said = " and ".join(path.name + " (bundled)" * is_bundled(path) for path in names)
        hint = f" See: {command_name()} models" if event.note else ""
        return f"Networks: {said}. {event.note}{hint}".strip()
    if isinstance(event, VideoStarted):
        resumed = f", going on at {format_offset(event.resumed_s)}" if event.resumed_s else ""
        return f"{event.camera}: {event.path.name}{resumed}"
    if isinstance(event, VideoFinished):
        cut = f" (partial: {event.problem})" if event.problem else ""
        return f"  done, {_count(event.people, 'sighting')}{cut}"
    if isinstance(event, VideoSkipped):
        remedy = f" {_AGAIN_REMEDY}" if event.differs else ""
        return f"{event.path.name}: {event.reason}{remedy}"
    if isinstance(event, FootageOrdered) and event.failed_before:
        first, more = event.failed_before[0].name, len(event.failed_before) - 1
        which = f"{first} and {more} more" if more else first
        return f"{which} failed before, unchanged. To read again: queue --retry-failed"
    if isinstance(event, QueuePaused):
        waiting = _count(event.waiting, "video")
        return f"The queue is paused; waiting: {waiting}. Resume it with: queue --go-on"
    if isinstance(event, VideoFailed):
        return f"{event.path.name} failed: {event.error}"
    return ""


def _count(number: int, one: str) -> str:
    return f"{number} {one if number == 1 else one + 's'}"


def _duration(seconds: float) -> str:
    """A length for people, ``h:mm:ss``."""
    return format_offset(round(seconds)).partition(".")[0]

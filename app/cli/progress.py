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
from app.language import sentences, tr, trn
from app.services.check import CheckEvent, Looking
from app.services.ingest.untangle_library import UntangleProgress
from app.services.networks.download import transfer_text
from app.services.networks.installation import Checking, Installed, InstallEvent
from app.services.search.reembed import ReembedProgress
from app.settings import is_bundled

_QUIET_S = 10.0
_AGAIN_REMEDY = tr("Add --again to analyse it again.")


def follow_ingest(events: Iterator[IngestEvent]) -> IngestSummary:
    """Runs the job to its end; the events are shown on stderr.

    Closes the job whatever happens, so that Ctrl-C stops its threads.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    summary: IngestSummary | None = None
    close = getattr(events, "close", None)
    try:
        with console.status(tr("Starting")) as status:
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
    with console.status(tr("Loading the embedder")) as status:
        for event in events:
            if not event.total:
                continue
            parts = [tr("{done} of {total} sightings", done=event.done, total=event.total)]
            if event.per_s is not None:
                parts.append(tr("{count:.3g} a second", count=event.per_s))
            if event.eta_s is not None:
                parts.append(tr("{duration} left", duration=format_offset(event.eta_s)))
            status.update(" · ".join(parts))
    console.print(
        tr(
            "{total} sightings now have vectors of {embedder}.",
            total=event.total,
            embedder=event.embedder_id,
        )
    )


def follow_check(events: Iterator[CheckEvent]) -> int:
    """Runs a check to its end; what was found is shown on stdout. Returns what damage is left."""
    console, answers = Console(stderr=True, highlight=False), Console(highlight=False)
    found = left = 0
    with console.status(tr("Starting")) as status:
        for event in events:
            if isinstance(event, Looking):
                status.update(escape(event.step))
                continue
            found, left = found + 1, left + (not event.is_repaired)
            said = (
                tr("repaired")
                if event.is_repaired
                else event.remedy or tr("add --repair to repair it")
            )
            answers.print(escape(f"{event.what} ({said})"), soft_wrap=True)
    if not found:
        answers.print(tr("No damage was found."))
    return left


def follow_untangling(events: Iterator[UntangleProgress]) -> None:
    """Runs it to its end; how it goes is shown on stderr."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with console.status(tr("Loading the embedder")) as status:
        for event in events:
            status.update(tr("{done} of {total} sightings", done=event.done, total=event.total))
    if event.replaced:
        text = tr(
            "{replaced} of {total} sightings were mixed or divided; they are now {made}.",
            replaced=event.replaced,
            total=event.total,
            made=event.made,
        )
    else:
        text = trn(
            "Nothing to untangle in {count} sighting.",
            "Nothing to untangle in {count} sightings.",
            event.total,
        )
    console.print(text)


def follow_install(events: Iterator[InstallEvent]) -> Installed:
    """Runs an installation to its end; how it goes is shown on stderr."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    installed: Installed | None = None
    with console.status(tr("Starting")) as status:
        last_line = time.monotonic()
        for event in events:
            if isinstance(event, Installed):
                installed = event
                continue
            line = (
                tr("Checking {name}", name=event.name)
                if isinstance(event, Checking)
                else transfer_text(event)
            )
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
        parts.append(
            tr("{share:.0%} of {duration}", share=share, duration=_duration(progress.total_s))
        )
    parts.append(_sightings(progress.people))
    if progress.times_real_time is not None:
        parts.append(tr("{factor:.1f}× real time", factor=progress.times_real_time))
    if progress.eta_s is not None:
        parts.append(tr("{duration} left", duration=_duration(progress.eta_s)))
    return " · ".join([*parts, progress.step])


def describe_summary(summary: IngestSummary) -> str:
    """The last line of an ingest."""
    parts = [
        trn("{count} video done", "{count} videos done", summary.done),
        _sightings(summary.people),
    ]
    if summary.skipped:
        parts.append(tr("{count} not read again", count=summary.skipped))
    if summary.failed:
        parts.append(tr("{count} failed", count=len(summary.failed)))
    if summary.partial:
        parts.append(tr("{count} partial", count=len(summary.partial)))
    if summary.excluded:
        parts.append(tr("{count} excluded (see list)", count=len(summary.excluded)))
    if summary.elapsed_s > 0 and summary.footage_s > 0:
        parts.append(tr("{factor:.1f}× real time", factor=summary.footage_s / summary.elapsed_s))
    return " · ".join(parts)


def _describe(event: IngestEvent) -> str:
    if isinstance(event, NetworksChosen):
        names = (event.detector.path, event.embedder.path)
        said = [
            tr("{file} (bundled)", file=path.name) if is_bundled(path) else path.name
            for path in names
        ]
        text = tr("Networks: {detector} and {embedder}.", detector=said[0], embedder=said[1])
        if event.note:
            where = tr("See: {program} models", program=command_name())
            text = sentences(text, event.note, where)
        return text
    if isinstance(event, VideoStarted):
        text = f"{event.camera}: {event.path.name}"
        if event.resumed_s:
            return tr(
                "{video}, continued at {time}", video=text, time=format_offset(event.resumed_s)
            )
        return text
    if isinstance(event, VideoFinished):
        sightings = _sightings(event.people)
        if event.problem:
            return "  " + tr(
                "done, {sightings} (partial: {problem})", sightings=sightings, problem=event.problem
            )
        return "  " + tr("done, {sightings}", sightings=sightings)
    if isinstance(event, VideoSkipped):
        # What is simply stored is counted in the last line.
        why = sentences(event.reason, _AGAIN_REMEDY if event.differs else "")
        return f"{event.path.name}: {why}" if why else ""
    if isinstance(event, FootageOrdered) and event.failed_before:
        first, more = event.failed_before[0].name, len(event.failed_before) - 1
        which = tr("{name} and {count} more", name=first, count=more) if more else first
        return tr(
            "{videos} failed before, unchanged. To read again: queue --retry-failed", videos=which
        )
    if isinstance(event, QueuePaused):
        return trn(
            "The queue is paused; waiting: {count} video. Resume it with: queue --go-on",
            "The queue is paused; waiting: {count} videos. Resume it with: queue --go-on",
            event.waiting,
        )
    if isinstance(event, VideoFailed):
        return tr("{name} failed: {error}", name=event.path.name, error=event.error)
    return ""


def _sightings(count: int) -> str:
    return trn("{count} sighting", "{count} sightings", count)


def _duration(seconds: float) -> str:
    """A length for people, ``h:mm:ss``."""
    return format_offset(round(seconds)).partition(".")[0]

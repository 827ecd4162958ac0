"""New recordings in a folder, as they arrive."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from watchfiles import Change, watch

from app.core.errors import UsageError
from app.core.frame_names import IMAGE_SUFFIXES
from app.services.sources import VIDEO_SUFFIXES

RESCAN_S = 60.0
"""Shares of other computers tell of no changes: folders are looked through so often anyway."""
_BEAT_MS = 200


def changes(folders: list[Path]) -> Iterator[set[Path]]:
    """Which of the folders may hold something new; empty sets in between, every 0.2 s.

    All of them come first, and once a minute; else those in which footage was written.

    Raises:
        UsageError: one of the folders is gone.
    """
    yield set(folders)
    looked_s = time.monotonic()
    stop = threading.Event()
    try:
        for changed in watch(
            *folders,
            watch_filter=_is_footage,
            stop_event=stop,
            rust_timeout=_BEAT_MS,
            yield_on_timeout=True,
            raise_interrupt=True,
        ):
            if time.monotonic() - looked_s >= RESCAN_S:
                looked_s = time.monotonic()
                yield set(folders)
                continue
            paths = [Path(path) for _, path in changed]
            yield {each for each in folders if any(path.is_relative_to(each) for path in paths)}
    except FileNotFoundError as error:
        raise UsageError(
            f"{', '.join(map(str, folders))} cannot be watched: {error.strerror or error}.",
            "Check that the folder is there.",
        ) from error
    finally:
        stop.set()


def _is_footage(change: Change, path: str) -> bool:
    suffix = Path(path).suffix.lower()
    return change is not Change.deleted and (suffix in VIDEO_SUFFIXES or suffix in IMAGE_SUFFIXES)

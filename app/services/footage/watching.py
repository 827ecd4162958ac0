"""New recordings in a folder, as they arrive."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from watchfiles import Change, watch

from app.core.frame_names import IMAGE_SUFFIXES
from app.services.footage.sources import VIDEO_SUFFIXES

logger = logging.getLogger(__name__)

RESCAN_S = 60.0
"""Shares of other computers tell of no changes: folders are looked through so often anyway."""
_BEAT_MS = 200


def changes(folders: Sequence[Path]) -> Iterator[set[Path]]:
    """Which of the folders may hold something new; empty sets in between, every 0.2 s.

    All of them come first, and once a minute; else those in which footage was written. A folder
    that is out of reach for a while is looked through again within a minute of its return.
    """
    yield set(folders)
    looked_s = time.monotonic()
    for changed in _written(folders):
        if time.monotonic() - looked_s >= RESCAN_S:
            looked_s = time.monotonic()
            yield set(folders)
        else:
            yield {each for each in folders if any(path.is_relative_to(each) for path in changed)}


def _written(folders: Sequence[Path]) -> Iterator[set[Path]]:
    """Footage that the system says was written; at least every 0.2 s."""
    stop = threading.Event()
    there = [folder for folder in folders if folder.is_dir()]
    try:
        if there:
            for changed in watch(
                *there,
                watch_filter=_is_footage,
                stop_event=stop,
                rust_timeout=_BEAT_MS,
                yield_on_timeout=True,
                raise_interrupt=True,
            ):
                yield {Path(path) for _, path in changed}
    except OSError as error:  # more folders than the system watches; or one is gone
        logger.warning("the system does not tell of changes: %s", error)
    finally:
        stop.set()
    while True:
        time.sleep(_BEAT_MS / 1000)
        yield set()


def _is_footage(change: Change, path: str) -> bool:
    suffix = Path(path).suffix.lower()
    return change is not Change.deleted and (suffix in VIDEO_SUFFIXES or suffix in IMAGE_SUFFIXES)

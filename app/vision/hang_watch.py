"""Ends a process that neither answers nor reads."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

# A process that waits for its disk, or that somebody has stopped, is not to blame.
_WAITING = frozenset({psutil.STATUS_DISK_SLEEP, psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer may take.

    Attributes:
        quiet_s: without reading a byte; time spent waiting for a disk or a network does not count.
        longest_s: in any case: a decoder may read the same bytes over and over.
        look_s: how often the process is looked at.
    """

    quiet_s: float = 60.0
    longest_s: float = 900.0
    look_s: float = 5.0


class HangWatch:
    """Watches a process in a thread of its own, between `begin` and `end`.

    Args:
        process: is killed if it hangs.
        patience: when it does.

    Attributes:
        has_hung: whether it was killed.
    """

    def __init__(self, process: subprocess.Popen[bytes], patience: Patience) -> None:
        self._process = process
        self._patience = patience
        self._asked_s: float | None = None
        self._ended = threading.Event()
        self.has_hung = False

    def begin(self) -> None:
        """Starts to watch."""
        self._ended = threading.Event()
        arguments = (self._ended,)
        threading.Thread(target=self._watch, args=arguments, name="hang-watch", daemon=True).start()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """The body waits for an answer."""
        self._asked_s = time.monotonic()
        try:
            yield
        finally:
            self._asked_s = None

    def waits_longer_than(self, seconds: float) -> bool:
        """Whether an answer has been waited for so long."""
        asked_s = self._asked_s
        return asked_s is not None and time.monotonic() - asked_s > seconds

    def end(self) -> None:
        """Stops watching."""
        self._ended.set()

    def _watch(self, ended: threading.Event) -> None:
        # In looks, not by the clock: the program, or the computer, may have slept.
        patience, look_s = self._patience, self._patience.look_s
        read, question, waited, quiet = -1, -1.0, 0, 0
        while not ended.wait(look_s):
            since = self._asked_s
            if since is None:
                continue
            if since != question:
                question, waited, quiet, read = since, 0, 0, -1
            total = self._bytes_read()
            waited += 1
            quiet = 0 if total is None or total != read else quiet + 1
            read = -1 if total is None else total
            if quiet * look_s > patience.quiet_s or waited * look_s > patience.longest_s:
                self.has_hung = True
                self._process.kill()
                return

    def _bytes_read(self) -> int | None:
        """So far, whether from a disk or a cache; None where it is waiting or cannot be known."""
        try:
            process = psutil.Process(self._process.pid)
            if process.status() in _WAITING:
                return None
            counters = process.io_counters()  # not on macOS
        except (psutil.Error, AttributeError):
            return None
        return int(getattr(counters, "read_chars", counters.read_bytes))

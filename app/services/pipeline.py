"""Threads joined by bounded queues: the slowest one sets the pace, memory stays bounded."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
E = TypeVar("E")

# A generator that is silent for longer than 0.3 s cannot be cancelled in time.
BEAT_S = 0.2

# How soon a waiting thread notices that the work was stopped.
_POLL_S = 0.05


class StoppedError(Exception):
    """The work was cancelled while a stage waited. Never leaves the pipeline."""


class Channel(Generic[T]):
    """A bounded queue whose two ends give up as soon as `stop` is set.

    Args:
        size: how many items may wait.
        stop: set by whoever cancels the work.
    """

    def __init__(self, size: int, stop: threading.Event) -> None:
        self._queue: queue.Queue[T] = queue.Queue(size)
        self._stop = stop

    def put(self, item: T) -> None:
        """Waits for room.

        Raises:
            StoppedError: the work was cancelled.
        """
        while not self._stop.is_set():
            try:
                return self._queue.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
        raise StoppedError

    def get(self, timeout_s: float | None = None) -> T | None:
        """The next item, or None if none came within the time.

        Raises:
            StoppedError: the work was cancelled.
        """
        waited_s = 0.0
        while not self._stop.is_set():
            step_s = _POLL_S if timeout_s is None else min(_POLL_S, timeout_s - waited_s)
            try:
                return self._queue.get(timeout=max(step_s, 0.001))
            except queue.Empty:
                waited_s += step_s
                if timeout_s is not None and waited_s >= timeout_s:
                    return None
        raise StoppedError


class Stage(threading.Thread):
    """One thread of a pipeline; it keeps the error that ended it.

    Args:
        name: shown in thread lists.
        work: runs to its end, or raises; `StoppedError` ends it quietly.
        failed: called with the error, in this thread.
    """

    def __init__(
        self, name: str, work: Callable[[], None], failed: Callable[[BaseException], None]
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._failed = failed

    def run(self) -> None:
        """Runs the work."""
        try:
            self._work()
        except StoppedError:
            return
        except BaseException as error:  # noqa: BLE001 - raised again in the generator's thread
            self._failed(error)


class BackgroundCall(threading.Thread):
    """The thread of `in_background`."""


def paced(steps: Generator[None, None, R], beat: Callable[[], E]) -> Generator[E, None, R]:
    """Runs small steps one after the other; yields what `beat` returns every `BEAT_S`.

    Returns:
        What the steps returned.
    """
    last_beat = time.monotonic()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: R = end.value
            return result
        if time.monotonic() - last_beat >= BEAT_S:
            last_beat = time.monotonic()
            yield beat()


def is_any_running() -> bool:
    """Whether a stage or a call in the background has not come to its end yet."""
    return any(isinstance(each, Stage | BackgroundCall) for each in threading.enumerate())


def in_background(work: Callable[[], R], beat: Callable[[], E]) -> Generator[E, None, R]:
    """Runs `work` in a thread of its own and yields what `beat` returns until it is through.

    It yields every `BEAT_S`. For calls that cannot be interrupted (loading a network): closing the
    generator leaves the call to itself, so that Cancel does not wait for it.

    Returns:
        What `work` returned; its exception is raised here.
    """
    results: queue.Queue[tuple[R | None, BaseException | None]] = queue.Queue()

    def run() -> None:
        try:
            results.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            results.put((None, error))

    BackgroundCall(target=run, name="background-call", daemon=True).start()
    while True:
        try:
            value, error = results.get(timeout=BEAT_S)
        except queue.Empty:
            yield beat()
            continue
        if error is not None:
            raise error
        return value  # type: ignore[return-value]  # None only where R admits it

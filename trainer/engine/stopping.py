"""When a training stops before its end: SIGTERM, Ctrl-C, or so many minutes."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType

OUT_OF_TIME = 3


class StopRequest:
    """Remembers that somebody wants an end; the loop asks after each step.

    A second signal of the same kind acts at once, as it would without this.

    Attributes:
        status: 130 after Ctrl-C, 143 after SIGTERM, 3 once the time is up, 0 before.
    """

    def __init__(self, minutes: float = 0.0) -> None:
        """Starts the clock.

        Args:
            minutes: after which the training is to stop; 0: never.
        """
        self._end = time.monotonic() + 60 * minutes if minutes else None
        self._signalled = 0
        self._usual: dict[int, signal.Handlers | int | None] = {}

    @property
    def status(self) -> int:
        """With which exit status to stop; 0: go on."""
        if self._signalled:
            return self._signalled
        return OUT_OF_TIME if self._end is not None and time.monotonic() >= self._end else 0

    def __enter__(self) -> StopRequest:
        # Python hands signals to the main thread only.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._usual[number] = signal.signal(number, self._note)  # type: ignore[assignment]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._usual.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signalled = 128 + number
        signal.signal(number, self._usual[number])

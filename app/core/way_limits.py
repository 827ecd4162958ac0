"""What a user said of a way: how long people take between two cameras at least and at most."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass

from app.core.camera_clock import parse_offset
from app.core.errors import UsageError
from app.language import tr


@dataclass(frozen=True, slots=True)
class WayLimits:
    """Seconds from the end of one sighting to the beginning of the other, in either direction.

    Attributes:
        min_s: nobody is faster; 0: both cameras may see somebody at once. None: not said.
        max_s: nobody is slower. None: not said.
    """

    min_s: float | None = None
    max_s: float | None = None

    @property
    def span_s(self) -> tuple[float, float]:
        """Both ends, also where nothing was said."""
        return (
            -math.inf if self.min_s is None else self.min_s,
            math.inf if self.max_s is None else self.max_s,
        )


LimitsOfWays = dict[frozenset[int], WayLimits]
"""By the ids of both cameras."""


def parse_limit(text: str) -> float | None:
    """Reads a time between two cameras; None for ``-`` or nothing.

    Raises:
        UsageError: it is no such time.
    """
    if text.strip() in ("", "-"):
        return None
    with suppress(UsageError):
        seconds = parse_offset(text)
        if seconds >= 0:
            return seconds
    raise UsageError(
        tr('"{text}" is not a time between two cameras.', text=text),
        tr("Write it like 90, 1:30 or 1:00:00, or - for none."),
    )

"""What a user said of a way: how long people take between two cameras at least and at most."""

from __future__ import annotations

import math
from dataclasses import dataclass


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

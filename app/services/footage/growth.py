"""Whether a file is still being written: a recorder's newest one is waited for."""

from __future__ import annotations

import time

from app.services.footage.sources import SourceFile, fingerprint

SETTLED_S = 5.0
"""A file that has not changed for so long is taken to be whole."""


class Growth:
    """Remembers how files looked, since a recorder's clock need not agree with ours."""

    def __init__(self) -> None:
        self._seen: dict[SourceFile, tuple[tuple[int, int], float]] = {}

    def is_settled(self, source: SourceFile) -> bool:
        """Whether nothing was written to it lately; true of what is gone."""
        now_s = time.monotonic()
        current = fingerprint(source)
        age_s = time.time() - current[1] / 1e9
        if age_s >= SETTLED_S:
            return True
        before, since_s = self._seen.setdefault(source, (current, now_s))
        if before != current:
            self._seen[source] = (current, now_s)
            return False
        return now_s - since_s >= SETTLED_S

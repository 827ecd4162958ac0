"""Names in the order people expect: cam2 before cam10."""

from __future__ import annotations

import re


def natural_key(text: str) -> tuple[tuple[str | int, ...], str]:
    """Sort key that compares runs of digits as numbers and ignores case."""
    parts = re.split(r"(\d+)", text.casefold())  # text and digits take turns
    return tuple(int(part) if turn % 2 else part for turn, part in enumerate(parts)), text

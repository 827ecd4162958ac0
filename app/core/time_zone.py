"""Which time zone this computer is set to, as an IANA name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LOCALTIME = Path("/etc/localtime")
_TIMEZONE = Path("/etc/timezone")


def system_zone() -> ZoneInfo:
    """The system's zone; UTC where it is not told by an IANA name (Windows, for one)."""
    for name in _candidates():
        zone = zone_named(name)
        if zone is not None:
            return zone
    return ZoneInfo("UTC")


def zone_named(name: str) -> ZoneInfo | None:
    """The zone of an IANA name, or None where this computer knows none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # unknown, or no name at all
        return None


def _candidates() -> Iterator[str]:
    variable = os.environ.get("TZ", "").removeprefix(":")
    if variable:
        yield _name_of(Path(variable)) if variable.startswith("/") else variable
    if _LOCALTIME.is_symlink():
        yield _name_of(_LOCALTIME.resolve())
    if _TIMEZONE.is_file():
        yield _TIMEZONE.read_text(encoding="utf-8", errors="replace").strip()


def _name_of(file: Path) -> str:
    """`…/zoneinfo/Europe/Berlin` → `Europe/Berlin`; empty where the path holds no name."""
    parts = file.parts
    if "zoneinfo" not in parts:
        return ""
    named = parts[parts.index("zoneinfo") + 1 :]
    return "/".join(named[1:] if named[:1] in (("posix",), ("right",)) else named)

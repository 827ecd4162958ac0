"""What the window remembers between runs: libraries opened lately, and where its parts stood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QSettings

from app.settings import user_config_dir

RECENT_LIBRARIES = 10
_RECENT, _FOOTAGE, _LAST = "recent", "footage", "last"
_GEOMETRY, _LAYOUT = "geometry", "layout"


class WindowState:
    """A file beside ``settings.toml``; it may be deleted at any time.

    Args:
        path: the file; by default in the user's configuration folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        path = path or user_config_dir() / "window.ini"
        self._store = QSettings(str(path), QSettings.Format.IniFormat)

    def recent(self) -> list[Path]:
        """Libraries opened lately, the last one first."""
        value = self._store.value(_RECENT, [])
        if isinstance(value, str):  # how a list of one comes back
            return [Path(value)]
        return [Path(text) for text in value] if isinstance(value, list) else []

    def remember(self, library: Path) -> None:
        """Puts a library first."""
        others = [path for path in self.recent() if path != library]
        self._keep([library, *others][:RECENT_LIBRARIES])

    def forget(self, library: Path) -> None:
        """Takes a library off the list."""
        self._keep([path for path in self.recent() if path != library])

    def _keep(self, libraries: list[Path]) -> None:
        self._store.setValue(_RECENT, [str(path) for path in libraries])

    def last(self, library: Path) -> dict[str, Any]:
        """What was looked at in a library when it was closed, as `keep_last` was given it."""
        return self._all_last().get(str(library), {})

    def keep_last(self, library: Path, looked_at: dict[str, Any]) -> None:
        """Remembers what is looked at in a library, in JSON's types."""
        kept = self._all_last() | {str(library): looked_at}
        known = {str(path) for path in self.recent()}
        kept = {path: each for path, each in kept.items() if path in known}
        self._store.setValue(_LAST, json.dumps(kept))
        self._store.sync()

    def _all_last(self) -> dict[str, dict[str, Any]]:
        try:
            value = json.loads(str(self._store.value(_LAST, "")))
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def footage_folder(self) -> Path:
        """Where footage was chosen last; the user's home where that is no longer there."""
        folder = Path(str(self._store.value(_FOOTAGE, "")) or Path.home())
        return folder if folder.is_dir() else Path.home()

    def keep_footage_folder(self, folder: Path) -> None:
        """Remembers where footage was chosen."""
        self._store.setValue(_FOOTAGE, str(folder))

    def geometry(self) -> QByteArray | None:
        """Where the window stood."""
        return self._bytes(_GEOMETRY)

    def layout(self) -> QByteArray | None:
        """Where its docks stood."""
        return self._bytes(_LAYOUT)

    def keep_window(self, geometry: QByteArray, layout: QByteArray) -> None:
        """Remembers both."""
        self._store.setValue(_GEOMETRY, geometry)
        self._store.setValue(_LAYOUT, layout)
        self._store.sync()

    def forget_window(self) -> None:
        """The next window stands as it would on the first day."""
        self._store.remove(_GEOMETRY)
        self._store.remove(_LAYOUT)

    def _bytes(self, key: str) -> QByteArray | None:
        value = self._store.value(key)
        return value if isinstance(value, QByteArray) and not value.isEmpty() else None

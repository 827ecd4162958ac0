"""Remembers in the settings file what the user chose in the window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import QStatusBar

from app.core.errors import SettingsError
from app.settings import load_settings, save_settings

_SHOWN_MS = 8000


def keep_preferences(bar: QStatusBar, **values: Any) -> None:
    """Replaces values of the settings; if they cannot be written, the status bar says so."""
    try:
        # Read again: another program may have changed the file since the start.
        save_settings(replace(load_settings(), **values))
    except SettingsError as error:
        bar.showMessage(str(error), _SHOWN_MS)

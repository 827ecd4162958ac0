"""Where the window's troubles are written down, for whoever is asked to mend them."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from app.settings import user_log_dir

LOG_NAME = "retrace.log"
_MAX_BYTES = 1 << 20
_OLDER_FILES = 3

logger = logging.getLogger(__name__)


def keep_log() -> logging.Handler | None:
    """Writes warnings and errors into a file as well, until the handler is taken off again.

    Returns:
        The handler, or None where no file can be written: the program goes on without.
    """
    path = user_log_dir() / LOG_NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            path, maxBytes=_MAX_BYTES, backupCount=_OLDER_FILES, encoding="utf-8", delay=True
        )
    except OSError as error:
        logger.warning("No log is kept in %s: %s", path.parent, error)
        return None
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    return handler


def open_log_folder() -> Path:
    """Shows the folder of the log in the desktop's file manager; returns it."""
    folder = user_log_dir()
    folder.mkdir(parents=True, exist_ok=True)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
    return folder

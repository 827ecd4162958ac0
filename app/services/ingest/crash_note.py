"""Which video was being read when the program crashed."""

from __future__ import annotations

import faulthandler
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.library_files import CRASH_NOTE


class CrashNote:
    """A file in the library that a crash leaves behind, with where in the code it was.

    A kill and a power cut are no crash: they say nothing of the video that was being read.

    Args:
        folder: the library's.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / CRASH_NOTE

    def take(self) -> int | None:
        """The video at which an earlier run crashed, said once; None if it did not."""
        try:
            text = self._path.read_text("utf-8", "replace")
        except FileNotFoundError:
            return None
        self._path.unlink(missing_ok=True)
        told = re.match(r"video (\d+)\n.", text)
        return int(told[1]) if told else None

    @contextmanager
    def about(self, video_id: int) -> Iterator[None]:
        """While in here, a crash is noted as one at this video."""
        try:
            file = self._path.open("w", encoding="utf-8")
        except OSError:  # a full disk is told by what is stored there
            yield
            return
        was_enabled = faulthandler.is_enabled()
        try:
            with file:
                file.write(f"video {video_id}\n")
                file.flush()
                faulthandler.enable(file)
                try:
                    yield
                finally:
                    faulthandler.disable()
        finally:
            if was_enabled:
                faulthandler.enable()
            self._path.unlink(missing_ok=True)

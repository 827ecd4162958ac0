"""What a library consists of on disk: a folder with these in it."""

from __future__ import annotations

from pathlib import Path

DATABASE = "library.sqlite"
LOCK = "library.lock"
# Says which computer has the library open.
HOST = "library.host"
# What a crash of the decoder or a network leaves; it is read at the next ingest.
CRASH_NOTE = "crash.txt"
# A folder for each video, with JPEG files.
CROPS = "crops"


def is_library(folder: Path) -> bool:
    """Whether the folder holds a library; it may be of any version, or damaged."""
    return (folder / DATABASE).is_file()

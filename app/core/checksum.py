"""SHA-256 of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

_BLOCK_BYTES = 1 << 20


def sha256_of(*paths: Path) -> str:
    """Of the files, one after the other; hexadecimal. Raises OSError."""
    found = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                found.update(block)
    return found.hexdigest()

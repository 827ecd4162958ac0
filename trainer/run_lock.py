"""Keeps the folder of a run to one training at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from trainer.errors import TrainerError

LOCK_NAME = "run.lock"


@contextmanager
def sole_training(folder: Path) -> Iterator[None]:
    """Within the block, no other training can use the folder; the system frees it of a killed one.

    Of processes that train together, the first holds it for all. The folder is made, and taken
    away again if nothing came into it.

    Args:
        folder: of the run.

    Raises:
        TrainerError: another training holds it, or it cannot be written.
    """
    if int(os.environ.get("RANK", "0")):
        yield
        return
    is_new, lock = not folder.exists(), FileLock(folder / LOCK_NAME, timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise TrainerError(
            f"Another training is running in {folder}.",
            "Wait for its end or stop it, or choose another folder with --out.",
        ) from None
    except OSError as error:
        raise TrainerError(
            f"The run folder {folder} cannot be written: {error.strerror or error}.",
            "Choose another with --out.",
        ) from error
    try:
        yield
    finally:
        lock.release()
        if is_new:
            _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        if [path.name for path in folder.iterdir()] == [LOCK_NAME]:
            (folder / LOCK_NAME).unlink()
            folder.rmdir()

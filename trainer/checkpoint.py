"""Checkpoints: everything that a training needs to go on as if it had never stopped.

Tensors, numbers and texts only; no code in a file is ever run. A file is whole or not there.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.errors import TrainerError

_LOG = logging.getLogger(__name__)
FORMAT_VERSION = 1
BEST = "best.pt"


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint after so many steps stands; the newest has the most."""
    return folder / f"step-{step:09d}.pt"


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Writes a checkpoint; an interruption at any moment leaves the older ones usable.

    Args:
        path: where; see `checkpoint_path`.
        content: nested dictionaries and lists of tensors, numbers and texts.

    Raises:
        TrainerError: it cannot be written.
    """
    partial = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            torch.save({"format_version": FORMAT_VERSION, **content}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        # torch's writer turns a full disk into the second, in words that help nobody.
        reason = getattr(error, "strerror", None) or "the disk is full, or fails"
        raise TrainerError(
            f"The checkpoint {path} cannot be written: {reason}.",
            "Make room on the disk, then go on with --resume auto; older checkpoints are intact.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, on the processor.

    Raises:
        TrainerError: missing, torn, changed, or no checkpoint of this program.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            torn = archive.testzip()
    except FileNotFoundError:
        raise TrainerError(f"There is no checkpoint {path}.", "Check the path.") from None
    except (OSError, zipfile.BadZipFile) as error:
        raise _unusable(path, "is torn, or no checkpoint") from error
    if torn is not None:
        raise _unusable(path, "is damaged")
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # A foreign file fails in as many ways as there are programs that write such files.
        raise _unusable(path, "is no checkpoint of this program") from error
    if not isinstance(content, dict) or content.get("format_version") != FORMAT_VERSION:
        raise _unusable(path, "is no checkpoint of this version of the program")
    return content


def checkpoints(folder: Path) -> list[Path]:
    """All checkpoints of a run but the best, the newest first."""
    return sorted(folder.glob("step-*.pt"), reverse=True)


def newest_checkpoint(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint that can be read, and its content; None where there is none at all.

    Those that cannot be read are logged as warnings, and passed over.

    Raises:
        TrainerError: there are some, but none can be read.
    """
    found = checkpoints(folder)
    for path in found:
        try:
            return path, read_checkpoint(path)
        except TrainerError as error:
            _LOG.warning("%s The one before it is taken.", error.message)
    if found:
        raise TrainerError(
            f"No checkpoint in {folder} can be read.", "Delete the run's folder and start again."
        )
    return None


def prune_checkpoints(folder: Path, keep: int) -> None:
    """Deletes all but the newest ones, and halves that a killed process left; the best stays."""
    for path in checkpoints(folder)[keep:]:
        path.unlink()
    for partial in folder.glob("step-*.part"):
        partial.unlink()


def mark_best(path: Path) -> None:
    """Keeps a checkpoint as the best, however many follow."""
    partial = path.with_name(f"{BEST}.part")
    partial.unlink(missing_ok=True)
    try:
        os.link(path, partial)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, partial)
    partial.replace(path.with_name(BEST))


def random_states(device: torch.device) -> dict[str, Any]:
    """The states of all global random generators of this process."""
    # Libraries draw from NumPy's global generator too, so its state counts.
    legacy: Any = np.random.get_state(legacy=True)  # noqa: NPY002
    name, keys, place, has_gauss, gauss = legacy
    return {
        "python": random.getstate(),
        "numpy": (name, torch.from_numpy(keys.astype(np.int64)), place, has_gauss, gauss),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def restore_random_states(states: dict[str, Any], device: torch.device) -> None:
    """Puts the global random generators where they were."""
    random.setstate(states["python"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if states["cuda"] is not None and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)


def _sync_folder(folder: Path) -> None:
    """Makes the renaming itself last; systems that cannot open a folder do it on their own."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unusable(path: Path, problem: str) -> TrainerError:
    return TrainerError(
        f"The checkpoint {path} {problem}.", "Delete it; the one before it is then taken."
    )

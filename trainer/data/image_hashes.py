"""Hashes of image files: the same file is known under any name and in any folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reid_models.image_hashes import HASH_BYTES, Hashes
from trainer.data.samples import Sample
from trainer.errors import TrainerError


def hash_images(samples: Sequence[Sample]) -> Hashes:
    """BLAKE2b of each image's file, (n,); a picture that was saved again is another one.

    Raises:
        TrainerError: a file cannot be read.
    """
    return np.fromiter((_hash(sample.path) for sample in samples), np.uint64, len(samples))


def write_hashes(path: Path, samples: Sequence[Sample], hashes: Hashes) -> None:
    """Writes a line for each image: its hash, hexadecimal, and its file."""
    lines = (
        f"{value:016x} {sample.path}\n"
        for value, sample in zip(hashes.tolist(), samples, strict=True)
    )
    path.write_text("".join(lines), encoding="utf-8")


def read_hashes(path: Path) -> Hashes:
    """The hashes of a file that `write_hashes` wrote, (n,).

    Raises:
        TrainerError: it is no such file.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return np.array([int(line.split(" ", 1)[0], 16) for line in lines], np.uint64)
    except (OSError, ValueError, OverflowError) as error:
        raise TrainerError(
            f"{path} cannot be read as hashes of training images: {error}.",
            "Restore it, or remove it; the model file's card has a sample of them.",
        ) from error


def _hash(path: Path) -> int:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrainerError(
            f"The image {path} cannot be read: {error.strerror}.",
            "Restore it; `python -m trainer datasets doctor` lists all such files of a folder.",
        ) from error
    return int.from_bytes(hashlib.blake2b(content, digest_size=HASH_BYTES).digest(), "little")

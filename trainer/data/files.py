"""Files of data sets: listed in one order on every system, read with clear errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from trainer.errors import TrainerError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def image_files(folder: Path) -> list[Path]:
    """The image files right in a folder, sorted by name; hidden files are not looked at.

    Raises:
        TrainerError: there is no such folder.
    """
    if not folder.is_dir():
        raise TrainerError(
            f"The folder {folder} is missing.", "Restore it as the data set was published."
        )
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )


def read_lines(path: Path) -> list[list[str]]:
    """The words of each line of a list file; empty lines are skipped.

    Raises:
        TrainerError: the file is missing or is not text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainerError(
            f"The list {path} cannot be read: {error}.", "Restore it as the data set came with it."
        ) from error
    return [words for line in text.splitlines() if (words := line.split())]


def list_rows(path: Path, columns: int) -> list[list[str]]:
    """`read_lines` of a list in which each line has at least `columns` words.

    Raises:
        TrainerError: the file is missing, is not text, or a line is too short.
    """
    rows = read_lines(path)
    for number, words in enumerate(rows, 1):
        if len(words) < columns:
            raise TrainerError(
                f"Line {number} of {path} has {len(words)} columns instead of {columns}.",
                "Restore the file as the data set came with it.",
            )
    return rows


def read_image(path: Path) -> NDArray[np.uint8]:
    """The pixels of an image file, RGB uint8 (h, w, 3), as the application reads pictures.

    They are upright as the EXIF says, and of colours or greys of 16 bits the upper 8 are taken.

    Raises:
        TrainerError: the file is missing, cut, no image, or has 32 bits a value.
    """
    try:
        with Image.open(path) as image:
            # Pillow before version 11 opens 16-bit grey PNG files as "I".
            deep = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
            if image.mode in ("I", "F") and not deep:
                raise ValueError("it has 32 bits a value, and nothing says which of them is white")
            ImageOps.exif_transpose(image, in_place=True)
            if deep:  # `convert` would make white of all above 255
                grey = (np.asarray(image) >> 8).astype(np.uint8)
                return np.repeat(grey[..., None], 3, axis=2)
            return np.asarray(image.convert("RGB"))
    # Pillow's decoders raise any of these on broken files, depending on the format.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise TrainerError(
            f"The image {path} cannot be read: {error}.",
            "Restore it; `python -m trainer datasets doctor` lists all such files of a folder.",
        ) from error

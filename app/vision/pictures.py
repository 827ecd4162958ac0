"""Picture files that a user names."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from app.core.entities import Image
from app.core.errors import NotFoundError, UsageError
from app.language import tr


def read_picture(path: Path) -> Image:
    """Reads a picture: RGB uint8 (H, W, 3), upright as its EXIF says.

    Raises:
        NotFoundError: there is no such file.
        UsageError: the file is no picture, or may not be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(
            tr("There is no file {path}.", path=path), tr("Check the path.")
        ) from error
    except OSError as error:
        raise UsageError(
            tr("{path} cannot be read: {reason}.", path=path, reason=error.strerror),
            tr("Check the file."),
        ) from error
    # Not `imread`: on Windows it cannot open paths that are not ASCII; nor an empty buffer, which
    # `imdecode` answers with an assertion.
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if pixels is None:
        raise UsageError(
            tr("{path} is not a picture that can be read.", path=path),
            tr("Name a JPEG, PNG, BMP, TIFF or WebP file."),
        )
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)

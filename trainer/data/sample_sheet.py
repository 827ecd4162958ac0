"""A picture of augmented batches, to see early what a network will be shown."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.training_set import Batch

_MARGIN_PX = 4
_LABEL_PX = 14


def sample_sheet(
    batch: Batch, mean: Sequence[float], std: Sequence[float], images: int = 32, columns: int = 8
) -> NDArray[np.uint8]:
    """The first images of a batch in rows, with identity (i), camera (c) and view (v) above each.

    Args:
        batch: as a network is shown it.
        mean: with which it was normalised, red, green, blue.
        std: likewise.
        images: how many at most.
        columns: how many in a row; a multiple of the sampler's K keeps groups together.

    Returns:
        RGB uint8 (height, width, 3).
    """
    centre, spread = (np.array(each, np.float32)[:, None, None] for each in (mean, std))
    values = batch.images[:images].cpu().numpy() * spread + centre  # (n, 3, H, W)
    pixels = np.clip(np.rint(values * 255), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    count, height, width = pixels.shape[:3]
    columns = min(columns, count)
    rows = -(-count // columns)
    step_y, step_x = height + _LABEL_PX + _MARGIN_PX, width + _MARGIN_PX
    sheet = np.full((rows * step_y + _MARGIN_PX, columns * step_x + _MARGIN_PX, 3), 255, np.uint8)
    for number, image in enumerate(pixels):
        top = _MARGIN_PX + number // columns * step_y
        left = _MARGIN_PX + number % columns * step_x
        label = (
            f"i{int(batch.identities[number])} c{int(batch.cameras[number])}"
            f" v{int(batch.views[number])}"
        )
        place = (left, top + _LABEL_PX - 4)
        cv2.putText(sheet, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 0, 0), 1, cv2.LINE_AA)
        top += _LABEL_PX
        sheet[top : top + height, left : left + width] = image
    return sheet

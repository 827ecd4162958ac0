"""Position embeddings of transformers, fitted to other sizes of images."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from reid_models.errors import NetworkError


def resize_positions(
    positions: Tensor, grid: tuple[int, int], source_grid: tuple[int, int] | None = None
) -> Tensor:
    """Position embeddings for another grid: plain bilinear, the class token's row kept.

    Args:
        positions: (1, 1 + n, D), the class token first.
        grid: rows and columns wanted.
        source_grid: rows and columns of `positions`; None: a square.

    Returns:
        (1, 1 + rows·columns, D).

    Raises:
        NetworkError: `positions` is no such grid.
    """
    cells = positions.shape[1] - 1
    rows, columns = source_grid or (math.isqrt(cells), math.isqrt(cells))
    if rows * columns != cells:
        raise NetworkError(
            f"The position embedding has {cells} places, which is no {rows}×{columns} grid.",
            "Say which grid it has with source_grid=(rows, columns).",
        )
    if (rows, columns) == grid:
        return positions
    # Differs from the published code: that one copies unresized when only the counts agree.
    places = positions[:, 1:].unflatten(1, (rows, columns)).permute(0, 3, 1, 2)  # (1, D, y, x)
    resized = interpolate(places, size=grid, mode="bilinear", align_corners=False)
    return torch.cat((positions[:, :1], resized.flatten(2).mT), dim=1)

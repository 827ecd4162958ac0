"""Tiling noise to paint with: looked up, not computed, because pictures need millions of values."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

SIZE = 256
CLOUDS, ROUGH, GRAIN = range(3)


def noise(across: Tensor, along: Tensor, channel: int) -> Tensor:
    """Noise at positions (n,), one period a unit; (n,) of mean 0 and deviation 1.

    CLOUDS is smooth with large forms, ROUGH has forms of all sizes, GRAIN has none.
    """
    tile = _tiles(across.device)[channel]
    grid = torch.stack([across % 1, along % 1], -1) * (2 * SIZE / (SIZE + 1)) - 1
    found = functional.grid_sample(
        tile, grid[None, None], mode="bilinear", padding_mode="border", align_corners=False
    )
    return found.reshape(across.shape)


@lru_cache(maxsize=4)
def _tiles(device: torch.device) -> Tensor:
    """Three tiles (3, 1, 1, 257, 257), the first row and column repeated as the last."""
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(SIZE) * SIZE] * 2))
    frequency[0, 0] = 1
    tiles = []
    for number, fall in enumerate((2.2, 1.1, 0.0)):
        white = np.random.default_rng(number).standard_normal((SIZE, SIZE))
        spectrum = np.fft.fft2(white) / np.maximum(frequency, 3.0) ** fall
        spectrum[0, 0] = 0
        tile = np.fft.ifft2(spectrum).real
        tiles.append(np.pad(tile / tile.std(), ((0, 1), (0, 1)), mode="wrap"))
    return torch.tensor(np.array(tiles), dtype=torch.float32, device=device)[:, None, None]

"""From crops to what networks take: one resize for every network, in training's own way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reid_models.errors import NetworkError

if TYPE_CHECKING:
    from torch import Tensor


def resized(image: NDArray[np.uint8], size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """A crop stretched to a network's size: no letterbox, bilinear, antialiased, whole levels.

    That is what Pillow's and torchvision's `Resize` do with pictures at test time (TransReID,
    CACE-Net and RRID alike); torch's kernel is the same arithmetic, at most one grey level apart.

    Args:
        image: RGB uint8 (h, w, 3), at least 1 × 1; may be a view or read-only.
        size_px: height H and width W.

    Returns:
        uint8 (3, H, W).

    Raises:
        NetworkError: no such picture.
    """
    import torch
    from torch.nn.functional import interpolate

    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise NetworkError(
            f"A crop is {image.dtype} of the shape {image.shape}, not uint8 (h, w, 3).",
            "Hand over RGB pictures of at least 1 × 1 pixel.",
        )
    # torch takes arrays that can be written to and do not run backwards.
    pixels = np.require(image, np.uint8, ["C_CONTIGUOUS", "WRITEABLE"])
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None]  # (1, 3, h, w)
    with torch.inference_mode():
        scaled = interpolate(tensor, size_px, mode="bilinear", antialias=True)
    return np.asarray(scaled[0].numpy())


def batch_of(
    images: Sequence[NDArray[np.uint8]], size_px: tuple[int, int], rows: int
) -> NDArray[np.uint8]:
    """Resized crops in a batch of fixed size, uint8 (rows, 3, H, W); rows left over are black."""
    batch = np.zeros((rows, 3, *size_px), np.uint8)
    for row, image in enumerate(images):
        batch[row] = resized(image, size_px)
    return batch


def normalised(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(values / 255 − mean) / std, float32 (B, 3, H, W), of RGB uint8 (B, 3, H, W)."""
    values = pixels.float() / 255
    centre = values.new_tensor(mean)[:, None, None]  # (3, 1, 1)
    spread = values.new_tensor(std)[:, None, None]
    return (values - centre) / spread

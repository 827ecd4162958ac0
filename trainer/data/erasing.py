"""Random erasing, arXiv:1708.04896, as each of the five methods does it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.data_settings import AugmentationConfig


@dataclass(frozen=True)
class Rectangle:
    """A part of an image in pixels."""

    top: int
    left: int
    height: int
    width: int


def draw_rectangle(
    config: AugmentationConfig, size_px: tuple[int, int], generator: np.random.Generator
) -> Rectangle | None:
    """What to erase of an image of height and width `size_px`; None: nothing, this time.

    Area and aspect are drawn until the rectangle is smaller than the image on both sides, ten
    times ("timm", aspect log-uniform) or a hundred (the others, aspect uniform).
    """
    if config.erase == 0 or generator.random() >= config.erase:
        return None
    height, width = size_px
    timm = config.erase_form == "timm"
    low, high = config.erase_aspect
    for _ in range(10 if timm else 100):
        area = generator.uniform(*config.erase_area) * height * width
        if timm:
            aspect = math.exp(generator.uniform(math.log(low), math.log(high)))
        else:
            aspect = generator.uniform(low, high)
        erased = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if erased[0] < height and erased[1] < width:
            top = int(generator.integers(height - erased[0] + 1))
            left = int(generator.integers(width - erased[1] + 1))
            return Rectangle(top, left, *erased)
    return None


def erase_normalised(
    image: NDArray[np.float32],
    config: AugmentationConfig,
    mean: tuple[float, ...],
    generator: np.random.Generator,
) -> None:
    """Erases, in place, a rectangle of a normalised image, float32 (3, H, W)."""
    drawn = draw_rectangle(config, (image.shape[1], image.shape[2]), generator)
    if drawn is None:
        return
    part = image[
        :, drawn.top : drawn.top + drawn.height, drawn.left : drawn.left + drawn.width
    ]  # (3, h, w)
    if config.erase_fill == "noise":
        part[:] = generator.standard_normal(part.shape, np.float32)
    elif config.erase_fill == "mean":
        part[:] = 0
    else:
        part[:] = np.array(mean, np.float32)[:, None, None]


def erase_with_colour(
    image: NDArray[np.uint8], config: AugmentationConfig, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """RRID's eraser: a rectangle of one random colour in an RGB image, uint8 (H, W, 3)."""
    height, width = image.shape[:2]
    drawn = draw_rectangle(config, (height, width), generator)
    if drawn is None:
        return image
    top, left = drawn.top, drawn.left
    if config.erase_form == "rrid_official":
        # The published code's mistake: x is the drawn width and y the drawn height, whatever place
        # was drawn; what is outside of the image is cut off, which may be all of it.
        top, left = drawn.height, drawn.width
    erased = image.copy()
    erased[top : top + drawn.height, left : left + drawn.width] = generator.integers(
        256, size=3, dtype=np.uint8
    )
    return erased

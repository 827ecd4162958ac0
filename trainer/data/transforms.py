"""From an image to what a network takes, in training and in a test.

Every random step is a function of the image and of the generator it is handed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from reid_models.preprocessing import normalised, resized
from trainer.data.erasing import erase_normalised, erase_with_colour
from trainer.data.look import change_look
from trainer.data_settings import AugmentationConfig

# Image RGB uint8 (h, w, 3), generator → float32 (3, H, W).
Transform = Callable[[NDArray[np.uint8], np.random.Generator], Tensor]

_RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def test_transform(
    size_px: tuple[int, int], mean: Sequence[float], std: Sequence[float]
) -> Transform:
    """The transform of tests: exactly what the predictors of `reid_models` do; nothing is random.

    TransReID trains with a bicubic and tests with a bilinear resize.

    Args:
        size_px: height and width.
        mean: of the colours red, green, blue, from 0 to 1.
        std: likewise.
    """
    return partial(_resized_and_normalised, size_px=size_px, mean=tuple(mean), std=tuple(std))


test_transform.__test__ = False  # type: ignore[attr-defined]  # pytest: no test, despite its name


def _resized_and_normalised(
    image: NDArray[np.uint8],
    _: np.random.Generator | None = None,
    *,
    size_px: tuple[int, int],
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Tensor:
    return normalised(torch.from_numpy(resized(image, size_px)), mean, std)  # (3, H, W)


class Augmentation:
    """The transform of a training: trim, resize → look → flip → pad, crop → normalise → erase.

    RRID's erasers come right after the resize, on colours of 0 to 255.
    """

    def __init__(
        self,
        config: AugmentationConfig,
        size_px: tuple[int, int],
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        self.config = config
        self.size_px = size_px
        self.mean = tuple(mean)
        levels = torch.arange(256, dtype=torch.uint8)[None, :, None].expand(3, 256, 1)
        # What each grey level of each colour is once normalised, by the arithmetic of tests.
        self._levels = normalised(levels, mean, std)[..., 0].numpy()  # (3, 256)

    def __call__(self, image: NDArray[np.uint8], generator: np.random.Generator) -> Tensor:
        """One augmented image, float32 (3, H, W), of RGB uint8 (h, w, 3)."""
        config = self.config
        height, width = self.size_px
        box = _trimmed(image.shape[:2], config.trim, generator) if config.trim else None
        pixels = np.asarray(
            Image.fromarray(image).resize((width, height), _RESAMPLING[config.interpolation], box)
        )
        on_colours = config.erase_form in ("rrid", "rrid_official")
        if on_colours:
            pixels = erase_with_colour(pixels, config, generator)
        pixels = change_look(pixels, config, generator)
        if config.flip and generator.random() < config.flip:
            pixels = pixels[:, ::-1]
        if config.pad_px:
            pixels = _shifted(pixels, config.pad_px, generator)
        values = np.empty((3, height, width), np.float32)
        for channel in range(3):
            np.take(self._levels[channel], pixels[..., channel], out=values[channel])
        if not on_colours:
            erase_normalised(values, config, self.mean, generator)
        return torch.from_numpy(values)


def build_augmentation(
    config: AugmentationConfig,
    size_px: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
) -> Transform:
    """The transform of a training.

    Args:
        config: which steps.
        size_px: height and width of what the network takes.
        mean: of the colours red, green, blue, from 0 to 1.
        std: likewise.
    """
    return Augmentation(config, size_px, mean, std)


def _trimmed(
    size_px: tuple[int, ...], most: float, generator: np.random.Generator
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what stays of an image (h, w)."""
    cut = generator.uniform(0, most, size=2) * size_px  # of the height, of the width
    top, left = generator.uniform(0, 1, size=2) * cut
    height, width = size_px
    return left, top, width - (cut[1] - left), height - (cut[0] - top)


def _shifted(
    pixels: NDArray[np.uint8], pad_px: int, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """A black border of `pad_px` on each side, and a random crop of the old size."""
    height, width = pixels.shape[:2]
    padded = np.zeros((height + 2 * pad_px, width + 2 * pad_px, 3), np.uint8)
    padded[pad_px : pad_px + height, pad_px : pad_px + width] = pixels
    top, left = generator.integers(2 * pad_px + 1, size=2)
    return padded[top : top + height, left : left + width]

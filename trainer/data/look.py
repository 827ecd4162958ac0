"""Changes of how an image looks: light, colours, sharpness, resolution, compression.

No paper uses them. They are for models that must work at places that they have not seen.
All take and return RGB uint8 (H, W, 3).
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data_settings import AugmentationConfig

Pixels = NDArray[np.uint8]
# Luma, and the two directions of colour (ITU-R BT.601, the YIQ space), of RGB.
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_FROM_YIQ = np.linalg.inv(_TO_YIQ)


def change_look(
    image: Pixels, config: AugmentationConfig, generator: np.random.Generator
) -> Pixels:
    """Jitter, grey, blur, rescaling and JPEG in this order, each with its own probability."""
    if _happens(config.jitter, generator):
        image = jitter(image, config.jitter_strength, generator)
    if _happens(config.grey, generator):
        image = _coloured(image, np.tile(_TO_YIQ[0], (3, 1)), 0.0)
    if _happens(config.blur, generator):
        sigma_px = generator.uniform(*config.blur_sigma_px)
        image = _pixels(cv2.GaussianBlur(image, (0, 0), sigma_px))
    if _happens(config.rescale, generator):
        image = rescaled(image, generator.uniform(*config.rescale_factor))
    if _happens(config.jpeg, generator):
        image = compressed(image, int(generator.integers(*config.jpeg_quality, endpoint=True)))
    return image


def jitter(
    image: Pixels,
    strength: tuple[float, float, float, float],
    generator: np.random.Generator,
) -> Pixels:
    """Brightness, contrast and saturation times 1 ± their strength, hue turned by ± its strength.

    All four are linear in the colours, hence one matrix and one offset.
    """
    brightness, contrast, saturation, turn = (
        generator.uniform(-1, 1, size=4) * strength
    )  # each within ± strength
    angle = 2 * math.pi * turn
    cos, sin = math.cos(angle) * (1 + saturation), math.sin(angle) * (1 + saturation)
    chroma = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    matrix = _FROM_YIQ @ chroma @ _TO_YIQ * (1 + brightness)
    # Contrast stretches around the mean grey of the image that is otherwise done.
    mean = float(_TO_YIQ[0] @ matrix @ image.mean(axis=(0, 1)))
    return _coloured(image, matrix * (1 + contrast), -contrast * mean)


def rescaled(image: Pixels, factor: float) -> Pixels:
    """Scaled down by `factor` and up again: what a person far away has left."""
    height, width = image.shape[:2]
    small = max(1, round(width * factor)), max(1, round(height * factor))
    fewer = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return _pixels(cv2.resize(fewer, (width, height), interpolation=cv2.INTER_LINEAR))


def compressed(image: Pixels, quality: int) -> Pixels:
    """Through a JPEG of that quality and back."""
    bgr = np.ascontiguousarray(image[..., ::-1])
    encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return _pixels(cv2.imdecode(encoded, cv2.IMREAD_COLOR))[..., ::-1]


def _coloured(image: Pixels, matrix: NDArray[np.float64], offset: float) -> Pixels:
    affine = np.hstack([matrix, np.full((3, 1), offset)]).astype(np.float32)
    changed = cv2.transform(image.astype(np.float32), affine)
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def _pixels(image: object) -> Pixels:
    return np.asarray(image, np.uint8)


def _happens(probability: float, generator: np.random.Generator) -> bool:
    # A step that is off draws nothing, so that it cannot change the steps after it.
    return probability > 0 and generator.random() < probability

"""From light to a camera's picture: exposure, colour cast, blur, sharpening, noise, compression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from trainer.synthetic.draws import between, chance

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sensor:
    """How a camera turns light into numbers.

    Attributes:
        exposure: factor of the linear light.
        balance: factors of red, green and blue.
        gamma: exponent of the display curve.
        contrast, saturation: 1 is neutral; saturation 0 is a black-and-white camera.
        haze: light added everywhere.
        blur_px: of the lens, in frame pixels.
        sharpening: of the camera's own processing.
        noise: standard deviation at middle grey, of 1.
        quality: of the JPEG compression.
    """

    exposure: float
    balance: tuple[float, float, float]
    gamma: float
    contrast: float
    saturation: float
    haze: float
    blur_px: float
    sharpening: float
    noise: float
    quality: int


def draw_sensor(rng: np.random.Generator, brightness: float) -> Sensor:
    """A sensor for a place whose mean linear light is `brightness`."""
    cast = np.exp(rng.normal(0, 0.05, 3))
    mono = chance(rng, 0.03)
    return Sensor(
        exposure=between(rng, 0.13, 0.27) / max(brightness, 1e-3),
        balance=(float(cast[0]), float(cast[1]), float(cast[2])),
        gamma=between(rng, 0.40, 0.52),
        contrast=between(rng, 0.9, 1.25),
        saturation=0.0 if mono else between(rng, 0.6, 1.15),
        haze=between(rng, 0, 0.03),
        blur_px=between(rng, 0.3, 1.0),
        sharpening=between(rng, 0, 0.9),
        noise=between(rng, 0.004, 0.022),
        quality=int(rng.integers(45, 90)),
    )


def develop(
    light: npt.NDArray[np.float32],
    sensor: Sensor,
    rng: np.random.Generator,
    scale: float = 1.0,
    motion_px: tuple[float, float] = (0.0, 0.0),
) -> Picture:
    """The picture, RGB uint8 (h, w, 3), of linear light (h, w, 3).

    Args:
        light: at `scale` pixels for each frame pixel.
        sensor: whose picture.
        rng: of the noise.
        scale: below 1 the frame was reduced after it had been taken: blur and noise shrink too.
        motion_px: how far everything moves during the exposure.
    """
    picture = light * (np.array(sensor.balance, np.float32) * np.float32(sensor.exposure))
    picture = picture + np.float32(sensor.haze)
    picture = 1 - np.exp(-1.6 * picture, out=picture)  # a soft shoulder for what is too bright
    np.power(np.maximum(picture, 0, out=picture), np.float32(sensor.gamma), out=picture)
    if sensor.saturation != 1:
        grey = picture @ np.array([0.299, 0.587, 0.114], np.float32)
        picture = grey[..., None] + np.float32(sensor.saturation) * (picture - grey[..., None])
    picture = 0.45 + np.float32(sensor.contrast) * (picture - 0.45)
    sigma = sensor.blur_px * scale
    if sigma > 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    if max(map(abs, motion_px)) > 0.7:
        picture = cv2.filter2D(picture, -1, _streak(motion_px))
    if sensor.sharpening > 0.05:
        soft = cv2.GaussianBlur(picture, (0, 0), max(1.0 * scale, 0.4))
        picture += np.float32(sensor.sharpening) * (picture - soft)
    grain = rng.standard_normal(picture.shape, np.float32)
    if sensor.saturation == 0:
        grain = grain[..., :1]
    picture += grain * np.float32(sensor.noise * max(scale, 0.35))
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def compressed(picture: Picture, quality: int) -> Picture:
    """The picture after JPEG compression, RGB."""
    found = cv2.imdecode(np.frombuffer(jpeg(picture, quality), np.uint8), cv2.IMREAD_COLOR)
    assert found is not None  # it was written a moment ago
    return np.ascontiguousarray(found[..., ::-1]).astype(np.uint8, copy=False)


def jpeg(picture: Picture, quality: int) -> bytes:
    """The JPEG file of an RGB picture."""
    data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return data.tobytes()


def _streak(motion_px: tuple[float, float]) -> npt.NDArray[np.float32]:
    """A line of this length and direction as a filter of sum 1."""
    reach = int(np.ceil(max(map(abs, motion_px)) / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for step in np.linspace(-0.5, 0.5, 4 * reach + 1):
        kernel[round(reach + step * motion_px[1]), round(reach + step * motion_px[0])] += 1
    return kernel / kernel.sum()

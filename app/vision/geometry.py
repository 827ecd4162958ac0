"""How stored pictures are shown: turned and mirrored as the file says, with square pixels."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from app.core.entities import Image

# Beyond, a pixel's shape is a recorder's mistake; below, nobody would see it.
_WIDEST_PIXEL = 4
_SEEN_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Orientation:
    """What to do with a stored picture, in this order.

    Attributes:
        transposed: rows and columns change places.
        flip_x: the picture is mirrored left to right.
        flip_y: and top to bottom.
    """

    transposed: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def applied(self, pixels: Image) -> Image:
        """The upright picture, uint8 (H, W, 3), contiguous."""
        if self.transposed:
            pixels = pixels.transpose(1, 0, 2)
        upright = pixels[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return np.ascontiguousarray(upright, np.uint8)


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the frames of one video become upright pictures of one size.

    Attributes:
        stored_px: width and height of its first frame, as coded.
        pixel_aspect: width : height of its pixels.
        shown_px: width and height with square pixels, before it is turned.
    """

    stored_px: tuple[int, int]
    pixel_aspect: Fraction
    shown_px: tuple[int, int]
    orientation: Orientation

    @property
    def upright_px(self) -> tuple[int, int]:
        """Width and height of the pictures; boxes are in these pixels."""
        return self.shown_px[::-1] if self.orientation.transposed else self.shown_px

    def picture(self, frame: VideoFrame, pixel_aspect: Fraction) -> Image:
        """A frame upright, RGB uint8 (H, W, 3).

        A recorder may change its resolution: boxes stay comparable in the pixels of the first
        frame, and people keep their shape, with bars where the new picture is of another one.

        Args:
            frame: decoded.
            pixel_aspect: of this frame.
        """
        width_px, height_px = self.shown_px
        if (frame.width, frame.height) == self.stored_px:
            inner = self.shown_px
        else:
            inner = _fitted(_square(frame.width, frame.height, pixel_aspect), self.shown_px)
        pixels = frame.to_ndarray(format="rgb24", width=inner[0], height=inner[1])
        if inner != self.shown_px:
            canvas = np.zeros((height_px, width_px, 3), np.uint8)
            left, top = (width_px - inner[0]) // 2, (height_px - inner[1]) // 2
            canvas[top : top + inner[1], left : left + inner[0]] = pixels
            pixels = canvas
        return self.orientation.applied(np.asarray(pixels, np.uint8))

    def resized(self, upright_px: tuple[int, int]) -> Geometry:
        """The same in another size, in which boxes have been stored."""
        shown = upright_px[::-1] if self.orientation.transposed else upright_px
        return Geometry(self.stored_px, self.pixel_aspect, shown, self.orientation)


def geometry_of(first: VideoFrame, stream: VideoStream) -> Geometry:
    """Reads a video's geometry from its first decoded frame."""
    aspect = pixel_aspect(stream)
    stored = (first.width, first.height)
    return Geometry(stored, aspect, _square(*stored, aspect), _orientation(first, stream))


def pixel_aspect(stream: VideoStream) -> Fraction:
    """Width : height of a pixel as the container or the latest decoded header says; else 1."""
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    if not aspect or not 1 / _WIDEST_PIXEL <= aspect <= _WIDEST_PIXEL:
        return Fraction(1)
    return Fraction(1) if abs(aspect - 1) < _SEEN_SHARE else Fraction(aspect)


def _square(width_px: int, height_px: int, aspect: Fraction) -> tuple[int, int]:
    """The size with square pixels; no side becomes shorter, so that nothing is lost."""
    if aspect >= 1:
        return round(width_px * aspect), height_px
    return width_px, round(height_px / aspect)


def _fitted(size_px: tuple[int, int], into_px: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the same shape that fits into another; that one where it nearly does."""
    scale = min(into_px[0] / size_px[0], into_px[1] / size_px[1])
    inner = (max(1, round(size_px[0] * scale)), max(1, round(size_px[1] * scale)))
    shares = (inner[0] / into_px[0], inner[1] / into_px[1])
    nearly = min(shares) >= 1 - _SEEN_SHARE
    return into_px if nearly else inner


def _orientation(first: VideoFrame, stream: VideoStream) -> Orientation:
    """From the display matrix, else from a tag that old files have instead.

    The matrix maps a stored point (x, y) to (a x + c y, b x + d y); ISO/IEC 14496-12, 6.2.2.
    """
    matrix = first.side_data.get("DISPLAYMATRIX")
    if matrix is not None:
        a, b, _, c, d = np.frombuffer(cast("bytes", matrix), "<i4", 5).tolist()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return Orientation(flip_x=a < 0, flip_y=d < 0)
        return Orientation(transposed=True, flip_x=c < 0, flip_y=b < 0)
    turns = 0
    with suppress(ValueError):  # clockwise degrees
        turns = round(float(stream.metadata.get("rotate", "0")) / 90) % 4
    return Orientation(transposed=turns % 2 == 1, flip_x=turns in (1, 2), flip_y=turns in (2, 3))

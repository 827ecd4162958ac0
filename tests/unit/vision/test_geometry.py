"""Pictures upright and with square pixels, whatever the file stores."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest

from app.core.entities import Image
from app.vision.video import open_video
from tests.rendered import RenderedWorld, render_world, write_clip

ZONE = ZoneInfo("UTC")
ONE = 1 << 16


@pytest.fixture(scope="module")
def world() -> RenderedWorld:
    return render_world(3, people=2, crossing_s=2.0)


def first_picture(path: Path) -> Image:
    source = open_video(path, "c", ZONE)
    image = next(source.frames()).image()
    assert image.shape == (source.info.height_px, source.info.width_px, 3)
    return image


def difference(one: Image, other: Image) -> float:
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), lambda image: image[:, ::-1]),
        ((ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30), lambda image: image[::-1]),
        ((-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30), lambda image: image[::-1, ::-1]),
        ((0, ONE, 0, ONE, 0, 0, 0, 0, 1 << 30), lambda image: image.transpose(1, 0, 2)),
        (
            (0, -ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30),
            lambda image: image.transpose(1, 0, 2)[::-1, ::-1],
        ),
    ],
    ids=["mirrored", "upside down", "half a turn", "transposed", "transposed the other way"],
)
def test_display_matrices_turn_and_mirror(
    tmp_path: Path,
    world: RenderedWorld,
    matrix: tuple[int, ...],
    shown: Callable[[Image], Image],
) -> None:
    frames = [world.frame("cam1", index) for index in range(3)]
    path = write_clip(tmp_path / "a.mp4", frames, matrix=matrix)
    assert difference(first_picture(path), shown(frames[0])) < 6


@pytest.mark.parametrize(("across", "down"), [(2, 1), (1, 2)])
def test_pixels_become_square(tmp_path: Path, world: RenderedWorld, across: int, down: int) -> None:
    whole = [world.frame("cam1", index) for index in range(3)]  # 320 x 240
    size = (320 // across, 240 // down)
    stored = [np.asarray(cv2.resize(each, size), np.uint8) for each in whole]
    aspect = Fraction(across, down)
    for name in ("a.mp4", "a.mkv"):
        picture = first_picture(write_clip(tmp_path / name, stored, pixel_aspect=aspect))
        assert picture.shape == (240, 320, 3)
        assert difference(picture, whole[0]) < 12


@pytest.mark.parametrize("aspect", [Fraction(1, 200), Fraction(100, 1), Fraction(101, 100)])
def test_pixel_shapes_that_cannot_be_are_ignored(
    tmp_path: Path, world: RenderedWorld, aspect: Fraction
) -> None:
    frames = [world.frame("cam1", index) for index in range(3)]
    path = write_clip(tmp_path / "a.mkv", frames, pixel_aspect=aspect)
    assert first_picture(path).shape == frames[0].shape


def test_turned_pictures_with_oblong_pixels(tmp_path: Path, world: RenderedWorld) -> None:
    half = [np.ascontiguousarray(world.frame("cam1", index)[:, ::2]) for index in range(3)]
    path = write_clip(tmp_path / "a.mp4", half, rotation=90, pixel_aspect=Fraction(2))
    assert first_picture(path).shape == (320, 240, 3)


def test_another_resolution_keeps_the_shape_of_people(tmp_path: Path, world: RenderedWorld) -> None:
    frames = [world.frame("cam1", index) for index in range(4)]
    wide = [np.asarray(cv2.resize(each, (640, 240)), np.uint8) for each in frames]
    large = [np.asarray(cv2.resize(each, (640, 480)), np.uint8) for each in frames]
    joined = tmp_path / "a.h264"
    joined.write_bytes(
        b"".join(
            write_clip(tmp_path / f"{at}.h264", part, container="h264").read_bytes()
            for at, part in enumerate((frames, large, wide))
        )
    )
    pictures = [frame.image() for frame in open_video(joined, "c", ZONE).frames()]
    assert {picture.shape for picture in pictures} == {(240, 320, 3)}
    assert difference(pictures[4], frames[0]) < 8
    bars = pictures[8][[0, 30, -30, -1]]
    assert bars.max() == 0
    middle = np.asarray(cv2.resize(frames[0], (320, 120)), np.uint8)
    assert difference(pictures[8][60:180], middle) < 12


def test_boxes_of_older_analyses_keep_their_pixels(tmp_path: Path, world: RenderedWorld) -> None:
    half = [np.ascontiguousarray(world.frame("cam1", index)[:, ::2]) for index in range(3)]
    path = write_clip(tmp_path / "a.mp4", half, pixel_aspect=Fraction(2))
    source = open_video(path, "c", ZONE, size_px=(160, 240))
    assert difference(next(source.frames()).image(), half[0]) < 6

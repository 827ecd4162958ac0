"""The z-buffer against shapes whose pixels are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainer.synthetic.camera import Camera
from trainer.synthetic.lofts import NORMAL, SIDES, ball, box, mesh
from trainer.synthetic.raster import Window, fill, interpolated, outline, rasterise
from trainer.synthetic.surfaces import Surface

CPU = torch.device("cpu")
GREY = Surface((0.5, 0.5, 0.5))
X, Y, Z = np.eye(3, dtype=np.float32)


def _camera(bend: float = 0.0) -> Camera:
    return Camera((0.0, 1.0, -5.0), 0.0, 0.0, 0.0, 100.0, (100, 80), bend)


def test_a_pixel_goes_back_to_where_it_came_from():
    """Projection and rays are inverse, with tilt, roll and a bent lens."""
    camera = Camera((1.0, 3.0, -4.0), 0.3, 0.4, 0.05, 120.0, (160, 120), -0.2)
    points = np.array([[0.5, 0, 1], [1.5, 0.4, 2], [2.0, 1.0, 3]], np.float32)
    pixels, depth = camera.project(points)
    found = np.array(camera.position) + camera.rays(pixels) * depth[:, None]
    np.testing.assert_allclose(found, points, atol=2e-3)
    spot = camera.ground((float(pixels[0, 0]), float(pixels[0, 1])))
    assert spot == pytest.approx((0.5, 1.0), abs=5e-3)


def test_up_is_up_and_right_is_right():
    """Who looks along +z sees higher things higher, and -x on the right."""
    pixels, depth = _camera().project(np.array([[0, 1, 0], [0, 2, 0], [-1, 1, 0]], np.float32))
    np.testing.assert_allclose(pixels, [[50, 40], [50, 20], [70, 40]], atol=1e-4)
    np.testing.assert_allclose(depth, 5, atol=1e-5)


def test_above_the_horizon_there_is_no_ground():
    assert _camera().ground((50, 10)) is None


def test_a_triangle_covers_the_pixels_whose_middle_is_inside():
    points = np.array([[0, 0], [0, 4], [4, 0]], np.float32)
    window = Window(0, 0, 1, 6, 6)
    layer = fill(points, np.full(3, 2, np.float32), np.array([[0, 1, 2]]), window, CPU)
    assert layer is not None
    inside = (layer.triangle >= 0).numpy()
    wanted = np.add.outer(np.arange(4) + 0.5, np.arange(4) + 0.5) <= 4
    np.testing.assert_array_equal(inside, wanted)
    np.testing.assert_allclose(layer.depth[layer.triangle >= 0], 2, rtol=1e-6)


def test_the_far_side_of_a_triangle_is_not_drawn():
    points = np.array([[0, 0], [4, 0], [0, 4]], np.float32)
    assert (
        fill(points, np.ones(3, np.float32), np.array([[0, 1, 2]]), Window(0, 0, 1, 6, 6), CPU)
        is None
    )


def test_the_nearer_of_two_shapes_is_seen_whatever_their_order():
    near = box(Surface((1, 0, 0)), (0, 1, -1), (0.3, 0.3, 0.1))
    far = box(GREY, (0, 1, 1), (0.3, 0.3, 0.1))
    window = Window(0, 0, 1, 100, 80)
    for lofts in ([near, far], [far, near]):
        both = mesh(lofts)
        layer = rasterise(both, _camera(), window, CPU)
        assert layer is not None
        row, column = 40 - layer.top, 50 - layer.left
        assert float(layer.depth[row, column]) == pytest.approx(3.9, abs=0.02)


def test_normals_point_outwards_and_one_keeps_the_length():
    """A ball's normals are its radii, at its corners and between them."""
    round_one = mesh([ball(GREY, (0, 1, 0), 0.5 * X, 0.5 * Y, 0.5 * Z)])
    out = round_one.vertices - np.array([0, 1, 0], np.float32)
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    assert float((round_one.attributes[:, NORMAL] * out).sum(1).min()) > 0.9
    layer = rasterise(round_one, _camera(), Window(0, 0, 1, 100, 80), CPU)
    assert layer is not None
    rows, columns = (layer.triangle >= 0).nonzero().unbind(1)
    normals = interpolated(layer, round_one.attributes, rows, columns)[:, NORMAL]
    assert float(normals[:, 2].max()) < 0.2, "what the camera sees faces it"
    assert len(round_one.triangles) == 2 * SIDES * 6


def test_an_outline_is_what_is_filled():
    shape = mesh([box(GREY, (0, 1, 0), (0.4, 0.6, 0.2), 0.4)])
    camera, window = _camera(-0.1), Window(10, 5, 2, 120, 100)
    layer = rasterise(shape, camera, window, CPU)
    mask = outline(window.place(camera.project(shape.vertices)[0]), shape.triangles, window, CPU)
    assert layer is not None
    assert mask is not None
    assert int(mask.sum()) == int((layer.triangle >= 0).sum())


def test_who_stands_behind_the_camera_is_left_out():
    behind = mesh([box(GREY, (0, 1, -8), (0.4, 0.6, 0.2))])
    assert rasterise(behind, _camera(), Window(0, 0, 1, 100, 80), CPU) is None

"""Figures before a backdrop: boxes and visibility against the pixels themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainer.synthetic.appearance import draw_appearance
from trainer.synthetic.backdrop import render_backdrop
from trainer.synthetic.body import Figure, person_figures
from trainer.synthetic.camera import Camera
from trainer.synthetic.lofts import box, mesh
from trainer.synthetic.place import Light, Place, draw_place
from trainer.synthetic.pose import Pose
from trainer.synthetic.props import Prop, lamp
from trainer.synthetic.raster import Window
from trainer.synthetic.rendering import FINE, render
from trainer.synthetic.sensor import compressed, develop, draw_sensor
from trainer.synthetic.surfaces import Surface

CPU = torch.device("cpu")
SIZE = (120, 80)
LIGHT = Light((0.3, 0.9, -0.3), (0.8, 0.8, 0.8), (0.5, 0.5, 0.5))
GREY = Surface((0.5, 0.5, 0.5))


@pytest.fixture(scope="module")
def camera():
    return Camera((0.0, 1.0, -6.0), 0.0, 0.0, 0.0, 110.0, SIZE, -0.05)


def _place(*props: Prop) -> Place:
    meshes = tuple(part for prop in props for part in prop.meshes)
    return Place(GREY, (), (), props, LIGHT, 5, 5, (-9, 9), meshes=meshes)


@pytest.fixture(scope="module")
def backdrop(camera):
    return render_backdrop(camera, _place(), CPU)


def _whole(beyond: float = 0.0) -> Window:
    width, height = SIZE
    return Window(-beyond, -beyond, FINE, round(FINE * (width + 2 * beyond)), FINE * height)


def _board(x: float, z: float, half: float, identity: int) -> Figure:
    """An upright board of 2 x `half` by 1.6 metres."""
    return Figure(mesh([box(GREY, (x, 1.0, z), (half, 0.8, 0.01), square=0.02)]), identity)


def test_boxes_enclose_the_pixels(backdrop):
    people = [
        figure
        for number, x in enumerate((-1.2, 0.0, 1.4), 1)
        for figure in person_figures(
            draw_appearance(0, number), Pose(), number, (x, 0.3 * number), x
        )
    ]
    rendering = render(backdrop, people, _whole(), CPU)
    assert rendering.light.shape == (SIZE[1], SIZE[0], 3)
    by_identity = {seen.identity: seen for seen in rendering.seen}
    for number, figure in enumerate(people):
        if not figure.identity:
            continue
        rows, columns = np.nonzero(rendering.owners == number)
        x1, y1, x2, y2 = (FINE * side for side in by_identity[figure.identity].box)
        assert x1 <= columns.min() < columns.max() + 1 <= x2
        assert y1 <= rows.min() < rows.max() + 1 <= y2
        assert by_identity[figure.identity].visible == 1


def test_half_hidden_is_half_visible(backdrop):
    """The nearer board hides the left half, seen from the camera, of the farther one."""
    far = _board(0.0, 3.0, 0.6, 1)
    near = Figure(mesh([box(GREY, (0.2, 1.0, 0.0), (0.2, 1.5, 0.01), square=0.02)]), 2)
    seen = {one.identity: one for one in render(backdrop, [far, near], _whole(), CPU).seen}
    assert seen[1].visible == pytest.approx(0.5, abs=0.06)
    assert seen[2].visible == 1


def test_what_the_frame_cuts_off_is_not_visible(backdrop):
    """A board across the frame's edge: its box reaches beyond, half of it shows."""
    edge = 60 / 110 * 6.0 / (1 - 0.05 * (60 / 110) ** 2)
    board = _board(-edge, 0.0, 0.4, 1)
    (seen,) = render(backdrop, [board], _whole(), CPU, beyond_px=60).seen
    assert seen.visible == pytest.approx(0.5, abs=0.08)
    assert seen.box[2] > SIZE[0] + 4


def test_a_post_of_the_place_hides_people(camera):
    post = Prop(0.0, -2.0, 0.3, (mesh([box(GREY, (0, 1, -2), (0.15, 1.2, 0.05))]),))
    (seen,) = render(
        render_backdrop(camera, _place(post), CPU), [_board(0, 0, 0.45, 1)], _whole(), CPU
    ).seen
    assert seen.visible == pytest.approx(0.5, abs=0.1)


def test_a_window_shows_its_part_of_the_frame(backdrop):
    """A window at the frame's own scale is the same picture, cut."""
    figures = person_figures(draw_appearance(0, 2), Pose(), 2, (0.2, 0.0), 1.0)
    whole = render(backdrop, figures, _whole(), CPU).light
    part = render(backdrop, figures, Window(40, 20, FINE, FINE * 40, FINE * 50), CPU).light
    close = np.abs(part - whole[20:70, 40:80]).max(2) < 0.02
    assert close.mean() > 0.9, "but for the edge of the shadow"


def test_people_cast_shadows(backdrop):
    empty = render(backdrop, [], _whole(), CPU).light
    body = render(
        backdrop, person_figures(draw_appearance(0, 1), Pose(), 1, (0, 0), 0), _whole(), CPU
    )
    fine = body.owners.reshape(SIZE[1], FINE, SIZE[0], FINE)
    ground = (fine < 0).all((1, 3))
    assert (body.light[ground] < 0.8 * empty[ground]).any()
    assert (body.light[ground] <= empty[ground] + 1e-4).all()


@pytest.mark.parametrize("seed", range(8))
def test_any_place_can_be_looked_at(seed):
    """Every kind of place gives a finite picture that is neither black nor all one colour."""
    rng = np.random.default_rng(seed)
    place = draw_place(rng, 10)
    from trainer.synthetic.stations import draw_camera

    camera = draw_camera(rng, place, (96, 64), (0.3, 0.5))
    seen = render_backdrop(camera, place, CPU)
    assert seen.colour.shape == (128, 192, 3)
    assert 8 < seen.colour.mean() < 250
    assert seen.colour.std() > 4


def test_a_lamp_post_blocks_the_way():
    post = lamp(np.random.default_rng(0), 1.0, 0.0)
    place = _place(post)
    assert not place.free(1.0, 0.1)
    assert place.free(2.0, 0.1)
    assert not place.free(6.0, 0.0), "beyond the promenade"


def test_a_picture_is_brighter_with_more_light_and_blurred_by_motion():
    rng = np.random.default_rng(0)
    sensor = draw_sensor(rng, 0.3)
    light = np.full((40, 40, 3), 0.2, np.float32)
    light[:, 20:] = 0.5
    still = develop(light, sensor, np.random.default_rng(1))
    brighter = develop(1.5 * light, sensor, np.random.default_rng(1))
    moved = develop(light, sensor, np.random.default_rng(1), motion_px=(8, 0))
    assert still.dtype == np.uint8
    assert brighter.mean() > still.mean() + 5
    assert (
        np.abs(np.diff(moved.astype(int), axis=1)).max()
        < np.abs(np.diff(still.astype(int), axis=1)).max()
    )
    assert compressed(still, 50).shape == still.shape


def test_what_no_pixel_shows_is_not_seen(backdrop):
    speck = _board(0.0, 200.0, 0.0005, 1)
    rendering = render(backdrop, [speck, _board(0.0, 3.0, 0.6, 2)], _whole(), CPU)
    assert [one.identity for one in rendering.seen] == [2]

"""Bodies, poses and what people wear."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainer.synthetic.appearance import draw_appearance
from trainer.synthetic.body import busy_hands, person_figures
from trainer.synthetic.lofts import NORMAL, OPEN
from trainer.synthetic.occlusion import sun_share
from trainer.synthetic.pose import GESTURES, STRIDE, Pose, any_pose, gesture, joints, walking
from trainer.synthetic.surfaces import PATTERNS, Decal, Surface, paint


@pytest.mark.parametrize("identity", range(1, 13))
def test_a_body_is_whole_and_stands_on_the_ground(identity):
    person = draw_appearance(0, identity)
    pose = any_pose(np.random.default_rng(identity), identity % 2 == 0, busy_hands(person))
    figures = person_figures(person, pose, identity, (2.0, -1.0), 0.7)
    body = figures[0].mesh
    assert np.isfinite(body.vertices).all()
    assert np.isfinite(body.attributes).all()
    np.testing.assert_allclose(np.linalg.norm(body.attributes[:, NORMAL], axis=1), 1, atol=5e-3)
    assert (body.attributes[:, OPEN] >= 0).all()
    assert (body.attributes[:, OPEN] <= 1).all()
    low, high = body.vertices.min(0), body.vertices.max(0)
    assert low[1] == pytest.approx(0, abs=0.03)
    assert high[1] == pytest.approx(person.build.stature_m, abs=0.2)
    assert np.hypot(*(body.vertices[:, [0, 2]].mean(0) - [2.0, -1.0])) < 0.3
    assert figures[0].identity == identity


def test_a_person_is_the_same_person_each_time_and_others_are_others():
    people = [draw_appearance(3, identity) for identity in range(30)]
    assert people == [draw_appearance(3, identity) for identity in range(30)]
    assert len(set(people)) == 30
    assert draw_appearance(4, 0) != people[0]


def test_dark_clothes_prevail():
    """Most tops are black, grey, blue or white: colour alone tells few people apart."""
    tops = np.array([draw_appearance(1, identity).top.colour for identity in range(300)])
    strong = tops.max(1) - tops.min(1) > 0.35
    assert 0.05 < strong.mean() < 0.4


def test_the_left_leg_swings_when_the_right_arm_does():
    pose = walking(np.pi / 2)
    assert pose.thighs[0] > 0.2 > -0.2 > pose.thighs[1]
    assert pose.arms[0] < 0 < pose.arms[1]
    assert walking(0.3) == pytest.approx(walking(0.3))


def test_the_foot_on_the_ground_hardly_slides():
    """While a foot bears, it moves back as fast as the body moves ahead."""
    stature = 1.75
    bearing = np.linspace(0.62 * np.pi, 1.3 * np.pi, 9)  # the left thigh goes from ahead to behind
    back = [float(joints(walking(phase), stature, 0.08, 0.17).ankles[0, 2]) for phase in bearing]
    ahead = STRIDE * stature * (bearing - bearing[0]) / (2 * np.pi)
    slid = np.array(back) + ahead
    assert np.ptp(slid) < 0.2 * np.ptp(back) + 0.06


@pytest.mark.parametrize("name", [*GESTURES, "carry", "umbrella"])
def test_gestures_move_arms_only(name):
    before = walking(1.0)
    after = gesture(before, name)
    assert after.thighs == before.thighs
    assert (after.arms, after.elbows) != (before.arms, before.elbows) or name == "none"


def test_the_bag_can_be_left_at_home():
    person = next(
        candidate
        for candidate in (draw_appearance(0, identity) for identity in range(100))
        if candidate.bag == "backpack"
    )
    with_bag = person_figures(person, Pose(), 1, (0, 0), 0.0)[0].mesh
    without = person_figures(person, Pose(), 1, (0, 0), 0.0, with_bag=False)[0].mesh
    assert with_bag.vertices[:, 2].min() < without.vertices[:, 2].min() - 0.05


def test_an_umbrella_is_nobodys():
    person = next(
        candidate
        for candidate in (draw_appearance(0, identity) for identity in range(300))
        if candidate.umbrella
    )
    body, umbrella = person_figures(person, walking(0.0), 7, (0, 0), 0.0)
    assert (body.identity, umbrella.identity) == (7, 0)
    assert umbrella.mesh.vertices[:, 1].max() > body.mesh.vertices[:, 1].max()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_lie_between_their_two_colours(pattern):
    surface = Surface((0.2, 0.2, 0.2), pattern, (0.8, 0.8, 0.8), 0.1, grain=0.0)
    around, along = torch.rand(2, 500, generator=torch.Generator().manual_seed(0)) * 3 - 1
    found = paint(surface, around, along, around, torch.ones_like(along))
    assert found.shape == (500, 3)
    assert float(found.min()) >= 0.2**2.2 - 0.25
    assert float(found.max()) <= 1.0
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("side", [1, -1, 0])
def test_a_print_is_on_its_side_only(side):
    decal = Decal((1.0, 0.0, 0.0), (0.0, 0.5), (0.1, 0.1), side)
    surface = Surface((0.0, 0.0, 0.0), grain=0.0, decals=(decal,))
    middle = torch.full((2,), 0.5)
    found = paint(surface, middle, middle, torch.zeros(2), torch.tensor([0.9, -0.9]))
    red = (found[:, 0] > 0.5).tolist()
    assert red == [side >= 0, side <= 0]


def test_an_arm_keeps_the_sun_from_the_chest():
    bones = np.array([[0.0, 1.3, 0.3, 0.0, 1.1, 0.3, 0.05]], np.float32)
    towards_sun = np.array([0, 0.0, 1.0], np.float32)
    points = np.array([[0, 1.2, 0.1], [0.5, 1.2, 0.1], [0, 1.2, 0.6]], np.float32)
    behind, beside, before = sun_share(points, bones, towards_sun)
    assert behind < 0.05
    assert beside == before == 1

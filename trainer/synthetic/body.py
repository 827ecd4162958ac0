"""An appearance in a pose becomes a mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.synthetic.appearance import Appearance
from trainer.synthetic.belongings import bag_lofts, hair_lofts, hat_lofts, umbrella_lofts
from trainer.synthetic.lofts import NORMAL, OPEN, Loft, Mesh, ball, closed, cross, mesh, tube
from trainer.synthetic.occlusion import bones_of, sky_share
from trainer.synthetic.pose import HIP, NECK, SHOULDER, Joints, Pose, joints
from trainer.synthetic.surfaces import Surface

Floats = npt.NDArray[np.float32]
UP = np.array([0, 1, 0], np.float32)

# Height, half width, half depth, ahead, as shares of the stature: a man's torso, a woman's.
_MAN = np.array(
    [
        [0.455, 0.060, 0.048, 0.000], [0.490, 0.088, 0.064, -0.004], [0.530, 0.091, 0.066, -0.004],
        [0.580, 0.086, 0.060, 0.000], [0.630, 0.085, 0.057, 0.002], [0.690, 0.092, 0.062, 0.003],
        [0.745, 0.100, 0.067, 0.004], [0.780, 0.103, 0.063, 0.001], [0.803, 0.097, 0.054, -0.003],
        [0.818, 0.080, 0.046, -0.004], [0.832, 0.057, 0.040, -0.003], [0.845, 0.041, 0.037, 0.000],
        [0.862, 0.034, 0.035, 0.003], [0.895, 0.033, 0.035, 0.006],
    ], np.float32,
)  # fmt: skip
_WOMAN = np.array(
    [
        [0.455, 0.062, 0.050, 0.000], [0.490, 0.093, 0.068, -0.006], [0.530, 0.095, 0.068, -0.006],
        [0.580, 0.084, 0.057, 0.000], [0.630, 0.074, 0.050, 0.003], [0.690, 0.081, 0.058, 0.004],
        [0.738, 0.089, 0.071, 0.008], [0.775, 0.090, 0.061, 0.003], [0.800, 0.084, 0.048, -0.003],
        [0.815, 0.068, 0.041, -0.004], [0.830, 0.047, 0.034, -0.002], [0.845, 0.034, 0.031, 0.000],
        [0.862, 0.028, 0.029, 0.003], [0.895, 0.027, 0.029, 0.006],
    ], np.float32,
)  # fmt: skip
_NECK_ROWS = 3  # the last rows are bare
# Share of the way (0 to 1 the first bone, 1 to 2 the second), radius as a share of the stature.
_LEG = np.array(
    [[-0.14, 0.030], [0.0, 0.046], [0.3, 0.047], [0.7, 0.039], [0.97, 0.033], [1.08, 0.031],
     [1.35, 0.034], [1.7, 0.024], [1.97, 0.020]], np.float32,
)  # fmt: skip
_ARM = np.array(
    [[-0.13, 0.006], [-0.10, 0.016], [-0.02, 0.025], [0.14, 0.029], [0.5, 0.025], [0.95, 0.021],
     [1.08, 0.021], [1.3, 0.022], [1.7, 0.017], [2.0, 0.014]], np.float32,
)  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A solid thing that stands in the world for one picture.

    Attributes:
        mesh: its skin, in world coordinates.
        identity: whose it is; 0: nobody's (umbrellas, carts).
        seed: of the folds in its cloth.
        bones: float32 (K, 7), what keeps the sun from it, as in `occlusion.bones_of`.
    """

    mesh: Mesh
    identity: int
    seed: int = 0
    bones: Floats | None = None


def person_figures(
    appearance: Appearance,
    pose: Pose,
    identity: int,
    place: tuple[float, float],
    heading: float,
    with_bag: bool = True,
) -> list[Figure]:
    """A person on the ground at `place` (x, z), walking towards `heading` (rad from z to x).

    What belongs to the person but not into the box (an umbrella) is a figure of its own.
    """
    build = appearance.build
    tall = build.stature_m
    shape = _MAN + np.float32(build.feminine) * (_WOMAN - _MAN)
    hips_m = 0.047 * tall * (0.7 + 0.3 * build.girth)
    shoulders_m = (0.101 - 0.014 * build.feminine) * tall * (0.8 + 0.2 * build.girth)
    bones = joints(pose, tall, hips_m, shoulders_m)
    lofts = [
        *_torso(appearance, bones, shape),
        *_limbs(appearance, bones),
        *_head(appearance, bones),
        *hair_lofts(appearance, bones),
        *hat_lofts(appearance, bones),
        *(bag_lofts(appearance, bones) if with_bag else ()),
    ]
    body = mesh(lofts)
    solid = bones_of(bones, tall)
    body.attributes[:, OPEN] *= sky_share(body.vertices, body.attributes[:, NORMAL], solid)
    turn = _turn(heading)
    there = np.array([place[0], 0, place[1]], np.float32)
    solid[:, :3], solid[:, 3:6] = solid[:, :3] @ turn.T + there, solid[:, 3:6] @ turn.T + there
    figures = [Figure(_placed(body, turn, there), identity, identity, solid)]
    if appearance.umbrella:
        open_one = mesh(umbrella_lofts(appearance, bones))
        figures.append(Figure(_placed(open_one, turn, there), 0, identity))
    return figures


def busy_hands(appearance: Appearance, with_bag: bool = True) -> str:
    """The gesture that what is carried asks for; empty: none."""
    if appearance.umbrella:
        return "umbrella"
    return "carry" if with_bag and appearance.bag in ("tote", "plastic", "suitcase") else ""


def _turn(heading: float) -> Floats:
    cos, sin = np.cos(heading), np.sin(heading)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)


def _placed(local: Mesh, turn: Floats, there: Floats) -> Mesh:
    attributes = local.attributes.copy()
    attributes[:, NORMAL] = attributes[:, NORMAL] @ turn.T
    return Mesh(local.vertices @ turn.T + there, attributes, local.triangles, local.surfaces)


def _torso(appearance: Appearance, bones: Joints, shape: Floats) -> list[Loft]:
    """Hips, neck, the top over them, and a skirt."""
    build = appearance.build
    tall = build.stature_m
    hips = shape[:5].copy()
    hips[:, 1:3] *= 0.96  # below the top
    lofts = [
        closed(Loft(appearance.bottom, *_trunk(bones, hips, tall, build.girth, 0.0))),
        Loft(appearance.skin, *_trunk(bones, shape[-_NECK_ROWS - 1 :], tall, 1.0, 0.0)),
    ]
    if appearance.skirt_hem:
        skirt = _hanging(appearance, bones, shape, appearance.skirt_hem, 0.6, appearance.bottom)
        lofts.append(closed(skirt))
    hem = max(appearance.hem, 0.475)
    covered = shape[(shape[:, 0] > hem + 0.01) & (np.arange(len(shape)) < len(shape) - _NECK_ROWS)]
    first = np.array([np.interp(hem, shape[:, 0], column) for column in shape.T], np.float32)
    first[1:3] = np.maximum(first[1:3], (0.094, 0.068))  # over the thighs
    rows = np.vstack([first, covered])
    rows[1:3, 1:3] = np.maximum(rows[1:3, 1:3], (0.088, 0.060))
    top = Loft(appearance.top, *_trunk(bones, rows, tall, build.girth, 0.010))
    if appearance.hem < 0.45:
        top = _joined(_hanging(appearance, bones, shape, appearance.hem, 0.5, appearance.top), top)
    lofts.append(closed(top))
    return lofts


def _trunk(
    bones: Joints, shape: Floats, tall: float, girth: float, loose_m: float
) -> tuple[Floats, Floats, Floats]:
    """Centres, sides and fronts of the torso's rings."""
    height = shape[:, :1]
    way = np.clip((height - HIP) / (SHOULDER - HIP), -0.4, 1.2)
    spine = bones.spine
    centres = spine[0] + way * (spine[1] - spine[0])
    side = bones.hips_side + np.clip(way, 0, 1) * (bones.chest_side - bones.hips_side)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    ahead = cross(side, UP)
    ahead[:, 1] -= 0.15 * np.clip(way[:, 0], 0, 1)
    # A stout person is stout at the belly, not at the neck.
    belly = 1 + (girth - 1) * np.exp(-(((height - 0.59) / 0.13) ** 2))
    centres = centres + shape[:, 3:4] * tall * ahead + 0.25 * (belly - 1) * 0.06 * tall * ahead
    loose = loose_m * (height < NECK - 0.03)
    across = side * (shape[:, 1:2] * tall * (0.35 + 0.65 * belly) + loose)
    front = ahead * (shape[:, 2:3] * tall * belly + loose)
    return centres.astype(np.float32), across.astype(np.float32), front.astype(np.float32)


def _hanging(
    appearance: Appearance, bones: Joints, shape: Floats, hem: float, height: float,
    surface: Surface,
) -> Loft:  # fmt: skip
    """Cloth from its hem up to `height` (shares of the stature), wide enough for the stride."""
    build = appearance.build
    tall = build.stature_m
    upper = np.array([[np.interp(height, shape[:, 0], column) for column in shape.T]], np.float32)
    upper[:, 1:3] = np.maximum(upper[:, 1:3], (0.088, 0.060))
    centre, across, front = (rows[0] for rows in _trunk(bones, upper, tall, build.girth, 0.012))
    thighs = bones.knees - bones.hips
    low = centre + (hem - height) * tall * UP + 0.35 * thighs.mean(0) * np.array([1, 0, 1])
    stride = 0.5 * abs(float(thighs[0, 2] - thighs[1, 2])) * min(1.5, (0.53 - hem) / 0.22)
    steps = np.linspace(0, 1, 6, dtype=np.float32)[:, None]  # 0 at the hem
    wide = 1 + (1 - steps) * 0.75 * (appearance.flare - 1)
    deep = 1 + (1 - steps) * (appearance.flare - 1 + stride / np.linalg.norm(front))
    return Loft(
        surface,
        (low + steps * (centre - low)).astype(np.float32),
        (wide * across).astype(np.float32),
        (deep * front).astype(np.float32),
    )


def _joined(lower: Loft, upper: Loft) -> Loft:
    return Loft(
        upper.surface,
        np.concatenate([lower.centres, upper.centres[1:]]),
        np.concatenate([lower.across, upper.across[1:]]),
        np.concatenate([lower.front, upper.front[1:]]),
    )


def _limbs(appearance: Appearance, bones: Joints) -> list[Loft]:
    build = appearance.build
    tall, stout = build.stature_m, 0.55 + 0.45 * build.girth
    bare_from = min(
        (decal.centre[1] - decal.half[1] for decal in appearance.legs.decals if decal.half[0] == 1),
        default=9.0,
    )
    arm_bare = min((d.centre[1] - d.half[1] for d in appearance.sleeves.decals), default=9.0)
    lofts = []
    for side in range(2):
        lofts.append(
            _limb(
                appearance.legs, _LEG, (bones.hips[side], bones.knees[side], bones.ankles[side]),
                tall * stout, appearance.width, bare_from, bones.hips_side,
            )
        )  # fmt: skip
        lofts.append(
            _limb(
                appearance.sleeves, _ARM,
                (bones.shoulders[side], bones.elbows[side], bones.wrists[side]),
                tall * stout, 0.009, arm_bare, bones.chest_side,
            )
        )  # fmt: skip
        lofts.append(_hand(appearance, bones, side))
        lofts.append(_shoe(appearance, bones, side))
    return lofts


def _limb(
    surface: Surface, profile: Floats, bones: tuple[Floats, Floats, Floats], size: float,
    loose_m: float, bare_from_m: float, hint: Floats,
) -> Loft:  # fmt: skip
    """Two bones in cloth; `bare_from_m` metres down the cloth ends."""
    start, middle, end = bones
    way = profile[:, :1]
    points = np.where(way < 1, start + way * (middle - start), middle + (way - 1) * (end - middle))
    length = way[:, 0] * np.linalg.norm(middle - start)
    clothed = length < bare_from_m
    # Wide trousers hang straight: their radius does not follow the shank.
    radius = profile[:, 1] * size
    hanging = np.maximum(radius + 0.4 * loose_m, (0.8 * radius.max()) * loose_m / 0.028)
    radius = np.where(clothed, np.where(way[:, 0] > 0.3, hanging, radius + 0.3 * loose_m), radius)
    return tube(surface, points, radius, radius * 1.03, hint)


def _hand(appearance: Appearance, bones: Joints, side: int) -> Loft:
    along = bones.wrists[side] - bones.elbows[side]
    along /= np.linalg.norm(along)
    across = cross(along, bones.chest_side)
    across /= np.linalg.norm(across) + 1e-6
    size = appearance.build.stature_m
    flat = cross(across, along)
    return ball(
        appearance.skin, bones.wrists[side] + 0.04 * size * along, 0.022 * size * across,
        0.052 * size * along, 0.013 * size * flat,
    )  # fmt: skip


def _shoe(appearance: Appearance, bones: Joints, side: int) -> Loft:
    size = appearance.build.stature_m
    ankle, toe = bones.ankles[side], bones.toes[side]
    way = np.array([-0.32, -0.25, 0.0, 0.35, 0.7, 0.95, 1.05], np.float32)[:, None]
    heel = ankle - np.array([0, 0.022 * size, 0], np.float32)
    points = heel + way * (toe - heel)
    points[:3, 1] += np.array([0.002, 0.004, 0.004], np.float32) * size
    widths = np.array([0.012, 0.020, 0.024, 0.027, 0.029, 0.022, 0.008], np.float32) * size
    depths = np.array([0.014, 0.022, 0.026, 0.022, 0.016, 0.012, 0.006], np.float32) * size
    return tube(appearance.shoes, points, widths, depths, bones.hips_side, square=0.7)


def _head(appearance: Appearance, bones: Joints) -> list[Loft]:
    """Rings from the chin to the crown; ears."""
    size = appearance.build.stature_m**0.6 * 1.76**0.4  # a child's head is relatively large
    profile = np.array(
        [
            [-0.062, 0.006, 0.010, 0.020], [-0.058, 0.020, 0.030, 0.012],
            [-0.040, 0.033, 0.043, 0.006], [-0.015, 0.040, 0.051, 0.001],
            [0.010, 0.043, 0.055, -0.002], [0.035, 0.042, 0.054, -0.004],
            [0.053, 0.033, 0.043, -0.005], [0.064, 0.016, 0.022, -0.006],
            [0.067, 0.001, 0.001, -0.006],
        ], np.float32,
    ) * size  # fmt: skip
    up = cross(bones.face, bones.face_side)
    up = up if up[1] > 0 else -up
    centres = bones.head + profile[:, :1] * up + profile[:, 3:] * bones.face
    skull = Loft(
        appearance.head, centres, profile[:, 1:2] * bones.face_side, profile[:, 2:3] * bones.face
    )
    ears = [
        ball(
            appearance.skin,
            bones.head + side * 0.043 * size * bones.face_side - 0.005 * size * bones.face,
            0.005 * size * bones.face_side,
            0.017 * size * up,
            0.009 * size * bones.face,
        )
        for side in (1, -1)
    ]
    return [skull, *ears]

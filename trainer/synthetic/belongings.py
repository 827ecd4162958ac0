"""Hair, hats, bags and umbrellas."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.synthetic.appearance import Appearance
from trainer.synthetic.lofts import Loft, ball, box, closed, cross, tube
from trainer.synthetic.pose import Joints
from trainer.synthetic.surfaces import Surface

Floats = npt.NDArray[np.float32]
UP = np.array([0, 1, 0], np.float32)
_METAL = Surface((0.35, 0.35, 0.37), gloss=0.5)


def hair_lofts(appearance: Appearance, bones: Joints) -> list[Loft]:
    """What stands off the head; the hair line itself is painted."""
    style = appearance.hair_style
    size = appearance.build.stature_m**0.6 * 1.76**0.4
    if style == "bald":
        return []
    thick = {"short": 0.006, "curls": 0.022, "bob": 0.012}.get(style, 0.009) * size
    cap = ball(
        appearance.hair,
        bones.head + 0.020 * size * UP - 0.013 * size * bones.face,
        (0.043 * size + thick) * bones.face_side,
        (0.048 * size + thick) * UP,
        (0.048 * size + thick) * bones.face,
    )
    lofts = [cap]
    if style in ("long", "bob"):
        end = 0.23 if style == "long" else 0.085
        way = np.linspace(0, 1, 5, dtype=np.float32)[:, None]
        top = bones.head + 0.02 * size * UP - 0.022 * size * bones.face
        low = bones.head - end * size * UP - 0.052 * size * bones.face
        widths = np.array([0.042, 0.052, 0.054, 0.052, 0.036], np.float32) * size
        depths = np.array([0.034, 0.036, 0.030, 0.024, 0.016], np.float32) * size
        lofts.append(
            tube(appearance.hair, top + way * (low - top), widths, depths, bones.face_side)
        )
    elif style == "tail":
        way = np.linspace(0, 1, 5, dtype=np.float32)[:, None]
        top = bones.head + 0.025 * size * UP - 0.052 * size * bones.face
        low = bones.head - 0.13 * size * UP - 0.085 * size * bones.face
        points = top + way * (low - top) - 0.03 * size * np.sin(np.pi * way) * bones.face
        radius = np.array([0.012, 0.021, 0.022, 0.017, 0.006], np.float32) * size
        lofts.append(tube(appearance.hair, points, radius, radius, bones.face_side))
    elif style == "bun":
        centre = bones.head + 0.045 * size * UP - 0.06 * size * bones.face
        lofts.append(
            ball(appearance.hair, centre, 0.026 * size * bones.face_side, 0.026 * size * UP,
                 0.026 * size * bones.face)
        )  # fmt: skip
    return lofts


def hat_lofts(appearance: Appearance, bones: Joints) -> list[Loft]:
    """A cap, beanie, hat with a brim, helmet or hood."""
    kind, surface = appearance.hat, appearance.hat_surface
    size = appearance.build.stature_m**0.6 * 1.76**0.4
    if not kind:
        return []
    thick = {"helmet": 0.022, "hood": 0.020}.get(kind, 0.013) * size
    low = {"beanie": 0.018, "hood": 0.0}.get(kind, 0.030) * size
    rise = np.array([0.0, 0.3, 0.65, 0.9, 1.0], np.float32)[:, None]
    shrink = np.array([1.0, 1.0, 0.82, 0.45, 0.01], np.float32)[:, None]
    base = bones.head + low * UP - 0.004 * size * bones.face
    height = 0.075 * size + thick - low
    across = (0.044 * size + thick) * bones.face_side
    front = (0.054 * size + thick) * bones.face
    lofts = [closed(Loft(surface, base + rise * height * UP, shrink * across, shrink * front))]
    if kind == "hood":
        back = bones.head - 0.012 * size * UP - 0.024 * size * bones.face
        lofts.append(
            ball(surface, back, 0.064 * size * bones.face_side, 0.085 * size * UP,
                 0.046 * size * bones.face)
        )  # fmt: skip
    if kind in ("cap", "brim", "helmet"):
        reach = {"cap": 0.055, "brim": 0.045, "helmet": 0.02}[kind] * size
        ahead = reach * bones.face if kind != "brim" else 0 * bones.face
        wide = 1.0 if kind != "brim" else 1.75
        levels = np.array([-0.005, 0.005], np.float32)[:, None] * size
        lofts.append(
            closed(
                Loft(
                    surface,
                    base + 0.012 * size * UP + levels * UP + ahead,
                    np.repeat(across[None] * wide, 2, 0),
                    np.repeat(front[None] * wide, 2, 0),
                )
            )
        )
    return lofts


def bag_lofts(appearance: Appearance, bones: Joints) -> list[Loft]:
    """A backpack, shoulder bag, tote, plastic bag or suitcase."""
    kind, surface = appearance.bag, appearance.bag_surface
    size = appearance.build.stature_m
    chest = bones.chest_side
    turn = float(-np.arctan2(chest[2], chest[0]))
    ahead = cross(chest, UP)
    middle = 0.5 * (bones.spine[0] + bones.spine[1])
    belly = 0.02 * (appearance.build.girth - 1) * size
    hand = bones.wrists[1] + np.array([0, -0.06 * size, 0], np.float32)
    if kind == "backpack":
        centre = middle + 0.035 * size * UP - (0.118 * size + belly) * ahead
        return [
            box(surface, centre, (0.088 * size, 0.125 * size, 0.055 * size), turn, 0.5, 0.85),
            box(surface, centre - 0.05 * size * ahead - 0.05 * size * UP,
                (0.06 * size, 0.055 * size, 0.02 * size), turn, 0.5),
        ]  # fmt: skip
    if kind == "shoulder":
        centre = bones.spine[0] + 0.01 * size * UP + (0.125 * size + belly) * bones.hips_side
        return [box(surface, centre, (0.035 * size, 0.07 * size, 0.085 * size), turn, 0.4)]
    if kind in ("tote", "plastic"):
        deep = 0.10 if kind == "tote" else 0.085
        middle = hand - (deep + 0.05) * size * UP
        half = (0.035 * size, deep * size, 0.09 * size)
        bag = box(surface, middle, half, turn, 0.5, 0.75)
        points = np.stack([hand, hand - 0.08 * size * UP])
        thin = np.array([0.008, 0.012], np.float32) * size
        return [bag, tube(surface, points, thin, thin * 4, bones.hips_side)]
    if kind == "suitcase":
        centre = hand - 0.22 * ahead * size - 0.03 * size * chest
        centre[1] = 0.33
        grip = np.stack([centre + 0.25 * UP, hand])
        thin = np.full(2, 0.015, np.float32)
        return [
            box(surface, centre, (0.2, 0.29, 0.12), turn, 0.35),
            tube(_METAL, grip, thin, thin, bones.hips_side),
        ]
    return []


def umbrella_lofts(appearance: Appearance, bones: Joints) -> list[Loft]:
    """An open umbrella over the right hand; its cloth has the bag's material."""
    hand = bones.wrists[1]
    tip = np.array([0.5 * hand[0], bones.head[1] + 0.42, hand[2] - 0.08], np.float32)
    rise = np.array([0.0, -0.03, -0.09, -0.17, -0.24, -0.24], np.float32)[:, None]
    radius = np.array([0.005, 0.17, 0.34, 0.47, 0.53, 0.005], np.float32)[:, None]
    side, ahead = np.array([1, 0, 0], np.float32), np.array([0, 0, 1], np.float32)
    dome = Loft(appearance.bag_surface, tip + rise * UP, radius * side, radius * ahead)
    thin = np.full(2, 0.008, np.float32)
    return [dome, tube(_METAL, np.stack([hand, tip]), thin, thin, side)]

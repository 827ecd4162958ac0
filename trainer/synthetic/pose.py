"""How people stand and walk: joint angles, and where the joints are.

Body coordinates: metres, y up, z ahead, the left side at +x; the ground is at y = 0 below the
lowest foot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from trainer.synthetic.draws import between, pick
from trainer.synthetic.lofts import cross

Floats = npt.NDArray[np.float32]
Pair = tuple[float, float]  # left, right

# Heights and lengths as shares of the stature.
HIP, SHOULDER, NECK, HEAD = 0.522, 0.797, 0.855, 0.934
THIGH, SHANK, ANKLE = 0.245, 0.235, 0.042
UPPER_ARM, FOREARM = 0.178, 0.150
STRIDE = 0.83  # two steps, at an easy pace
GESTURES = {"none": 0.62, "phone": 0.12, "call": 0.06, "pockets": 0.12, "behind": 0.04, "box": 0.04}


@dataclass(frozen=True)
class Pose:
    """Angles in radians; pairs are (left, right). Positive swings go ahead.

    Attributes:
        thighs, knees: swing of the thigh and bend of the knee.
        feet: how far the toes point down.
        arms, spread, elbows: swing of the upper arm, its lift to the side, bend of the elbow.
        inward: how far the forearm turns to the body's middle.
        lean, twist, sway: of the spine ahead, of the shoulders against the hips, to the side.
        nod, gaze: the head's turn down and to the left.
    """

    thighs: Pair = (0.0, 0.0)
    knees: Pair = (0.04, 0.04)
    feet: Pair = (0.0, 0.0)
    arms: Pair = (0.05, 0.05)
    spread: Pair = (0.08, 0.08)
    elbows: Pair = (0.2, 0.2)
    inward: Pair = (0.15, 0.15)
    lean: float = 0.04
    twist: float = 0.0
    sway: float = 0.0
    nod: float = 0.1
    gaze: float = 0.0


@dataclass(frozen=True)
class Joints:
    """Where the joints are, float32 in metres; pairs are (2, 3), left and right.

    Attributes:
        spine: (3, 3), middle of the hips, of the shoulders, of the neck.
        head: (3,), its middle.
        hips_side, chest_side, face_side: unit vectors (3,) to the left.
        face: unit vector (3,) ahead of the face.
        hips, knees, ankles, toes, shoulders, elbows, wrists: pairs.
    """

    spine: Floats
    head: Floats
    hips_side: Floats
    chest_side: Floats
    face_side: Floats
    face: Floats
    hips: Floats
    knees: Floats
    ankles: Floats
    toes: Floats
    shoulders: Floats
    elbows: Floats
    wrists: Floats


def walking(phase: float, vigour: float = 1.0) -> Pose:
    """A moment of the walk; `phase` in radians, two steps a turn; `vigour` scales the swing."""
    left_right = np.array([phase, phase + np.pi])
    swing = vigour * 0.37 * np.sin(left_right)
    knees = 0.1 + vigour * 0.95 * np.exp(1.8 * (np.cos(left_right + 0.55) - 1))
    feet = 0.6 * np.exp(3 * (np.cos(left_right + 1.35) - 1)) - 0.3 * np.exp(
        3 * (np.cos(left_right - 1.5) - 1)
    )
    arms = -0.85 * swing + 0.03
    elbows = 0.25 + 0.5 * np.maximum(arms, 0)
    return Pose(
        thighs=_pair(swing + 0.06),
        knees=_pair(knees),
        feet=_pair(vigour * feet),
        arms=_pair(arms),
        elbows=_pair(elbows),
        lean=0.06,
        twist=float(-0.12 * vigour * np.sin(phase)),
        sway=float(0.03 * np.cos(phase)),
    )


def standing(rng: np.random.Generator) -> Pose:
    """Somebody who stands, the weight on one leg."""
    loose = between(rng, 0.0, 0.3)
    first = rng.random() < 0.5
    bend = (loose, 0.03) if first else (0.03, loose)
    return Pose(
        thighs=(bend[0] * 0.5, bend[1] * 0.5),
        knees=bend,
        arms=(between(rng, -0.1, 0.2), between(rng, -0.1, 0.2)),
        elbows=(between(rng, 0.1, 0.5), between(rng, 0.1, 0.5)),
        lean=between(rng, 0.0, 0.08),
        sway=between(rng, -0.05, 0.05),
    )


def gesture(pose: Pose, name: str) -> Pose:
    """The pose with the arms busy; names are the keys of `GESTURES`, and "carry", "umbrella"."""
    match name:
        case "phone":
            return _right_arm(replace(pose, nod=0.45), 0.55, 0.08, 1.75, 0.5)
        case "call":
            return _right_arm(replace(pose, gaze=-0.15), 0.75, 0.35, 2.45, 0.35)
        case "umbrella":
            return _right_arm(pose, 0.45, 0.08, 2.0, 0.1)
        case "carry":
            return _right_arm(pose, 0.25 * pose.arms[1], 0.12, 0.1, 0.0)
        case "pockets":
            return replace(
                pose, arms=(-0.2, -0.2), spread=(0.28, 0.28), elbows=(0.75, 0.75), inward=(0.6, 0.6)
            )
        case "behind":
            return replace(
                pose, arms=(-0.55, -0.55), spread=(0.2, 0.2), elbows=(0.45, 0.45), inward=(1.1, 1.1)
            )
        case "box":
            return replace(
                pose, arms=(0.35, 0.35), spread=(0.1, 0.1), elbows=(1.2, 1.2), inward=(0.1, 0.1)
            )
    return pose


def any_pose(rng: np.random.Generator, moving: bool, busy: str = "") -> Pose:
    """A pose that chance has met; `busy` is a gesture that what the person carries asks for."""
    if moving:
        pose = walking(between(rng, 0, 2 * np.pi), between(rng, 0.75, 1.15))
    else:
        pose = standing(rng)
    name = busy or pick(rng, GESTURES)
    pose = gesture(pose, name)
    return replace(
        pose, gaze=pose.gaze + between(rng, -0.5, 0.5), nod=pose.nod + between(rng, -0.1, 0.2)
    )


def joints(pose: Pose, stature_m: float, hips_m: float, shoulders_m: float) -> Joints:
    """The joints of a body; `hips_m`, `shoulders_m`: from the middle to the joint."""
    tall = stature_m
    hips_side, chest_side = _side(0.6 * -pose.twist), _side(pose.twist)
    sides = np.array([1.0, -1.0], np.float32)[:, None]  # (2, 1)
    up = np.array([np.sin(pose.sway), np.cos(pose.lean), np.sin(pose.lean)], np.float32)
    pelvis = np.array([0, HIP * tall, 0], np.float32)
    spine = pelvis + np.array([0, SHOULDER - HIP, NECK - HIP], np.float32)[:, None] * tall * up
    face_side = _side(pose.twist * 0.3 + pose.gaze)
    face = cross(face_side, np.array([0, 1, 0], np.float32))
    nod = np.float32(np.sin(pose.nod))
    head = spine[2] + (HEAD - NECK) * tall * (up + nod * 0.45 * face)

    hips = pelvis + sides * hips_m * hips_side
    thighs, knees = np.array(pose.thighs, np.float32), np.array(pose.knees, np.float32)
    knee = hips + THIGH * tall * _swung(thighs, sides * 0.02, hips_side)
    ankle = knee + SHANK * tall * _swung(thighs - knees, sides * -0.015, hips_side)
    pitch = np.array(pose.feet, np.float32)
    ahead = cross(hips_side, np.array([0, 1, 0], np.float32)) + sides * 0.14 * hips_side
    toe = ankle + 0.115 * tall * (
        ahead * np.cos(pitch)[:, None] - np.array([0, 1, 0], np.float32) * np.sin(pitch)[:, None]
    )
    toe[:, 1] -= 0.022 * tall

    shoulder = spine[1] + sides * shoulders_m * chest_side
    arms, bends = np.array(pose.arms, np.float32), np.array(pose.elbows, np.float32)
    spread = sides * np.array(pose.spread, np.float32)[:, None]
    elbow = shoulder + UPPER_ARM * tall * _swung(arms + pose.lean, spread, chest_side)
    inward = (
        sides * np.array(pose.inward, np.float32)[:, None] * np.sin(np.minimum(bends, 1.5))[:, None]
    )
    wrist = elbow + FOREARM * tall * _swung(arms + bends, spread * 0.6 - inward, chest_side)

    lowest = min(float((ankle[:, 1] - ANKLE * tall).min()), float((toe[:, 1] - 0.018 * tall).min()))
    drop = np.array([0, lowest, 0], np.float32)
    return Joints(
        spine - drop, (head - drop).astype(np.float32), hips_side, chest_side, face_side,
        face.astype(np.float32), hips - drop, knee - drop, ankle - drop, toe - drop,
        shoulder - drop, elbow - drop, wrist - drop,
    )  # fmt: skip


def _pair(values: npt.NDArray[np.float64]) -> Pair:
    return float(values[0]), float(values[1])


def _side(turn: float) -> Floats:
    """The left side after a turn to the left."""
    return np.array([np.cos(turn), 0, -np.sin(turn)], np.float32)


def _swung(angles: Floats, outward: Floats, side: Floats) -> Floats:
    """Unit vectors (2, 3) that hang down, swung ahead by angles (2,), moved to the side (2, 1)."""
    ahead = cross(side, np.array([0, 1, 0], np.float32))
    found = (
        np.sin(angles)[:, None] * ahead
        - np.cos(angles)[:, None] * np.array([0, 1, 0], np.float32)
        + np.tan(outward) * side
    )
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def _right_arm(pose: Pose, arm: float, spread: float, elbow: float, inward: float) -> Pose:
    return replace(
        pose,
        arms=(pose.arms[0], arm),
        spread=(pose.spread[0], spread),
        elbows=(pose.elbows[0], elbow),
        inward=(pose.inward[0], inward),
    )

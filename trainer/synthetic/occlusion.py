"""How a body keeps light from itself: its bones, as thick lines, stand for its limbs and trunk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.synthetic.pose import Joints

Floats = npt.NDArray[np.float32]


def bones_of(joints: Joints, stature_m: float) -> Floats:
    """The body as thick lines, (K, 7): from, to, radius, in metres."""
    hips, chest, neck = joints.spine
    lines = [(hips, chest, 0.075), (neck, joints.head, 0.045)]
    for side in range(2):
        lines += [
            (joints.hips[side], joints.knees[side], 0.042),
            (joints.knees[side], joints.ankles[side], 0.030),
            (joints.shoulders[side], joints.elbows[side], 0.027),
            (joints.elbows[side], joints.wrists[side], 0.020),
        ]
    rows = [[*start, *end, radius * stature_m] for start, end, radius in lines]
    return np.array(rows, np.float32)


def sky_share(vertices: Floats, normals: Floats, bones: Floats) -> Floats:
    """Share (V,) of the sky's light that the bones leave to vertices (V, 3), 0 to 1."""
    start, radius = bones[:, :3], bones[:, 6]
    along = bones[:, 3:6] - start  # (K, 3)
    # Dot products instead of (V, K, 3) differences: much less to move.
    reach = (vertices @ along.T - (start * along).sum(1)) / ((along**2).sum(1) + 1e-6)
    reach = np.clip(reach, 0, 1)  # (V, K)
    square = (
        (vertices**2).sum(1)[:, None]
        - 2 * (vertices @ start.T + reach * (vertices @ along.T))
        + (start**2).sum(1)
        + 2 * reach * (start * along).sum(1)
        + reach**2 * (along**2).sum(1)
    )
    distance = np.sqrt(np.maximum(square, 1e-6))
    towards = (
        normals @ start.T + reach * (normals @ along.T) - (normals * vertices).sum(1)[:, None]
    ) / distance
    near = np.clip(1.4 - (distance - radius) / (2 * radius), 0, 1)
    return np.prod(1 - 0.6 * near * np.clip(towards, 0, 1), axis=1).astype(np.float32)


def sun_share(vertices: Floats, bones: Floats, towards_sun: Floats) -> Floats:
    """Share (V,) of the sun that the bones leave to vertices (V, 3), 0 to 1."""
    # Seen from the sun all is flat: a bone is a line in the plane across its rays.
    height = vertices @ towards_sun
    side = np.array([towards_sun[2], 0, -towards_sun[0]], np.float32)
    side /= np.linalg.norm(side) + 1e-6
    plane = np.stack([side, np.cross(towards_sun, side)], 1).astype(np.float32)  # (3, 2)
    points, start, end = vertices @ plane, bones[:, :3] @ plane, bones[:, 3:6] @ plane
    along = end - start
    reach = (points @ along.T - (start * along).sum(1)) / ((along**2).sum(1) + 1e-6)
    reach = np.clip(reach, 0, 1)  # (V, K)
    across = points[:, :1] - start[:, 0] - reach * along[:, 0]
    upward = points[:, 1:] - start[:, 1] - reach * along[:, 1]
    distance = np.sqrt(across**2 + upward**2)
    low, high = bones[:, :3] @ towards_sun, bones[:, 3:6] @ towards_sun
    before = low + reach * (high - low) - height[:, None] - bones[:, 6]
    hidden = np.clip(1.5 - 1.5 * distance / bones[:, 6], 0, 1) * np.clip(before / 0.04, 0, 1)
    return np.prod(1 - hidden, axis=1).astype(np.float32)

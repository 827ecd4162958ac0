"""Where a camera hangs and how its lens maps the world to pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Camera:
    """A camera with radial distortion.

    Attributes:
        position: metres (x, y, z).
        yaw: where it looks, radians from +z towards +x.
        tilt: how far it looks down, radians.
        roll: radians.
        focal_px: focal length.
        size_px: width and height of its frames.
        bend: first coefficient of the radial distortion; negative is a barrel.
    """

    position: tuple[float, float, float]
    yaw: float
    tilt: float
    roll: float
    focal_px: float
    size_px: tuple[int, int]
    bend: float = 0.0

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Pixels (n, 2) of points (n, 3), x right and y down, and their depths (n,) in metres."""
        seen = (points - np.array(self.position, np.float32)) @ self._axes.T
        depth = np.maximum(seen[:, 2], 1e-3)
        flat = seen[:, :2] / depth[:, None]
        # Far outside the frame the polynomial would fold back: it is held there.
        square = np.minimum((flat**2).sum(1, keepdims=True), 2.5 * self._corner())
        centre = np.array(self.size_px, np.float32) / 2
        return centre + self.focal_px * flat * (1 + self.bend * square), seen[:, 2]

    def rays(self, pixels: Floats) -> Floats:
        """World directions (n, 3) of pixels (n, 2), one metre deep each."""
        bent = (pixels - np.array(self.size_px, np.float32) / 2) / np.float32(self.focal_px)
        flat = bent.copy()
        for _ in range(6):  # the inverse has no closed form
            flat = bent / (1 + self.bend * (flat**2).sum(1, keepdims=True))
        return np.concatenate([flat, np.ones_like(flat[:, :1])], 1) @ self._axes

    def ground(self, pixel: tuple[float, float]) -> tuple[float, float] | None:
        """The ground's (x, z) at a pixel; None at or above the horizon."""
        ray = self.rays(np.array([pixel], np.float32))[0]
        if ray[1] > -1e-3:
            return None
        reach = -self.position[1] / ray[1]
        return float(self.position[0] + reach * ray[0]), float(self.position[2] + reach * ray[2])

    def _corner(self) -> float:
        return float((np.hypot(*self.size_px) / 2 / self.focal_px) ** 2)

    @cached_property
    def _axes(self) -> Floats:
        """Rows: right, down, ahead."""
        ahead = np.array(
            [np.sin(self.yaw) * np.cos(self.tilt), -np.sin(self.tilt),
             np.cos(self.yaw) * np.cos(self.tilt)]
        )  # fmt: skip
        # Seen from above with y up, x lies to the left of z: right is ahead x up.
        right = np.cross(ahead, [0, 1, 0])
        right /= np.linalg.norm(right)
        down = np.cross(ahead, right)
        turned = np.cos(self.roll) * right + np.sin(self.roll) * down
        return np.stack([turned, np.cross(ahead, turned), ahead]).astype(np.float32)

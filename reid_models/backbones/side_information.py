"""Side information embedding: one learnt row for each camera, view, or pair of both."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reid_models.errors import NetworkError
from reid_models.interfaces import UnknownCamera


class SideInformation(nn.Module):
    """λ times the row of an image's camera and view; Eq. (5), arXiv:2102.04378.

    The paper prints N_C + N_V rows; its own index needs their product, which is what is built.
    Ids that the training did not know (outside 0 … count-1, or not given) get what
    `unknown_camera` says: "mean" the mean of the rows that the known half of the pair allows,
    "none" nothing added, "error" a NetworkError. The published code fails with an index error.
    """

    def __init__(
        self,
        width: int,
        cameras: int,
        views: int,
        coefficient: float = 3.0,
        unknown_camera: UnknownCamera = "mean",
    ) -> None:
        """Makes the table.

        Args:
            width: D, length of a row.
            cameras: how many the training knows; 0: cameras are not looked at.
            views: likewise.
            coefficient: λ.
            unknown_camera: what an id gets that the training did not know.
        """
        super().__init__()
        self.cameras = cameras
        self.views = views
        self.coefficient = coefficient
        self.unknown_camera = unknown_camera
        # Row camera·views + view, or the one id that there is.
        self.table = nn.Parameter(torch.empty(max(cameras, 1) * max(views, 1), 1, width))
        nn.init.normal_(self.table, std=0.02)

    def forward(self, images: int, camera_ids: Tensor | None, view_ids: Tensor | None) -> Tensor:
        """What is added to every token, (B, 1, D).

        Args:
            images: B, how many.
            camera_ids: int64 (B,), or None where unknown.
            view_ids: int64 (B,), or None where unknown.

        Raises:
            NetworkError: no ids while training, another number of ids than of images, or unknown
                ids where they are refused.
        """
        camera = self._slots(images, camera_ids, self.cameras, "camera")  # (B,)
        view = self._slots(images, view_ids, self.views, "view")  # (B,)
        return self.coefficient * self._rows_and_unknown()[camera, view].unsqueeze(1)

    def _slots(self, images: int, ids: Tensor | None, count: int, name: str) -> Tensor:
        """Ids with `count` in place of unknown ones, (B,); all 0 where the kind is not used."""
        device = self.table.device
        if count == 0:
            return torch.zeros(images, dtype=torch.long, device=device)
        if ids is None:
            if self.training or self.unknown_camera == "error":
                raise NetworkError(
                    f"The network needs the {name} of each image and got none.",
                    f"Pass {name}_ids, numbers from 0 to {count - 1}.",
                )
            return torch.full((images,), count, dtype=torch.long, device=device)
        ids = torch.as_tensor(ids)  # lists and arrays, too
        if tuple(ids.shape) != (images,):
            raise NetworkError(
                f"There are {name} ids of the shape {tuple(ids.shape)} for {images} images.",
                f"Pass one {name} id for each image.",
            )
        ids = ids.to(device=device, dtype=torch.long)
        known = (ids >= 0) & (ids < count)
        if self.unknown_camera == "error" and not bool(known.all()):
            wrong = ids[~known].unique().tolist()
            raise NetworkError(
                f"The network knows the {name}s 0 to {count - 1} and got {wrong}.",
                'Pass known ones, or set unknown_camera to "mean" or "none".',
            )
        return torch.where(known, ids, count)

    def _rows_and_unknown(self) -> Tensor:
        """The table with one more place along each kind in use, (cameras + 1, views + 1, D)."""
        rows = self.table.unflatten(0, (max(self.cameras, 1), max(self.views, 1))).squeeze(2)
        for axis, count in ((0, self.cameras), (1, self.views)):
            if count:
                unknown = rows.mean(axis, keepdim=True)
                if self.unknown_camera == "none":
                    unknown = torch.zeros_like(unknown)
                rows = torch.cat((rows, unknown), axis)
        return rows

"""VeRi-776: vehicles, twenty cameras, and eight views from the lists of key points.

Folders `image_train`, `image_query`, `image_test` with names ``0001_c001_00016450_0.jpg``;
`keypoint_train.txt` and `keypoint_test.txt` have a line for each image, its last column the view.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from trainer.data.files import image_files, list_rows
from trainer.data.samples import DataSet, Sample, Trial
from trainer.errors import TrainerError

CAMERAS, VIEWS = 20, 8
KEY_POINT_LISTS = ("keypoint_train.txt", "keypoint_test.txt")
_NAME = re.compile(r"(\d+)_c(\d{3})")


def read_veri776(folder: Path, views: bool = True) -> DataSet:
    """VeRi-776.

    Args:
        folder: holds the three image folders and, for views, the two lists.
        views: take the views from the lists; images without one are left out of training, query
            and gallery, as in TransReID's code. Otherwise every image counts, and has view 0.

    Raises:
        TrainerError: a folder or list is missing, or a name or line cannot be read.
    """
    view_of = _views(folder) if views else None
    without = 0
    read: dict[str, tuple[Sample, ...]] = {}
    for part in ("image_train", "image_query", "image_test"):
        samples = []
        for path in image_files(folder / part):
            match = _NAME.match(path.name)
            camera = int(match[2]) if match else 0
            if match is None or not 1 <= camera <= CAMERAS:
                raise TrainerError(
                    f"The name of {path} does not begin with identity and camera (1 to {CAMERAS}), "
                    "such as 0001_c001.",
                    "Restore or remove the file.",
                )
            if view_of is not None and path.name not in view_of:
                without += 1
                continue
            view = view_of[path.name] if view_of is not None else 0
            samples.append(Sample(path, int(match[1]), camera - 1, view))
        read[part] = tuple(samples)
    return DataSet(
        name="",
        train=read["image_train"],
        trials=(Trial(read["image_query"], read["image_test"]),),
        cameras=CAMERAS,
        views=VIEWS if views else 1,
        camera_names=tuple(f"c{number:03d}" for number in range(1, CAMERAS + 1)),
        terms="",
        left_out={"no view": without} if without else {},
    )


def _views(folder: Path) -> dict[str, int]:
    """The view of each image by its name; a later line wins over an earlier one."""
    views: dict[str, int] = {}
    for name in KEY_POINT_LISTS:
        listing = folder / name
        if not listing.is_file():
            raise TrainerError(
                f"{listing}, which tells the views of VeRi-776, is missing.",
                "Ask the authors of VeRi's key points for it, or take the data set without views, "
                'as "veri776#views=false".',
            )
        for path, *_, view in list_rows(listing, 2):
            if not view.isdecimal() or int(view) >= VIEWS:
                raise TrainerError(
                    f'{listing} has the view "{view}" for {path}.',
                    f"Restore the list: its last column is a number from 0 to {VIEWS - 1}.",
                )
            views[PurePosixPath(path.replace("\\", "/")).name] = int(view)
    return views

"""A picture from outside: who is in it, and who of them is sought."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.core.boxes import area, clip, cut_out
from app.core.entities import Detections, FloatArray, Image
from app.core.errors import NotFoundError
from app.core.ports import Detector
from app.core.queries import CropQuery
from app.language import tr

# A phone's upright photograph is up to 1.8 times as tall as wide; most crops of people are more.
_PERSON_SHAPE = 1.9
# A narrower picture holds no scene in which a person could be found.
_SCENE_PX = 360
# From here on the detector is sure enough for footage to begin a track.
_CLEAR_SCORE = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A picture, and who was found in it.

    Attributes:
        image: RGB uint8 (H, W, 3).
        people: those who are clearly seen, the largest first; if nobody is, whatever might be one.
        is_crop: one person fills it, and it is searched whole.
    """

    image: Image
    people: Detections
    is_crop: bool = False

    @property
    def only(self) -> FloatArray | None:
        """The box of the one person who can be meant, float32 (4,) xyxy; None: it is to be said."""
        if self.is_crop:
            height_px, width_px = self.image.shape[:2]
            return np.array([0, 0, width_px, height_px], np.float32)
        if len(self.people) == 1 and self.people.scores[0] >= _CLEAR_SCORE:
            return np.asarray(self.people.boxes[0], np.float32)
        return None

    def query(self, box: FloatArray) -> CropQuery:
        """Whoever is in a box, float32 (4,) xyxy in pixels.

        Raises:
            NotFoundError: the box has no part in the picture.
        """
        height_px, width_px = self.image.shape[:2]
        if area(clip(box[None], width_px, height_px))[0] <= 0:
            raise NotFoundError(
                tr("The box is not in the picture."),
                tr(
                    "The picture is {width} pixels wide and {height} high.",
                    width=width_px,
                    height=height_px,
                ),
            )
        return CropQuery(cut_out(self.image, box))


def is_crop(image: Image) -> bool:
    """Whether a picture, RGB uint8 (H, W, 3), is as narrow as a person, or small and tall."""
    height_px, width_px = image.shape[:2]
    is_narrow = width_px < _SCENE_PX or height_px >= _PERSON_SHAPE * width_px
    return bool(height_px >= width_px and is_narrow)


def look_at(image: Image, detector: Callable[[], Detector]) -> Photo:
    """Finds who is in a picture. A tall one in which nobody is found is a crop, too.

    Args:
        image: RGB uint8 (H, W, 3).
        detector: gives it, loaded; called only if it is needed.

    Raises:
        ModelError: the detector cannot be loaded.
    """
    if is_crop(image):
        return Photo(image, Detections.none(), is_crop=True)
    found = detector().detect([image])[0]
    is_clear = found.scores >= _CLEAR_SCORE
    rows = np.flatnonzero(is_clear if is_clear.any() else np.ones(len(found), bool))
    rows = rows[np.argsort(-area(found.boxes[rows]), kind="stable")]
    people = Detections(found.boxes[rows], found.scores[rows])
    return Photo(image, people, is_crop=len(people) == 0 and image.shape[0] >= image.shape[1])

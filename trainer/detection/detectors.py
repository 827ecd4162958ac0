"""Detectors of people to learn from or to compare: YOLO files and OpenCV's HOG."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from reid_models.ultralytics_setup import import_ultralytics
from trainer.detection.frames import Image
from trainer.errors import TrainerError

# HOG's window has a margin around the person: shares of its width and height on each side, as in
# OpenCV's own example of people detection.
_HOG_MARGIN = (0.15, 0.05)
_HOG_LONGER_SIDE_PX = 1280


class People(NamedTuple):
    """People found: boxes float32 (n, 4) x1 y1 x2 y2 in pixels; scores float32 (n,)."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]


class PeopleFinder(Protocol):
    """Finds people in an RGB uint8 (H, W, 3) picture."""

    def find(self, image: Image) -> People:
        """Boxes and scores, in any order."""
        ...


class Nobody:
    """Finds nobody: for pictures that are known to show no one."""

    def find(self, image: Image) -> People:
        """See `PeopleFinder`."""
        return People(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


class YoloFile:
    """A YOLO file (.onnx or .pt) run by ultralytics.

    Scores below `least_score` are left out; `image_size_px` is the longer side that pictures are
    scaled to unless the file is bound to a size.
    """

    def __init__(
        self, path: Path, device: str = "cpu", image_size_px: int = 640, least_score: float = 0.1
    ) -> None:
        """Loads the file and runs it once.

        Raises:
            TrainerError: it is missing, cannot be loaded, or knows no people.
        """
        if not path.is_file():
            raise TrainerError(f"The detector {path} does not exist.", "Check the path.")
        import_ultralytics()
        from ultralytics import YOLO

        self._options: dict[str, Any] = {
            "conf": least_score, "imgsz": image_size_px, "device": device, "verbose": False,
        }  # fmt: skip
        try:
            self._model: Any = YOLO(str(path), task="detect")
            self._model.predict(np.zeros((64, 64, 3), np.uint8), **self._options)
        except Exception as error:
            # Whatever a loader trips over in a file of unknown origin is about that file.
            raise TrainerError(
                f"{path} cannot be used as a detector: {error}.", "Choose a YOLO .onnx or .pt file."
            ) from error
        names = self._model.names
        person = [index for index, name in names.items() if name == "person" or len(names) == 1]
        if not person:
            raise TrainerError(
                f"{path} knows no class named person.", "Choose a detector trained on people."
            )
        self._options["classes"] = person

    def find(self, image: Image) -> People:
        """See `PeopleFinder`."""
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)  # ultralytics takes arrays for BGR
        rows = self._model.predict(bgr, **self._options)[0].boxes.data.cpu().numpy()  # (n, 6)
        return People(rows[:, :4].astype(np.float32), rows[:, 4].astype(np.float32))


class HogPeople:
    """OpenCV's pedestrian detector of 2005, on pictures of at most 1280 pixels."""

    def __init__(self) -> None:
        """Raises TrainerError where OpenCV no longer has it."""
        if not hasattr(cv2, "HOGDescriptor"):
            raise TrainerError(
                f"OpenCV {cv2.__version__} has no HOG detector.", "Install opencv-python < 5."
            )
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector()))

    def find(self, image: Image) -> People:
        """See `PeopleFinder`; a score is the distance to the dividing plane, not a share."""
        scale = min(1.0, _HOG_LONGER_SIDE_PX / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        if gray.shape[0] < 128 or gray.shape[1] < 64:  # smaller than its window
            return People(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
        found, weights = self._hog.detectMultiScale(gray, winStride=(8, 8), scale=1.05)
        corners = np.asarray(found, np.float32).reshape(-1, 4)
        left, top, width, height = corners.T
        dx, dy = _HOG_MARGIN[0] * width, _HOG_MARGIN[1] * height
        boxes = np.stack([left + dx, top + dy, left + width - dx, top + height - dy], 1)
        return People(
            (boxes / scale).astype(np.float32), np.asarray(weights, np.float32).reshape(-1)
        )

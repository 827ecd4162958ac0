"""People detector: the YOLO weights files that ultralytics loads."""

from __future__ import annotations

import importlib.util
import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from app.core.entities import Detections, Image
from app.core.errors import ModelError
from app.language import tr, trn
from reid_models.cores import usable_cores
from reid_models.picture_model import file_id
from reid_models.sessions import import_onnxruntime, open_session
from reid_models.ultralytics_setup import import_ultralytics

# ByteTrack continues tracks with weak detections, and starts none from them.
MIN_SCORE = 0.1
# Two boxes that overlap more are one person. People who walk abreast overlap a lot.
MAX_OVERLAP = 0.7
# Frames analysed side by side on a processor, where each network then runs on one thread: on
# 2 cores 17 % faster than frame by frame on two threads, and not slowed down by other work.
FRAMES_AT_ONCE = 8

# Frames from the first longer side on are scaled to the second where a file notes less: in 1080p,
# people of less than 5 % of the height are found then. It takes 1.5 times as long as at 576.
LARGE_FRAME_PX, LARGE_SIZE_PX = 1100, 736

# What ultralytics trains and exports with unless told otherwise.
_USUAL_SIZE_PX = 640
# Height and width in proportion, so that what is compiled for the first frame is used again.
_USUAL_FRAME_PX = (90, 160)
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_EXPORT_REMEDY = tr("Choose a YOLO model trained for detection (.pt, .onnx or .engine).")


class YoloDetector:
    """Finds people in frames. Any thread may call it; calls are served one after the other.

    Attributes:
        id: file stem + the first 12 digits of the file's SHA-256.
        batch_size: how many frames it takes best in one call.
    """

    architecture = "YOLO"

    @staticmethod
    def reads(path: Path) -> bool:
        """Whether the file is for this class."""
        return path.suffix.lower() in (".pt", ".onnx", ".engine")

    def __init__(self, path: Path, device: str = "auto", image_size_px: int | None = None) -> None:
        """Loads the file and runs it once, so that what is wrong with it shows now.

        Args:
            path: a .pt, .onnx or .engine file.
            device: "auto" (the first GPU if there is one), "cpu", "cuda", "cuda:1", "mps".
            image_size_px: longer side that frames are scaled to; a network of fixed size keeps it.
                None: the size that an exported file notes, else 640; large frames, in which people
                are small, are scaled to 736 in any case.

        Raises:
            ModelError: the file is missing, damaged or no detector of people, or the device or
                the runtime that it needs is not there.
        """
        if not path.is_file():
            raise ModelError(
                tr("The detector {path} does not exist.", path=path),
                tr("Check the path, or choose another file."),
            )
        self.id = file_id(path)
        self._lock = threading.Lock()
        import_ultralytics()
        _check_runtime(path)
        self._predictor = _load(path, _chosen_device(path, device), image_size_px)
        self._for_large = self._predictor
        if image_size_px is None:
            self._for_large = _at_least(self._predictor, LARGE_SIZE_PX)
        cores = usable_cores()
        self._at_once = 1
        self.batch_size = 1
        if self._predictor.model.format == "onnx" and self._predictor.device.type == "cpu":
            self._at_once = min(FRAMES_AT_ONCE, cores)
            self.batch_size = 2 * self._at_once  # so that no core idles while a call ends
            # In place of ultralytics' own session, of which all threads work on one frame.
            self._predictor.model.backend.session = open_session(
                path, streams=self._at_once, threads=max(1, cores // FRAMES_AT_ONCE)
            )
        self.detect([np.zeros((*_USUAL_FRAME_PX, 3), np.uint8)])

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """People in frames, best score first; a frame's result does not depend on the others.

        Args:
            images: RGB uint8 (H, W, 3), any number, of any sizes. On a processor, frames handed
                over together are analysed side by side.
        """
        with self._lock:
            workers = min(self._at_once, len(images))
            if workers < 2:
                return [self._detect_one(image) for image in images]
            with ThreadPoolExecutor(workers, "detector") as pool:
                return list(pool.map(self._detect_one, images))

    def _detect_one(self, image: Image) -> Detections:
        import cv2
        import torch

        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)  # ultralytics takes arrays for BGR
        is_large = max(image.shape[:2]) >= LARGE_FRAME_PX
        predictor = self._for_large if is_large else self._predictor
        with torch.inference_mode():
            tensor = predictor.preprocess([bgr])  # (1, 3, h, w)
            raw = predictor.model(tensor)
            rows = predictor.postprocess(raw, tensor, [bgr])[0].boxes.data  # (n, 6)
        found = rows.cpu().numpy().astype(np.float32)
        return Detections(np.ascontiguousarray(found[:, :4]), np.ascontiguousarray(found[:, 4]))


def _chosen_device(path: Path, wanted: str) -> str:
    """The device in torch's words.

    Raises:
        ModelError: there is no such device, or the file's runtime cannot use it.
    """
    import torch

    if not _DEVICE.fullmatch(wanted):
        raise ModelError(
            tr('There is no device "{wanted}".', wanted=wanted),
            tr('Choose "auto", "cpu", "cuda" or "cuda:0".'),
        )
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus and path.suffix == ".onnx" and not _onnxruntime_has_cuda():
        if wanted.startswith("cuda"):
            raise ModelError(
                tr("The installed onnxruntime cannot use the GPU."),
                tr("Install onnxruntime-gpu, choose a .pt file, or use the device cpu."),
            )
        gpus = 0
    if wanted == "auto":
        return "cuda:0" if gpus else "cpu"
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise ModelError(
            tr("This computer has no Apple GPU (mps)."), tr("Use the device auto or cpu.")
        )
    if wanted.startswith("cuda") and int(wanted.partition(":")[2] or 0) >= gpus:
        raise ModelError(
            trn(
                "This computer has no GPU {wanted}: it has {count} that can be used.",
                "This computer has no GPU {wanted}: it has {count} that can be used.",
                gpus,
                wanted=wanted,
            )
            if gpus
            else tr(
                "This computer has no GPU {wanted}: it has none that can be used.", wanted=wanted
            ),
            tr("Use the device auto or cpu."),
        )
    return wanted


def _onnxruntime_has_cuda() -> bool:
    return "CUDAExecutionProvider" in import_onnxruntime().get_available_providers()


def _load(path: Path, device: str, image_size_px: int | None) -> Any:
    """An ultralytics predictor that has run once and returns people only."""
    import torch
    import torchvision  # noqa: F401  (ultralytics' NMS takes another path where it is not loaded)

    threads = torch.get_num_threads()
    try:
        predictor = _predictor(path, device, image_size_px)
    except ModelError:
        raise
    except Exception as error:
        # Whatever a loader trips over in a file of unknown origin is about that file.
        raise _explained(path, error) from error
    finally:
        torch.set_num_threads(threads)  # ultralytics changes it for the whole process
    return predictor


def _predictor(path: Path, device: str, image_size_px: int | None) -> Any:
    import torch
    from ultralytics.models.yolo.detect import DetectionPredictor
    from ultralytics.utils.checks import check_yolov5u_filename

    # ultralytics looks for (and downloads) a file of another name in these cases.
    misread = check_yolov5u_filename(str(path).strip().replace("'", "")) != str(path)
    if path.suffix == ".pt" and misread:
        raise ModelError(
            tr(
                "A model cannot be loaded from {path}: ultralytics mistakes this file name for "
                "one of its own models.",
                path=path,
            ),
            tr("Rename the file or folder (no quotes; not yolov3.pt or yolov5n.pt)."),
        )
    options = {
        "task": "detect",
        "mode": "predict",
        "conf": MIN_SCORE,
        "iou": MAX_OVERLAP,
        "imgsz": image_size_px or _USUAL_SIZE_PX,
        "rect": True,  # as much padding as the strides need, not up to a square
        "device": device,
        "verbose": False,
        "save": False,
    }
    predictor: Any = DetectionPredictor(overrides=options)
    predictor.setup_model(str(path), verbose=False)
    if predictor.device.type != device.partition(":")[0]:
        raise ModelError(
            tr("{name} could not be started on {device}.", name=path.name, device=device),
            tr("Use the device auto or cpu."),
        )
    _require_task(path, predictor.model)
    if image_size_px is None:
        noted_px = getattr(predictor.model.backend, "imgsz", None)  # of an exported file
        predictor.args.imgsz = noted_px or predictor.args.imgsz
    fixed_px = _fixed_size(path, predictor.model)
    if fixed_px is not None:
        predictor.args.rect = False
        predictor.args.imgsz = fixed_px
        predictor.model.backend.imgsz = fixed_px
    blank = np.zeros((64, 64, 3), np.uint8)
    predictor.setup_source([blank])
    predictor.batch = (["frame"], [blank], [""])
    with torch.inference_mode():
        raw = predictor.model(predictor.preprocess([blank]))
    predictor.args.classes = [_person_class(path, predictor.model, raw)]
    return predictor


def _at_least(predictor: Any, size_px: int) -> Any:
    """The predictor for larger pictures of the same network; itself where that is bound to a size.

    Args:
        predictor: has run once.
        size_px: longer side.
    """
    bound = predictor.model.format != "pt" and not getattr(predictor.model, "dynamic", False)
    if bound or max(predictor.imgsz) >= size_px:
        return predictor
    larger = copy(predictor)
    larger.imgsz = [size_px, size_px]
    return larger


def _require_task(path: Path, model: Any) -> None:
    # An exported file says it in its metadata, a checkpoint's network itself.
    task = getattr(model.backend.model, "task", None) if model.format == "pt" else model.task
    if task not in (None, "detect"):
        raise ModelError(
            tr('{name} is a model for "{task}", not a detector.', name=path.name, task=task),
            _EXPORT_REMEDY,
        )


def _fixed_size(path: Path, model: Any) -> list[int] | None:
    """Height and width that an ONNX network is bound to, or None."""
    if model.format != "onnx":
        return None
    shape = model.backend.session.get_inputs()[0].shape
    sides_px = [side for side in shape[2:] if isinstance(side, int)]
    if len(shape) != 4 or any(side % model.stride for side in sides_px):
        raise ModelError(
            tr(
                "{name} is not a detector: its input has the shape {shape}.",
                name=path.name,
                shape=shape,
            ),
            _EXPORT_REMEDY,
        )
    return sides_px if len(sides_px) == 2 else None


def _person_class(path: Path, model: Any, raw: Any) -> int:
    """Index of the class "person", or 0 where the network knows only one.

    Args:
        path: the file, for messages.
        model: ultralytics' backend.
        raw: what it returned for one frame.

    Raises:
        ModelError: that is no detector's output, or it knows no people.
    """
    boxes = raw[0] if model.format == "pt" else raw
    shape = tuple(getattr(boxes, "shape", ()))
    if len(shape) != 3 or shape[0] != 1 or (shape[1] < 5 and shape[2] != 6):
        text = (
            tr(
                "{name} is not a detector: its output has the shape {shape}.",
                name=path.name,
                shape=shape,
            )
            if shape
            else trn(
                "{name} is not a detector: it has {count} output.",
                "{name} is not a detector: it has {count} outputs.",
                len(raw),
                name=path.name,
            )
        )
        raise ModelError(text, _EXPORT_REMEDY)
    end_to_end = model.end2end or shape[2] == 6
    names: dict[int, str] = model.names
    if len(names) == 1 or (not end_to_end and shape[1] == 5):
        return 0
    for index, name in names.items():
        if name.lower() == "person":
            return index
    known = ", ".join(list(names.values())[:5]) + (", …" if len(names) > 5 else "")
    raise ModelError(
        tr('{name} has no class "person"; it knows {known}.', name=path.name, known=known),
        tr("Choose a detector that was trained on people."),
    )


def _check_runtime(path: Path) -> None:
    if path.suffix == ".engine" and importlib.util.find_spec("tensorrt") is None:
        raise ModelError(
            tr("{name} needs TensorRT, which is not installed.", name=path.name),
            tr("Install it, or choose a .pt or .onnx file."),
        )


def _explained(path: Path, error: Exception) -> ModelError:
    text = " ".join(str(error).split())
    if "outside the supported" in text or "unsafe getattr" in text:
        return ModelError(
            tr(
                "{name} contains more than a known detector, so it was not loaded: it could "
                "run any program.",
                name=path.name,
            ),
            tr("If you trust it, export it to ONNX elsewhere, and choose the .onnx file."),
        )
    if re.search(r"truncated|corrupted|INVALID_PROTOBUF|No graph was found", text):
        return ModelError(
            tr("{name} is damaged or cut short.", name=path.name), tr("Download or copy it again.")
        )
    if isinstance(error, ImportError):
        return ModelError(
            tr(
                "{name} needs a Python package that is not installed: {text}.",
                name=path.name,
                text=text,
            ),
            tr("Install it, or choose a .pt or .onnx file."),
        )
    reason = text if len(text) <= 200 else f"{text[:200]}…"
    return ModelError(
        tr("{name} cannot be used as a detector: {reason}", name=path.name, reason=reason),
        _EXPORT_REMEDY,
    )

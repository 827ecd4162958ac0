"""Keeps ultralytics to itself: no network, no installs, no unpickling, nothing on stdout."""

from __future__ import annotations

import logging
import os
import sys

import platformdirs

from reid_models.cores import usable_cores
from reid_models.sessions import import_onnxruntime

_SWITCHES = {
    "YOLO_OFFLINE": "true",  # else DNS look-ups at import
    "YOLO_AUTOINSTALL": "false",  # else pip is run for a missing package
    "ULTRALYTICS_SAFE_LOAD": "true",  # else a .pt file can run code
    "YOLO_VERBOSE": "false",  # else it greets on stdout, which belongs to --json
}
# Of other firms; it would start them by itself where they are installed.
_LOGGERS = ("comet", "clearml", "dvc", "mlflow", "neptune", "raytune", "tensorboard", "wandb")


def import_ultralytics() -> None:
    """Imports ultralytics with its analytics off and its messages handed to `logging`.

    It keeps its settings in YOLO_CONFIG_DIR, else in the program's cache folder.

    Raises:
        RuntimeError: ultralytics was imported before, with its own defaults.
    """
    if "ultralytics" not in sys.modules:
        _prepare()
    elif any(os.environ.get(name) != value for name, value in _SWITCHES.items()):
        raise RuntimeError("import_ultralytics() must run before ultralytics is imported")
    import_onnxruntime()  # before ultralytics does so in its own way
    from ultralytics import settings

    for name in ("sync", *_LOGGERS):
        if settings.get(name):
            settings[name] = False  # writes its settings file
    logger = logging.getLogger("ultralytics")
    for handler in list(logger.handlers):  # they write to stdout
        logger.removeHandler(handler)
    logger.setLevel(logging.WARNING)
    logger.propagate = True


def _prepare() -> None:
    """Sets what ultralytics reads at its first import."""
    os.environ.update(_SWITCHES)
    if not os.environ.get("YOLO_CONFIG_DIR"):
        folder = platformdirs.user_cache_path("retrace", appauthor=False)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["YOLO_CONFIG_DIR"] = str(folder)
    # Where it is unset, ultralytics sets it to 1 for the whole process: torch and FAISS would
    # work on a single core from then on.
    if not os.environ.get("OMP_NUM_THREADS"):
        os.environ["OMP_NUM_THREADS"] = str(usable_cores())

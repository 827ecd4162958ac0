"""Keeps ultralytics to itself: no network, no installs, no unpickling, nothing on stdout."""

from __future__ import annotations

import logging
import os
import sys
import tempfile

from reid_models.cores import usable_cores
from reid_models.sessions import import_onnxruntime

# The same switches as in app/vision/ultralytics_setup.py, which the trainer may not import.
_SWITCHES = {
    "YOLO_OFFLINE": "true",  # else DNS look-ups at import
    "YOLO_AUTOINSTALL": "false",  # else pip is run for a missing package
    "ULTRALYTICS_SAFE_LOAD": "true",  # else a .pt file can run code
    "YOLO_VERBOSE": "false",  # else it greets on stdout, which belongs to --json
}


def import_ultralytics() -> None:
    """Imports ultralytics with its analytics off and its messages handed to `logging`.

    Raises:
        RuntimeError: ultralytics was imported before, with its own defaults.
    """
    if "ultralytics" in sys.modules:
        if any(os.environ.get(name) != value for name, value in _SWITCHES.items()):
            raise RuntimeError("import_ultralytics() must run before ultralytics is imported")
    else:
        os.environ.update(_SWITCHES)
        # Where it is unset, ultralytics sets it to 1 for the whole process.
        os.environ.setdefault("OMP_NUM_THREADS", str(usable_cores()))
        if not os.environ.get("YOLO_CONFIG_DIR"):
            os.environ["YOLO_CONFIG_DIR"] = tempfile.mkdtemp(prefix="retrace-ultralytics-")
    import_onnxruntime()  # before ultralytics does so in its own way
    from ultralytics import settings

    if settings["sync"]:
        settings["sync"] = False  # writes its settings file
    # Loggers of other firms that it would start by itself where they are installed.
    for name in ("comet", "clearml", "dvc", "mlflow", "neptune", "raytune", "tensorboard", "wandb"):
        if settings.get(name):
            settings[name] = False
    logger = logging.getLogger("ultralytics")
    for handler in list(logger.handlers):  # they write to stdout
        logger.removeHandler(handler)
    logger.setLevel(logging.WARNING)
    logger.propagate = True

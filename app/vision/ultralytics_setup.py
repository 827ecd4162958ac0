"""Keeps ultralytics to itself: no network, no installs, no unpickling, nothing on stdout."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import platformdirs

from reid_models.cores import usable_cores

_SWITCHES = {
    "YOLO_OFFLINE": "true",  # else DNS look-ups at import
    "YOLO_AUTOINSTALL": "false",  # else pip is run for a missing package
    "ULTRALYTICS_SAFE_LOAD": "true",  # else a .pt file can run code
}


def prepare_ultralytics(config_dir: Path | None = None) -> None:
    """Sets what ultralytics reads at its first import; after that import it only checks.

    Args:
        config_dir: where it keeps its settings file; by default what an earlier call (or
            YOLO_CONFIG_DIR) said, else the application's cache folder.

    Raises:
        RuntimeError: ultralytics was imported before, with its own defaults.
    """
    if "ultralytics" in sys.modules:
        if any(os.environ.get(name) != value for name, value in _SWITCHES.items()):
            raise RuntimeError("prepare_ultralytics() must run before ultralytics is imported")
        return
    os.environ.update(_SWITCHES)
    os.environ["YOLO_VERBOSE"] = "false"  # else it greets on stdout, which belongs to --json
    if config_dir is not None or not os.environ.get("YOLO_CONFIG_DIR"):
        folder = config_dir or platformdirs.user_cache_path("retrace")
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["YOLO_CONFIG_DIR"] = str(folder)
    # Where it is unset, ultralytics sets it to 1 for the whole process: torch and FAISS would
    # work on a single core from then on.
    if not os.environ.get("OMP_NUM_THREADS"):
        os.environ["OMP_NUM_THREADS"] = str(usable_cores())


def import_ultralytics() -> None:
    """Imports ultralytics, turns its analytics off and its messages over to `logging`."""
    prepare_ultralytics()
    from ultralytics import settings

    if settings["sync"]:
        settings["sync"] = False  # writes its settings file
    logger = logging.getLogger("ultralytics")
    for handler in list(logger.handlers):  # they write to stdout
        logger.removeHandler(handler)
    logger.setLevel(logging.WARNING)
    logger.propagate = True

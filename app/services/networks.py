"""The detector and embedder of one library: chosen once, loaded when first needed, kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from app.core.entities import ModelFile
from app.core.errors import ModelError
from app.core.ports import Detector, Embedder
from app.services.model_choice import choose_model
from app.settings import ModelRole, ModelSettings, models_dir
from app.storage.library import Library

N = TypeVar("N")


class Networks:
    """Loaded networks by weights file and device; loading takes seconds, so call from a worker.

    Args:
        library: remembers what it was made with.
        load_detector: (weights file, device) → detector; raises ModelError.
        load_embedder: likewise.
        models: the user's settings.
    """

    def __init__(
        self,
        library: Library,
        load_detector: Callable[[Path, str], Detector],
        load_embedder: Callable[[Path, str], Embedder],
        models: ModelSettings,
    ) -> None:
        self._library = library
        self._load_detector = load_detector
        self._load_embedder = load_embedder
        self._settings = models
        self._lock = threading.Lock()
        self._loaded: dict[tuple[str, str], Any] = {}

    def choose(
        self, role: ModelRole, named: str | None = None, *, changing: bool = False
    ) -> ModelFile:
        """The weights file to use, see `app.services.model_choice.choose_model`.

        Args:
            role: which of the two networks.
            named: file or name given with this call, else None.
            changing: the library's embedder is to be another one from now on.

        Raises:
            ModelError: there is none, or another embedder made the library's vectors.
        """
        remembered = self._library.model(role)
        preferred = self._settings.detector if role == "detector" else self._settings.embedder
        model = choose_model(
            role,
            named=named,
            remembered=remembered,
            preferred=preferred,
            folder=models_dir(role),
        )
        changed = remembered is not None and remembered.id != model.id and not changing
        if role == "embedder" and changed and any(v.tracklet_count for v in self._library.videos()):
            raise ModelError(
                f"The people of this library were not embedded with {model.id}; "
                "vectors of two networks cannot be compared.",
                "Leave --embedder away, change the library's embedder with reembed, or load the "
                "folder into a new library.",
            )
        return model

    def detector(self, model: ModelFile | None = None, device: str | None = None) -> Detector:
        """The detector, loaded; by default the library's on the settings' device.

        Raises:
            ModelError: there is none, or it cannot be loaded.
        """
        return self._get(model or self.choose("detector"), device, self._load_detector)

    def embedder(self, model: ModelFile | None = None, device: str | None = None) -> Embedder:
        """The embedder, loaded; by default the library's on the settings' device.

        Raises:
            ModelError: there is none, or it cannot be loaded.
        """
        return self._get(model or self.choose("embedder"), device, self._load_embedder)

    def _get(self, model: ModelFile, device: str | None, load: Callable[[Path, str], N]) -> N:
        key = (model.id, device or self._settings.device)
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = load(model.path, key[1])
            network: N = self._loaded[key]
            return network

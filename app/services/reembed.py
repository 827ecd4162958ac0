"""Another embedder's vectors for a whole library, from the stored crops; a generator of events."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from app.core.entities import FloatArray, Image, ModelFile
from app.core.errors import ModelError
from app.core.ports import Embedder
from app.services.networks import Networks
from app.services.pipeline import in_background
from app.services.search import Search
from app.storage.crop_files import read_crop
from app.storage.library import Library

# Tracklets embedded and stored at a time: a fraction of a second even on a slow machine.
_BATCH = 16
_BEAT_S = 0.2


@dataclass(frozen=True, slots=True)
class ReembedProgress:
    """How a re-embedding stands.

    Attributes:
        done: tracklets that have the new embedder's vector.
        total: tracklets of the library.
        per_s: tracklets a second, or None at the beginning.
        eta_s: seconds left, or None where unknown.
    """

    embedder_id: str
    done: int
    total: int
    per_s: float | None
    eta_s: float | None


class Reembed:
    """Changes the embedder of a library.

    Args:
        library: whose crops are embedded anew.
        search: told when the new vectors take over.
        networks: chooses and loads the embedder.
    """

    def __init__(self, library: Library, search: Search, networks: Networks) -> None:
        self._library = library
        self._search = search
        self._networks = networks

    def run(self, embedder: str, device: str | None = None) -> Iterator[ReembedProgress]:
        """Makes the missing vectors, then makes that embedder the library's.

        The old vectors stay, so that changing back takes no time. Until the end, searches use the
        old ones. Yields at least every 0.3 s; closing the generator stops it, and the next call
        goes on from there.

        Args:
            embedder: weights file or installed name.
            device: "auto", "cpu", "cuda:0", …; None: from the settings.

        Raises:
            ModelError: it cannot be loaded.
            NotFoundError: a stored crop is missing.
            LibraryError: the library can no longer be written to.
        """
        model = self._networks.choose("embedder", embedder, changing=True)
        network = yield from self._loaded(model, device)
        missing = self._library.tracklets_without_vector(model.id)
        total = sum(video.tracklet_count for video in self._library.videos())
        done, began = total - len(missing), time.monotonic()
        yield ReembedProgress(model.id, done, total, None, None)
        for first in range(0, len(missing), _BATCH):
            ids = missing[first : first + _BATCH]
            self._library.store_vectors(ids, self._vectors(network, ids), model.id)
            per_s = (first + len(ids)) / max(time.monotonic() - began, 1e-6)
            left = len(missing) - first - len(ids)
            yield ReembedProgress(model.id, done + first + len(ids), total, per_s, left / per_s)
        self._library.remember_model("embedder", model)
        self._search.reset()

    def _loaded(
        self, model: ModelFile, device: str | None
    ) -> Generator[ReembedProgress, None, Embedder]:
        loading = in_background(lambda: self._networks.embedder(model, device), _BEAT_S)
        while True:
            try:
                next(loading)
            except StopIteration as end:
                network: Embedder = end.value
                return network
            yield ReembedProgress(model.id, 0, 0, None, None)

    def _vectors(self, network: Embedder, tracklet_ids: list[int]) -> FloatArray:
        """Mean embedding of each tracklet's crops, float32 (n, D), L2-normalised."""
        cameras = {video.id: video.camera.name for video in self._library.videos()}
        images: list[Image] = []
        names: list[str] = []
        starts: list[int] = []
        for tracklet in self._library.tracklets(tracklet_ids):
            starts.append(len(images))
            for crop in self._library.crops(tracklet.id):
                images.append(read_crop(crop.path))
                names.append(cameras[tracklet.video_id])
        return mean_vectors(network.embed(images, names), starts)


def mean_vectors(vectors: FloatArray, starts: list[int]) -> FloatArray:
    """Means of consecutive rows, float32 (n, D), L2-normalised.

    Args:
        vectors: float32 (crops, D), the crops of a tracklet beside each other.
        starts: the first row of each of the n tracklets.

    Raises:
        ModelError: the network returned something that is no number.
    """
    sums = np.add.reduceat(vectors, starts, axis=0)  # (n, D)
    if not np.isfinite(sums).all():
        raise ModelError(
            "The embedder returned values that are no numbers.", "Choose another embedder."
        )
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(norms, 1e-12), np.float32)

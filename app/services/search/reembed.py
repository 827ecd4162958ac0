"""Another embedder's vectors for a whole library, from the stored crops; a generator of events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from app.core.entities import FloatArray, Image, Tracklet
from app.core.ports import Embedder
from app.services.networks.networks import Networks
from app.services.pipeline import in_background
from app.services.search.mean_vectors import mean_vectors
from app.services.search.search import Search
from app.storage.library import Library

# Tracklets embedded and stored at a time: a fraction of a second even on a slow machine.
_BATCH = 16


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
        network = yield from in_background(
            lambda: self._networks.embedder(model, device),
            lambda: ReembedProgress(model.id, 0, 0, None, None),
        )
        began, made = time.monotonic(), 0
        # An ingest may store people meanwhile: until nobody is left.
        while missing := self._library.tracklets_without_vector(model.id):
            total = self._total()
            for first in range(0, len(missing), _BATCH):
                done = total - len(missing) + first
                now = partial(_progress, model.id, done, total, made, began)
                yield now()
                tracklets = self._library.tracklets(missing[first : first + _BATCH])
                vectors = yield from in_background(partial(self._vectors, network, tracklets), now)
                self._library.store_vectors([each.id for each in tracklets], vectors, model.id)
                made += len(tracklets)
        self._networks.change_to("embedder", model)
        self._search.reset()
        yield ReembedProgress(model.id, self._total(), self._total(), None, None)

    def _total(self) -> int:
        return sum(video.tracklet_count for video in self._library.videos())

    def _vectors(self, network: Embedder, tracklets: list[Tracklet]) -> FloatArray:
        """Mean embedding of each tracklet's crops, float32 (n, D), L2-normalised."""
        if not tracklets:  # all of them deleted a moment ago
            return np.zeros((0, network.dimension), np.float32)
        cameras = {video.id: video.camera.name for video in self._library.videos()}
        images: list[Image] = []
        names: list[str] = []
        counts: list[int] = []
        qualities: list[float] = []
        for tracklet in tracklets:
            crops = self._library.crops(tracklet.id)
            counts.append(len(crops))
            qualities += [crop.quality for crop in crops]
            images += [self._library.crop(crop.path) for crop in crops]
            names += [cameras[tracklet.video_id]] * len(crops)
        return mean_vectors(network.embed(images, names), counts, qualities)


def _progress(embedder_id: str, done: int, total: int, made: int, began: float) -> ReembedProgress:
    """How it stands after `made` tracklets since the monotonic time `began`."""
    if not made:
        return ReembedProgress(embedder_id, done, total, None, None)
    per_s = made / max(time.monotonic() - began, 1e-6)
    return ReembedProgress(embedder_id, done, total, per_s, (total - done) / per_s)

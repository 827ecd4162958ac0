"""The index that a query is compared with: exact, in memory, rebuilt from the library."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import faiss
import numpy as np
from numpy.typing import NDArray

from app.core.entities import FloatArray, GalleryVectors, IntArray
from app.core.queries import SearchFilter

_ROW = np.dtype(
    [
        ("tracklet_id", np.int64),
        ("camera_id", np.int64),
        ("first_utc_s", np.float64),
        ("last_utc_s", np.float64),
    ]
)


class GalleryIndex:
    """Cosine search over the tracklets' vectors, filtered by camera and time inside the search.

    Thread-safe: an ingest adds while a search reads. The vectors lie in FAISS only; what the
    filters need stands beside them, row by row in the same order.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows = np.empty(0, _ROW)
        self._flat: faiss.IndexFlatIP | None = None

    def __len__(self) -> int:
        with self._lock:
            return len(self._rows)

    def add(self, gallery: GalleryVectors) -> None:
        """Takes the tracklets that are not known yet; known ones keep what they have.

        Raises:
            ValueError: if the vectors' dimension is not the index's.
        """
        with self._lock:
            self._add(gallery)

    def remove(self, tracklet_ids: Sequence[int]) -> None:
        """Forgets tracklets; unknown ids are ignored."""
        with self._lock:
            gone = np.isin(self._rows["tracklet_id"], np.asarray(tracklet_ids, np.int64))
            if self._flat is None or not gone.any():
                return
            # A flat index closes the gaps in order, just as the mask below does.
            self._flat.remove_ids(_selector(gone))
            self._rows = self._rows[~gone]

    def count(self, where: SearchFilter | None = None) -> int:
        """How many tracklets the filter lets through."""
        with self._lock:
            return int(np.count_nonzero(self._allowed(where or SearchFilter())))

    def search(
        self, vector: FloatArray, k: int, where: SearchFilter | None = None
    ) -> tuple[IntArray, FloatArray]:
        """The closest tracklets that the filter lets through.

        Args:
            vector: float32 (D,), L2-normalised.
            k: how many at most.
            where: cameras and time; tracklets of unknown time pass no time filter.

        Returns:
            Tracklet ids, int64 (m,), and cosines, float32 (m,), best first, ties by tracklet id;
            m ≤ k.

        Raises:
            ValueError: if the vector's dimension is not the index's.
        """
        with self._lock:
            allowed = self._allowed(where or SearchFilter())
            matches = int(np.count_nonzero(allowed))
            k = min(k, matches)
            if self._flat is None or k < 1:
                return np.empty(0, np.int64), np.empty(0, np.float32)
            if vector.shape != (self._flat.d,):
                raise ValueError(f"vector must be ({self._flat.d},), got {vector.shape}")
            rows, cosines = self._closest(vector, k, allowed, matches)
            ids = self._rows["tracklet_id"][rows]
        order = np.lexsort((ids, -cosines))[:k]
        return ids[order], cosines[order]

    def _closest(
        self, vector: FloatArray, k: int, allowed: NDArray[np.bool_], matches: int
    ) -> tuple[IntArray, FloatArray]:
        """At least the k closest rows, with all that tie with the k-th: its neighbour may be one.

        FAISS keeps whichever of equal scores it met first, which is not always the smaller id.
        """
        assert self._flat is not None
        parameters = None
        if matches < len(allowed):
            parameters = _parameters(_selector(allowed))
        wanted = min(k + 1, matches)
        while True:
            cosines, rows = self._flat.search(vector[None], wanted, params=parameters)
            if wanted == matches or cosines[0, wanted - 1] < cosines[0, k - 1]:
                return rows[0], cosines[0]
            wanted = min(2 * wanted, matches)

    def _add(self, gallery: GalleryVectors) -> None:
        ids, first_places = np.unique(gallery.tracklet_ids, return_index=True)
        places = np.sort(first_places[~np.isin(ids, self._rows["tracklet_id"])])
        if not len(places):
            return
        if self._flat is None:
            self._flat = faiss.IndexFlatIP(gallery.vectors.shape[1])
        if gallery.vectors.shape[1] != self._flat.d:
            raise ValueError(f"vectors must be (n, {self._flat.d}), got {gallery.vectors.shape}")
        everything_new = len(places) == len(gallery)
        self._flat.add(gallery.vectors if everything_new else gallery.vectors[places])
        rows = np.empty(len(places), _ROW)
        rows["tracklet_id"] = gallery.tracklet_ids[places]
        rows["camera_id"] = gallery.camera_ids[places]
        rows["first_utc_s"] = gallery.first_utc_s[places]
        rows["last_utc_s"] = gallery.last_utc_s[places]
        self._rows = np.concatenate([self._rows, rows])

    def _allowed(self, where: SearchFilter) -> NDArray[np.bool_]:
        """Which rows the filter lets through, bool (n,)."""
        allowed = np.ones(len(self._rows), np.bool_)
        if where.camera_ids is not None:
            cameras = np.fromiter(where.camera_ids, np.int64)
            allowed &= np.isin(self._rows["camera_id"], cameras)
        # Comparing with NaN (an unknown time) is false: such tracklets pass no time filter.
        if where.from_utc is not None:
            allowed &= self._rows["last_utc_s"] >= where.from_utc.timestamp()
        if where.to_utc is not None:
            allowed &= self._rows["first_utc_s"] <= where.to_utc.timestamp()
        return allowed


# The signatures that FAISS ships describe the C++ constructors, not what Python accepts.
def _selector(rows: NDArray[np.bool_]) -> faiss.IDSelector:
    """FAISS's form of a mask over rows."""
    bits = np.packbits(rows, bitorder="little")
    return faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type, unused-ignore]


def _parameters(selector: faiss.IDSelector) -> faiss.SearchParameters:
    """Search only the selected rows."""
    return faiss.SearchParameters(sel=selector)  # type: ignore[call-arg, unused-ignore]

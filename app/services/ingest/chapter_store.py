"""Stores what a chapter added, so that it is found at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from app.services.ingest.untangling import Untangled
from app.services.search.search import Search
from app.storage.library import Library


def store_chapter(
    library: Library,
    search: Search,
    video_id: int,
    tracklets: Sequence[Untangled],
    embedder_id: str,
    note: Callable[[], None],
) -> list[int]:
    """Stores tracklets and how far their video has come, in one transaction; then search knows.

    Args:
        library: where they are stored.
        search: told of them.
        video_id: their video.
        tracklets: those that are new or go on.
        embedder_id: the embedder that made their vectors.
        note: notes in the library how far the video has come.

    Returns:
        Ids of those that are new.

    Raises:
        LibraryError: the library can no longer be written to.
    """
    vectors = [each.vector for each in tracklets] or np.zeros((0, 0))
    with library.transaction():
        stored = library.store_tracklets(
            video_id,
            [each.part for each in tracklets],
            np.asarray(vectors, np.float32),
            embedder_id,
        )
        note()
    search.stored([tracklet.id for tracklet in stored])
    return [one.id for one, each in zip(stored, tracklets, strict=True) if each.is_new]

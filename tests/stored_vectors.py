"""All that a library holds of one embedder, in one piece."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from app.core.entities import GalleryVectors
from app.storage.library import Library


def all_vectors(library: Library, embedder_id: str) -> GalleryVectors:
    """By tracklet id; vectors float32 (0, 0) where there are none."""
    batches = list(library.vector_batches(embedder_id))
    if not batches:
        return library.vectors_of([], embedder_id)
    columns = [field.name for field in fields(GalleryVectors)]
    return GalleryVectors(
        *(np.concatenate([getattr(batch, name) for batch in batches]) for name in columns)
    )

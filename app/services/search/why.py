"""Why a hit looks like the person sought: which parts of the two pictures agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.core.entities import FloatArray, Image
from app.core.errors import ModelError
from app.core.ports import Embedder
from app.core.queries import CropQuery, Query, examples
from app.language import tr
from app.storage.library import Library

# A place is compared with places at about the same height: so much of the map above and below.
_BAND = 1 / 8
# Cosines of features at or below which two places do not agree at all, and above which they do.
_NOTHING, _ALL = 0.35, 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of the two pictures.

    Attributes:
        picture: RGB uint8 (H, W, 3).
        agreement: float32 (h, w), 0..1, how well each part of it is found again in the other one.
        camera: name of its camera; empty where that is not known.
    """

    picture: Image
    agreement: FloatArray
    camera: str


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Both pictures, the one of the person sought first."""

    sought: Side
    hit: Side


def explain(
    library: Library, load_embedder: Callable[[], Embedder], query: Query, hit_id: int
) -> Explanation:
    """Compares the first example of a query with the best picture of a hit; may load a network.

    Raises:
        ModelError: the embedder cannot be loaded, or has no feature maps.
        NotFoundError: a tracklet or its picture is gone.
    """
    first = examples(query)[0]
    if isinstance(first, CropQuery):
        names = {each.id: each.name for each in library.cameras()}
        picture, camera = first.image, names.get(first.camera_id or 0, "")
    else:
        picture, camera = _stored(library, first.tracklet_id)
    hit, hit_camera = _stored(library, hit_id)
    maps = load_embedder().maps([picture, hit], [camera, hit_camera])
    if maps is None:
        raise ModelError(
            tr("The embedder in use cannot say which parts of two pictures agree."),
            tr("Use the bundled embedder, or another one made by the trainer."),
        )
    one, other = agreement(maps[0], maps[1])
    return Explanation(Side(picture, one, camera), Side(hit, other, hit_camera))


def _stored(library: Library, tracklet_id: int) -> tuple[Image, str]:
    tracklet = library.tracklet(tracklet_id)
    camera = library.video(tracklet.video_id).camera.name
    return library.crop(tracklet.thumbnail.path), camera


def agreement(one: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How well each place of a map is found at about the same height of the other one, and back.

    Args:
        one: float32 (h, w, C), features of a picture.
        other: likewise, of the same size.

    Returns:
        float32 (h, w) each, 0..1.
    """
    height, width, channels = one.shape
    lengths = [
        np.maximum(np.linalg.norm(each, axis=2, keepdims=True), 1e-6) for each in (one, other)
    ]
    flat, flat_other = (
        (each / length).reshape(-1, channels)
        for each, length in zip((one, other), lengths, strict=True)
    )
    rows = np.repeat(np.arange(height), width)
    far = np.abs(rows[:, None] - rows) > max(1, round(_BAND * height))
    cosines = np.where(far, -1, flat @ flat_other.T)
    scaled = ((cosines - _NOTHING) / (_ALL - _NOTHING)).clip(0, 1).astype(np.float32)
    return scaled.max(axis=1).reshape(height, width), scaled.max(axis=0).reshape(height, width)

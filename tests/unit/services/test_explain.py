"""Which parts of two pictures agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from stored_people import EMBEDDER, plain_crop
from test_search import people

from app.core.entities import FloatArray, Image
from app.core.errors import ModelError, NotFoundError
from app.core.queries import CropQuery, PersonQuery, TrackletQuery
from app.services.search.why import agreement, explain
from app.storage.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


class MapEmbedder:
    """Whose maps are the colours of four rows of a picture."""

    id, dimension = EMBEDDER, 3

    def __init__(self, *, has_maps: bool = True) -> None:
        self.has_maps = has_maps
        self.cameras: list[list[str]] = []

    def embed(
        self, images: Sequence[Image], cameras: Sequence[str] | None = None, *, urgent: bool = False
    ) -> FloatArray:
        raise AssertionError("only maps are wanted")

    def maps(
        self, images: Sequence[Image], cameras: Sequence[str] | None = None
    ) -> FloatArray | None:
        self.cameras.append(list(cameras or ()))
        if not self.has_maps:
            return None
        rows = [np.array_split(image.astype(np.float32) + 1, 4) for image in images]
        return np.array([[[part.mean(axis=(0, 1))] for part in each] for each in rows], np.float32)


def test_parts_agree_at_about_the_same_height() -> None:
    random = np.random.default_rng(0)
    one = random.standard_normal((16, 4, 32)).astype(np.float32)
    moved = np.roll(one, 1, axis=0)  # the same person, a little lower
    hit, back = agreement(one, moved)
    assert hit.shape == back.shape == (16, 4)
    assert (hit[:-1] == 1).all()
    assert (back[1:] == 1).all()
    upside_down = agreement(one, one[::-1].copy())[0]
    assert upside_down[:4].max() < 0.9, "a shoe is no hat"


def test_only_what_is_alike_agrees() -> None:
    one = np.zeros((8, 2, 4), np.float32)
    one[:4, :, 0], one[4:, :, 1] = 1, 1
    other = one.copy()
    other[4:, :, 1], other[4:, :, 2] = (
        0,
        5,
    )  # other trousers; how strong a feature is does not count
    sought, hit = agreement(one, other)
    assert (sought[:4] == 1).all() and (hit[:4] == 1).all()
    assert (sought[4:] == 0).all() and (hit[4:] == 0).all()
    assert not agreement(np.zeros_like(one), other)[0].any(), "nothing is like nothing"


def test_the_first_example_is_compared_with_the_hit(library: Library) -> None:
    query, hit = people(library, 0, 10)
    embedder = MapEmbedder()
    found = explain(library, lambda: embedder, TrackletQuery(query.id), hit.id)
    assert (found.sought.camera, found.hit.camera) == ("cam1", "cam1")
    assert found.hit.picture.shape == (32, 16, 3)
    assert found.hit.agreement.shape == (4, 1)
    assert (found.hit.agreement == 1).all(), "both are plain red"
    picture = plain_crop(red=0)
    picture[16:, :, 2] = 255
    of_picture = PersonQuery((CropQuery(picture), TrackletQuery(query.id)))
    found = explain(library, lambda: embedder, of_picture, hit.id)
    assert found.sought.picture is picture
    assert found.sought.camera == ""
    assert embedder.cameras == [["cam1", "cam1"], ["", "cam1"]]
    assert (found.sought.agreement[2:] == 0).all(), "blue is not red"


def test_what_cannot_be_explained_is_said(library: Library) -> None:
    query, hit = people(library, 0, 10)
    without = MapEmbedder(has_maps=False)
    with pytest.raises(ModelError, match="cannot say which parts"):
        explain(library, lambda: without, TrackletQuery(query.id), hit.id)
    with pytest.raises(NotFoundError):
        explain(library, MapEmbedder, TrackletQuery(query.id), 999)

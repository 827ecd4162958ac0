"""Several threads at one search: what may go on side by side, and what may be dropped where."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from stored_people import add_people, add_video
from test_search import RedEmbedder, at_degrees, people, rankings, search_in

from app.core.ports import Embedder
from app.core.queries import CropQuery
from app.storage.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


def test_a_preparation_may_be_dropped_in_another_thread(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.storage.vector_rows._BATCH", 2)
    people(library, 0, 10, 20, 30, 40)
    search = search_in(library)
    dropped = search.prepare()
    next(dropped)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(dropped.close).result(60)  # type: ignore[attr-defined]
    assert search.index.count() == 5


def test_what_is_stored_is_learnt_while_an_embedder_is_loaded(library: Library) -> None:
    people(library, 0, 10)
    is_loading, go_on = threading.Event(), threading.Event()

    def load() -> Embedder:
        is_loading.set()
        assert go_on.wait(60)
        return RedEmbedder()

    search = search_in(library, load)
    assert search.index.count() == 2
    with ThreadPoolExecutor(1) as pool:
        picture = CropQuery(np.zeros((8, 4, 3), np.uint8))
        found = pool.submit(lambda: rankings(search.run(picture)))
        assert is_loading.wait(60)
        video = add_video(library, Path("/footage/cam9.mp4"))
        new = add_people(library, video, at_degrees(20))
        search.stored([each.id for each in new])
        assert search.index.count() == 3
        go_on.set()
        assert len(found.result(60)[0].hits) == 3

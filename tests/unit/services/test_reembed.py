import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_people import EMBEDDER, add_people, add_video, network_files, plain_crop, unit

from app.core.entities import FloatArray, ModelFile
from app.core.errors import ModelError
from app.services.networks.networks import Networks
from app.services.search.mean_vectors import mean_vectors
from app.services.search.reembed import Reembed
from app.services.search.search import Search
from app.settings import ModelSettings
from app.storage.library import Library
from tests.stored_vectors import all_vectors


class _MeanColour:
    """Embeds a crop as its mean colour; `Embedder`."""

    dimension = 3

    def __init__(self, path: Path) -> None:
        self.id = network_files().identify(path, "embedder").id
        self.calls = 0

    def embed(
        self, images: list[np.ndarray], cameras: list[str] | None = None, *, urgent: bool = False
    ) -> FloatArray:
        assert cameras is not None and len(cameras) == len(images)
        self.calls += 1
        vectors = np.stack([image.reshape(-1, 3).mean(axis=0) for image in images])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_means_are_per_tracklet_and_of_length_one() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 2]], np.float32)
    np.testing.assert_allclose(
        mean_vectors(vectors, [2, 1], [0.5, 0.5, 0.1]), [[0.7071068, 0.7071068], [0, 1]], rtol=1e-6
    )
    # A crop three times as good counts three times; one that is worth nothing still counts a bit.
    (weighed,) = mean_vectors(vectors[:2], [2], [0.9, 0.3])
    np.testing.assert_allclose(weighed, np.array([3, 1]) / np.sqrt(10), rtol=1e-6)
    assert mean_vectors(vectors[:1], [1], [0.0])[0].tolist() == [1, 0]
    with pytest.raises(ModelError, match="not numbers"):
        mean_vectors(np.array([[np.nan, 1]], np.float32), [1], [0.5])


@pytest.fixture
def library_of_colours(tmp_path: Path) -> Iterator[Library]:
    """Forty tracklets of different redness, embedded by another network."""
    with Library.open(tmp_path / "library", create=True) as library:
        video = add_video(library, tmp_path / "cam1.mp4")
        crops = [plain_crop(red) for red in range(40, 240, 5)]
        add_people(library, video, [unit(1.0, red) for red in range(40)], crops)
        library.remember_model("embedder", ModelFile(EMBEDDER, tmp_path / "old.onnx", "0" * 64))
        yield library


def _reembed(library: Library, network: _MeanColour) -> tuple[Reembed, Search]:
    files = network_files(embedder=lambda path, device: network)
    networks = Networks(library, files, ModelSettings())
    search = Search(library, lambda: library.model("embedder").id, networks.embedder)  # type: ignore[union-attr]
    return Reembed(library, search, networks), search


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "colour.onnx"
    path.write_bytes(b"another network")
    return path


def test_every_tracklet_gets_a_vector_and_the_library_changes_over(
    library_of_colours: Library, weights: Path
) -> None:
    library = library_of_colours
    old = library.model("embedder")
    assert old is not None
    network = _MeanColour(weights)
    job, search = _reembed(library, network)
    events = list(job.run(str(weights)))
    assert events[-1].done == events[-1].total == 40
    assert library.model("embedder").id == network.id  # type: ignore[union-attr]
    assert len(all_vectors(library, network.id)) == 40
    assert len(all_vectors(library, old.id)) == 40, "changing back takes no time"
    assert search.index.count() == 40


def test_a_stopped_job_goes_on_and_changes_nothing_before_its_end(
    library_of_colours: Library, weights: Path
) -> None:
    library = library_of_colours
    old = library.model("embedder")
    network = _MeanColour(weights)
    job, _ = _reembed(library, network)
    running = job.run(str(weights))
    while next(running).done < 16:
        pass
    running.close()  # type: ignore[attr-defined]
    assert library.model("embedder") == old
    assert len(library.tracklets_without_vector(network.id)) == 24
    calls = network.calls
    assert list(job.run(str(weights)))[-1].done == 40
    assert network.calls == calls + 2, "24 tracklets were left: two batches"


def test_people_stored_meanwhile_get_a_vector_too(
    library_of_colours: Library, weights: Path, tmp_path: Path
) -> None:
    library = library_of_colours
    network = _MeanColour(weights)
    job, _ = _reembed(library, network)
    running = job.run(str(weights))
    while next(running).done < 32:
        pass
    video = add_video(library, tmp_path / "cam2.mp4", "cam2")
    add_people(library, video, [unit(1.0, 2.0)], [plain_crop(99)])
    assert list(running)[-1].total == 41
    assert library.tracklets_without_vector(network.id) == []


def test_rate_and_time_left_are_told(library_of_colours: Library, weights: Path) -> None:
    job, _ = _reembed(library_of_colours, _MeanColour(weights))
    events = list(job.run(str(weights)))
    assert next(event.done for event in events if event.total) == 0
    told = [event for event in events if event.per_s is not None]
    assert told and all(event.eta_s is not None and event.eta_s >= 0 for event in told)
    for event in told:
        assert event.eta_s == pytest.approx((40 - event.done) / event.per_s)


def test_cancel_does_not_wait_for_a_network_that_is_in_the_middle_of_a_call(
    library_of_colours: Library, weights: Path
) -> None:
    go_on = threading.Event()

    class Slow(_MeanColour):
        def embed(self, *args: Any, **options: Any) -> FloatArray:
            go_on.wait(10)
            return super().embed(*args, **options)

    job, _ = _reembed(library_of_colours, Slow(weights))
    running = job.run(str(weights))
    heard = [next(running) for _ in range(4)]
    assert heard[-1].done == 0, "it says that it is alive"
    running.close()  # type: ignore[attr-defined]
    go_on.set()

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from stored_people import EMBEDDER, add_people, add_video, plain_crop, unit

from app.core.entities import FloatArray, ModelFile
from app.core.errors import ModelError
from app.services.model_choice import describe_model
from app.services.networks import Networks
from app.services.reembed import Reembed, mean_vectors
from app.services.search import Search
from app.settings import ModelSettings
from app.storage.library import Library


class _MeanColour:
    """Embeds a crop as its mean colour; `Embedder`."""

    dimension = 3

    def __init__(self, path: Path) -> None:
        self.id = describe_model(path, "embedder").id
        self.calls = 0

    def embed(self, images: list[np.ndarray], cameras: list[str] | None = None) -> FloatArray:
        assert cameras is not None and len(cameras) == len(images)
        self.calls += 1
        vectors = np.stack([image.reshape(-1, 3).mean(axis=0) for image in images])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_means_are_per_tracklet_and_of_length_one() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 2]], np.float32)
    np.testing.assert_allclose(
        mean_vectors(vectors, [0, 2]), [[0.7071068, 0.7071068], [0, 1]], rtol=1e-6
    )
    with pytest.raises(ModelError, match="no numbers"):
        mean_vectors(np.array([[np.nan, 1]], np.float32), [0])


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
    networks = Networks(library, None, lambda path, device: network, ModelSettings())  # type: ignore[arg-type]
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
    assert len(library.vectors(network.id)) == 40
    assert len(library.vectors(old.id)) == 40, "changing back takes no time"
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

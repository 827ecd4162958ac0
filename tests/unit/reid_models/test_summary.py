"""What a network costs, against numbers worked out by hand."""

import pytest

from reid_models.errors import NetworkError
from reid_models.registry import create_model
from reid_models.summary import summarise
from tests.tiny_torch_networks import tiny_aggregator, tiny_embedder, tiny_pair

pytestmark = pytest.mark.usefixtures("tiny_entries")


def test_the_figures_of_an_embedder():
    summary = summarise(tiny_embedder(cameras=2), "cpu", "float32", runs=2)
    # Convolution, norm, linear layer, two camera rows.
    assert summary.parameters == (4 * 3 * 16 + 4) + 2 * 4 + (16 * 8 + 8) + 2 * 8
    # Two for each multiplication with its addition: 8 × 4 places of 4 channels, then 16 × 8.
    assert summary.gflops * 1e9 == pytest.approx(2 * (32 * 4 * 48 + 16 * 8))
    assert (summary.architecture, summary.role) == ("tiny", "embedder")
    assert (summary.unit, summary.vector_size) == ("crop", 8)
    assert (summary.device, summary.precision) == ("cpu", "float32")
    assert summary.ms is not None
    assert 0 < summary.ms < 1000


def test_time_is_that_of_one_crop_of_a_batch():
    network = tiny_embedder()
    summarise(network, "cpu", "float32", batch=4, runs=1)
    assert network.batches == [1, 4, 4]


def test_other_roles():
    pair = summarise(tiny_pair(), "cpu", "bf16", runs=1)
    assert (pair.role, pair.unit, pair.vector_size) == ("reranker", "crop and pair", None)
    assert pair.precision == "bf16"
    aggregator = summarise(tiny_aggregator(), "cpu", "bf16", runs=0)
    assert (aggregator.unit, aggregator.vector_size) == ("vector", 8)
    assert aggregator.precision == "float32"
    assert aggregator.ms is None
    assert aggregator.parameters == 1


def test_a_reranker_of_tokens_is_measured_on_maps():
    settings = {"source": "tokens", "channels": 8, "grid": [4, 2], "inner_channels": 4, "width": 6}
    found = summarise(create_model("cacenet", **settings), "cpu", "float32", runs=1)
    assert (found.unit, found.vector_size) == ("crop and pair", 6)
    assert found.gflops > 0
    assert found.ms is not None


def test_a_stranger_is_refused():
    from torch import nn

    with pytest.raises(NetworkError, match="Linear is not in the registry"):
        summarise(nn.Linear(2, 2))

"""Published checkpoints: what is converted at all, and by which method."""

import pytest
import torch

from reid_models.convert import METHODS, load_official, rrid
from reid_models.convert.transreid import official_key
from reid_models.errors import NetworkError
from reid_models.registry import create_model

WEIGHTS = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2)}


def test_unknown_methods_and_sizes_are_named():
    with pytest.raises(NetworkError, match='"osnet"') as caught:
        load_official("osnet", WEIGHTS)
    assert all(method in caught.value.remedy for method in METHODS)
    for size in ((0, 128), (256.0, 128.0), (256, 128, 3), 256, "256x128"):
        with pytest.raises(NetworkError, match="is no image size"):
            load_official("transreid", WEIGHTS, image_size=size)


@pytest.mark.parametrize("method", METHODS)
def test_weights_of_another_network_are_refused(method):
    with pytest.raises(NetworkError):
        load_official(method, WEIGHTS)


def published_jpm(depth: int) -> dict[str, torch.Tensor]:
    """A TransReID file with local features as the published code saves it, 32×16 px, width 192."""
    torch.manual_seed(0)
    config = {"variant": "deit_tiny", "depth": depth, "image_size": (32, 16), "jpm_chunks": 2}
    network = create_model("transreid", **config, cameras=2, jpm_shift=1, jpm_groups=1)
    state = {
        official_key(name, depth, jpm=True): weight for name, weight in network.state_dict().items()
    }
    stale = {
        key.replace("b1.0", f"base.blocks.{depth - 1}").replace("b1.1", "base.norm"): -weight
        for key, weight in state.items()
        if key.startswith("b1.")
    }
    return {**state, **stale}


def vector_of(state: dict[str, torch.Tensor], **overrides: int) -> torch.Tensor:
    settings = {"jpm_shift": 1, "jpm_groups": 1, **overrides}
    network = load_official("transreid", state, image_size=(32, 16), **settings)
    with torch.inference_mode():
        return network.embed(torch.ones(1, 3, 32, 16), torch.tensor([1]))


def without(state: dict[str, torch.Tensor], *beginnings: str) -> dict[str, torch.Tensor]:
    return {key: weight for key, weight in state.items() if not key.startswith(beginnings)}


def test_stale_copies_may_be_missing():
    """The last block but one must not be taken for the stale one."""
    state = published_jpm(12)
    wanted = vector_of(state)
    assert torch.equal(vector_of(without(state, "base.blocks.11.", "base.norm.")), wanted)
    assert torch.equal(vector_of(without(state, "base.blocks.11.")), wanted)
    assert torch.equal(vector_of(without(state, "base.norm.")), wanted)


def test_an_unusual_depth_without_stale_copies_has_to_be_said():
    state = published_jpm(3)
    bare = without(state, "base.blocks.2.", "base.norm.")
    with pytest.raises(NetworkError, match="blocks the network has cannot be told"):
        vector_of(bare)
    assert torch.equal(vector_of(bare, depth=3), vector_of(state))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"base.pos_embed": torch.tensor(0.0)}, '"base.pos_embed" is a single number'),
        ({"base.pos_embed": torch.zeros(3, 192)}, r'"base.pos_embed" has the shape \(3, 192\)'),
        ({"base.blocks.x.y": torch.zeros(1)}, "cannot be told|has, beyond this method"),
    ],
)
def test_weights_of_impossible_shapes_and_names_are_refused(change, expected):
    with pytest.raises(NetworkError, match=expected):
        vector_of({**published_jpm(3), **change})


@pytest.mark.parametrize("name", ["cameras", "views"])
def test_numbers_of_cameras_and_views_are_numbers(name):
    with pytest.raises(NetworkError, match=f'"{name}"'):
        vector_of(published_jpm(3), **{name: "2"})


def test_an_rrid_gets_its_published_size_where_the_default_cannot_be():
    torch.manual_seed(0)
    network = create_model("rrid", backbone="resnet10t", width=4)
    state = {
        rrid.official_key(name, (6, 4, 2)): weight for name, weight in network.state_dict().items()
    }
    assert load_official("rrid", state).config.image_size == (384, 128)
    with pytest.raises(NetworkError, match="6 stripes"):
        load_official("rrid", state, image_size=(256, 256))

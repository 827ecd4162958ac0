"""RRID gives the numbers of the published implementation on the same weights."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from reid_models.convert import convert_official, load_official
from reid_models.convert.rrid import official_key
from reid_models.errors import NetworkError
from tests.golden_cases import (
    RELATIVE_TOLERANCE,
    assert_same,
    assert_summary,
    errors,
    full_size_weights,
    normal,
    small_weights,
)

SMALL = (192, 64)


@pytest.fixture
def full_size(shared_golden: Callable[[str], Path]) -> Any:
    """The stored arrays of the full-size case."""
    return np.load(shared_golden("rrid_resnet50_384.npz"))


@pytest.fixture
def full_size_state(full_size: Any, shared_golden: Callable[[str], Path]) -> dict[str, Tensor]:
    shapes = json.loads(shared_golden("rrid_resnet50_384.keys.json").read_text())
    state = full_size_weights(shapes, int(full_size["seed"]))
    for key, weight in state.items():
        if weight.ndim == 4:
            state[key] = weight * (50 * math.sqrt(2 / math.prod(weight.shape[1:])))
        elif f"bn:{key}" in full_size:
            state[key] = torch.from_numpy(full_size[f"bn:{key}"])
    return state


@pytest.fixture
def small(shared_golden: Callable[[str], Path]) -> Any:
    return json.loads(shared_golden("methods_small.json").read_text())["rrid"]


@pytest.mark.parametrize("threads", [1, 2])
@torch.inference_mode()
def test_full_size(full_size: Any, full_size_state: dict[str, Tensor], threads: int):
    """The numbers were stored on two threads; on one, the last bits of the map are others.

    The head's batch norms divide by deviations down to 0.02, which makes them up to sixty times
    as large: the stored features themselves are 6e-4 from those of float64 arithmetic.
    """
    torch.set_num_threads(threads)
    network = load_official("rrid", full_size_state, image_size=(384, 128))
    drawn = np.random.RandomState(int(full_size["input_seed"])).standard_normal((4, 3, 384, 128))
    coarse = drawn.astype(np.float32)[:, :, ::16, ::16]
    images = torch.from_numpy(coarse.repeat(16, axis=2).repeat(16, axis=3))
    mean = network.backbone(images).mean(dim=(2, 3))
    assert_same(mean, full_size["feature_map_mean"])
    features = network.part_features(images)
    if np.array_equal(mean.numpy(), full_size["feature_map_mean"]):
        assert_same(features, full_size["features"])
    far = errors(features, full_size["features"])
    assert float(far.max()) <= 10 * RELATIVE_TOLERANCE
    assert float((far > RELATIVE_TOLERANCE).float().mean()) <= 0.005
    vectors = network.embed(images)
    expected = torch.nn.functional.normalize(features.flatten(1), dim=1)
    assert vectors.shape == (4, 3840)
    assert torch.allclose(vectors, expected, atol=1e-6)


@torch.inference_mode()
def test_small(small: Any):
    wanted = small["rrid"]
    network, report = convert_official("rrid", small_weights(wanted["keys"]), image_size=SMALL)
    assert network.config.identities == wanted["config"]["num_classes"]
    assert report.ignored == () and report.dropped == ()
    output = network(normal(7, 2, 3, *SMALL))
    assert len(output.logits) == 45
    assert_summary(torch.cat(output.features, dim=1), wanted["concat"])
    for feature, of_feature in zip(output.features, wanted["each"], strict=True):
        assert_summary(feature, of_feature)
    assert_summary(output.logits[0], wanted["logits_local_rest0"])
    # Of 6, 4 and 2 stripes: the global feature's, the maximum's, its rest's.
    places = [15 * kind + 12 + scale for scale in range(3) for kind in range(3)]
    for place, of_whole in zip(places, wanted["logits_global"], strict=True):
        assert_summary(output.logits[place], of_whole)


def test_key_map_is_total_and_without_doubles(full_size_state: dict[str, Tensor]):
    network, report = convert_official("rrid", full_size_state, image_size=(384, 128))
    assert set(report.mapped) == set(full_size_state)
    assert sorted(report.mapped.values()) == sorted(network.state_dict())
    for key, name in report.mapped.items():  # and back
        place = network.state_dict()[name]
        assert torch.equal(place, full_size_state[key].view_as(place))


@torch.inference_mode()
def test_six_stripes_out_of_a_file_with_all_scales(small: Any):
    wanted = small["rrid"]
    state = small_weights(wanted["keys"])
    network, report = convert_official("rrid", state, image_size=SMALL, variant="S")
    assert set(report.mapped) | set(report.dropped) == set(state)
    assert all("_4_" in key or "_2_" in key for key in report.dropped)
    features = network.part_features(normal(7, 2, 3, *SMALL))
    assert features.shape == (2, 7, 256)
    for place in range(6):
        assert_summary(features[:, place], wanted["each"][place])
    assert_summary(features[:, 6], wanted["each"][12])
    assert official_key("relations.6.own.0.weight", (6,)) == "global_6_max_conv_list.0.0.weight"
    # Such a file without the other scales is read as what it is.
    alone = {key: state[key] for key in report.mapped}
    assert load_official("rrid", alone, image_size=SMALL).config.variant == "S"


def test_another_number_of_identities_drops_the_classifiers(small: Any):
    state = small_weights(small["rrid"]["keys"])
    network, report = convert_official("rrid", state, image_size=SMALL, identities=5)
    assert len(report.dropped) == 90 and all(key.startswith("fc_") for key in report.dropped)
    assert network.classifiers[0].joined.out_features == 5
    bare, _ = convert_official("rrid", state, image_size=SMALL, identities=0)
    assert not bare.classifiers


def test_keys_that_are_missing_or_unknown_are_named(small: Any):
    state = small_weights(small["rrid"]["keys"])
    more = {**state, "local_3_conv_list.0.0.weight": torch.zeros(1)}
    with pytest.raises(NetworkError, match="beyond this method, local_3_conv_list.0.0.weight"):
        load_official("rrid", more, image_size=SMALL)
    with pytest.raises(NetworkError, match="map of 16 rows"):
        load_official("rrid", state, image_size=(256, 64))
    del state["rest_4_conv_list.3.1.bias"]
    with pytest.raises(NetworkError, match="lacks rest_4_conv_list.3.1.bias"):
        load_official("rrid", state, image_size=SMALL)
    with pytest.raises(NetworkError, match="This is no published RRID"):
        load_official("rrid", {"base.conv1.weight": torch.zeros(1)}, image_size=SMALL)

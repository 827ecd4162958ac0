"""NFormer and its encoder give the numbers of the published implementation on the same weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from reid_models.convert import convert_official, load_official
from reid_models.convert.nformer import official_key
from reid_models.errors import NetworkError
from reid_models.nformer import NFormer, NFormerConfig
from tests.golden_cases import (
    assert_same,
    assert_summary,
    full_size_weights,
    normal,
    small_weights,
)

ENCODER_SIZE = (64, 32)


@pytest.fixture(scope="module")
def published_shapes() -> dict[str, tuple[int, ...]]:
    """Every key of the published file at 751 identities."""
    with torch.device("meta"):
        network = NFormer(NFormerConfig(identities=751, encoder="resnet50"))
    shapes = {}
    for name, tensor in network.state_dict().items():
        key = official_key(name)
        shapes[key] = tuple(tensor.shape[::-1] if key.endswith(".w") else tensor.shape)
    return shapes


@pytest.fixture
def small(shared_golden: Callable[[str], Path]) -> Any:
    return json.loads(shared_golden("methods_small.json").read_text())["nformer"]


@pytest.fixture
def small_state(small: Any, published_shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Weights of the small cases: the whole file, batch counters left out."""
    keys = sorted(item for item in published_shapes.items() if "num_batches" not in item[0])
    case = small["nformer"]
    assert len(keys) == case["all_keys_count"]
    assert [[key, list(shape)] for key, shape in keys[case["first_nformer_index"] :]] == case[
        "keys"
    ]
    weights = small_weights(keys)
    return {key: 0.3 * value if key.endswith(".w") else value for key, value in weights.items()}


def full_size_case(
    shared_golden: Callable[[str], Path], landmarks: int
) -> tuple[Any, dict[str, Tensor]]:
    name = f"nformer_d256_h2_l4_k20_lm{landmarks}"
    stored = np.load(shared_golden(f"{name}.npz"))
    shapes = json.loads(shared_golden(f"{name}.keys.json").read_text())
    return stored, full_size_weights(shapes, int(stored["seed"]))


@pytest.mark.parametrize("landmarks", [5, 10])
@pytest.mark.parametrize("search", ["torch", "faiss"])
def test_full_size(shared_golden: Callable[[str], Path], landmarks: int, search: str):
    stored, state = full_size_case(shared_golden, landmarks)
    network = load_official("nformer", state)
    assert network.config == NFormerConfig(identities=751)
    refined = network.refine(
        torch.from_numpy(stored["features"]),
        torch.from_numpy(stored["landmarks"]),
        neighbors=search,
    )
    assert_same(refined, stored["output"])


def test_full_size_under_bf16_autocast(shared_golden: Callable[[str], Path]):
    stored, state = full_size_case(shared_golden, 5)
    network = load_official("nformer", state)
    features, landmarks = (torch.from_numpy(stored[key]) for key in ("features", "landmarks"))
    with torch.autocast("cpu", torch.bfloat16):
        refined = network.refine(features, landmarks)
    cosines = torch.cosine_similarity(refined, torch.from_numpy(stored["output"]))
    assert refined.dtype == torch.float32 and float(cosines.min()) >= 0.999


@pytest.mark.parametrize(
    ("rule", "key"),
    [("code", "out_normalised_input"), ("never", "out_raw_input")],
)
def test_small(small: Any, small_state: dict[str, Tensor], rule: str, key: str):
    case = small["nformer"]
    network = load_official(
        "nformer", small_state, neighbors=5, landmarks=3, normalize_input=rule, encoder=None
    )
    landmarks = torch.tensor(case["landmark_indices_per_layer"])
    refined = network.refine(normal(21, 40, 256), landmarks)
    assert_summary(refined[None], case[key])


def test_encoder(small: Any, small_state: dict[str, Tensor]):
    network = load_official("nformer", small_state, image_size=ENCODER_SIZE)
    images = normal(7, 2, 3, *ENCODER_SIZE)
    with torch.inference_mode():
        output = network.encoder(images)
        assert_summary(network.encoder.backbone(images), small["encoder"]["fmap"])
        assert_summary(network.encoder.vector(output), small["encoder"]["feature_after_bn"])
    assert network.encoder.input_size_px == ENCODER_SIZE


def test_every_published_key_has_a_place(published_shapes: dict[str, tuple[int, ...]]):
    assert len(published_shapes) == 380  # methods.md, C2
    drawn = torch.Generator().manual_seed(5)
    state = {
        f"module.{key}": torch.rand(shape, generator=drawn) if shape else torch.tensor(7)
        for key, shape in published_shapes.items()
    }
    network, report = convert_official("nformer", state)
    assert set(report.mapped) == set(published_shapes)
    assert not report.ignored and not report.dropped
    places = network.state_dict()
    assert sorted(report.mapped.values()) == sorted(places)
    for key, name in report.mapped.items():
        value = state[f"module.{key}"]
        torch.testing.assert_close(places[name], value.T if key.endswith(".w") else value)
    assert sum(weight.numel() for weight in network.parameters()) == pytest.approx(
        27.58e6, rel=1e-3
    )


def test_what_is_asked_is_dropped(published_shapes: dict[str, tuple[int, ...]]):
    state = {key: torch.ones(shape) for key, shape in published_shapes.items()}
    network, report = convert_official("nformer", state, identities=5)
    assert report.dropped == ("backbone.classifier.weight", "nformer.classifier.weight")
    assert network.classifier.out_features == network.encoder.classifier.out_features == 5
    network, report = convert_official("nformer", state, identities=0, encoder=None)
    assert network.classifier is None and network.encoder is None
    assert all(key.startswith("backbone.") for key in report.dropped[:-1])
    assert {*report.mapped, *report.dropped} == set(state)


def test_a_file_that_does_not_fit_is_refused(published_shapes: dict[str, tuple[int, ...]]):
    whole = {key: torch.ones(shape) for key, shape in published_shapes.items()}
    alone = {key: value for key, value in whole.items() if key.startswith("nformer.")}
    assert load_official("nformer", alone).encoder is None
    with pytest.raises(NetworkError, match="holds no encoder"):
        load_official("nformer", alone, encoder="resnet50")
    without = {key: value for key, value in alone.items() if key != "nformer.h.2.ln_1.g"}
    with pytest.raises(NetworkError, match=r"lacks nformer\.h\.2\.ln_1\.g"):
        load_official("nformer", without)
    with pytest.raises(NetworkError, match="beyond this method, nformer.extra"):
        load_official("nformer", {**alone, "nformer.extra": torch.ones(1)})
    with pytest.raises(NetworkError, match="This is no published NFormer"):
        load_official("nformer", {"base.cls_token": torch.ones(1)})

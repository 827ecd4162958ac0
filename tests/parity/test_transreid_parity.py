"""TransReID gives the numbers of the published implementation on the same weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from reid_models import load_official
from reid_models.backbones.positions import resize_positions
from reid_models.convert import convert_official
from reid_models.transreid import TransReID, shuffle_order
from reid_models.xreid import mine_batch_hard
from tests.golden_cases import assert_same, assert_summary, full_size_weights, normal, small_weights

# Name, image size, overrides: what keys and shapes do not tell.
FULL_SIZE: list[tuple[str, tuple[int, int], dict[str, Any]]] = [
    ("vit_b16_s16", (256, 128), {}),
    ("vit_b16_s16_sie_jpm", (256, 128), {}),
    ("vit_b16_s12_sie_jpm", (256, 128), {}),
    ("vit_b16_s12_sie_jpm_after_bn", (256, 128), {"neck_feature": "after"}),
    ("vit_b16_vehicle_camview_jpm", (256, 256), {"views": 8, "jpm_shift": 8}),
    ("vit_b16_384_s16_jpm", (384, 128), {}),
    ("deit_s16_sie", (256, 128), {}),
]
SMALL: dict[str, dict[str, Any]] = {
    "baseline_s16": {},
    "jpm_sie_cam_s16": {},
    "jpm_sie_cam_s12": {},
    "jpm_sie_cam_view_s16": {"views": 8, "jpm_shift": 8},
    "jpm_norearrange_s16": {"jpm_rearrange": False},
}
SHUFFLES = {
    "shuffle_N128_m5_g2": (128, 5, 2),
    "shuffle_N210_m5_g2": (210, 5, 2),
    "shuffle_N256_m8_g2": (256, 8, 2),
    "shuffle_N441_m8_g2": (441, 8, 2),
}


@pytest.fixture
def golden(shared_golden: Callable[[str], Path]) -> Any:
    return json.loads(shared_golden("methods_small.json").read_text())["transreid"]


@pytest.mark.parametrize(
    ("name", "image_size", "overrides"), FULL_SIZE, ids=[case[0] for case in FULL_SIZE]
)
@torch.inference_mode()
def test_full_size(
    name: str,
    image_size: tuple[int, int],
    overrides: dict[str, Any],
    shared_golden: Callable[[str], Path],
):
    case = np.load(shared_golden(f"transreid_{name}.npz"))
    shapes = json.loads(shared_golden(f"transreid_{name}.keys.json").read_text())
    state = full_size_weights(shapes, int(case["seed"]))
    network = load_official("transreid", state, image_size=image_size, **overrides)
    assert isinstance(network, TransReID) and not network.training

    images = normal(int(case["input_seed"]), 3, 3, *image_size)
    ids = torch.from_numpy(case["camera"]), torch.from_numpy(case["view"])
    assert_same(network.vector(network(images, *ids)), case["embedding"])


def test_every_stored_case_is_tried(shared_golden: Callable[[str], Path], golden: Any):
    stored = shared_golden("README.md").parent.glob("transreid_*.npz")
    assert {path.stem for path in stored} == {f"transreid_{name}" for name, *_ in FULL_SIZE}
    networks = {name for name, case in golden.items() if "before" in case}
    assert networks == set(SMALL)
    assert {name for name in golden if name.startswith("shuffle")} == set(SHUFFLES)


@pytest.mark.parametrize("name", SMALL)
@torch.inference_mode()
def test_small(name: str, golden: Any):
    wanted = golden[name]
    cameras = torch.tensor(wanted["config"]["cam"])
    views = torch.tensor(wanted["config"]["view"] or [-1, -1])
    images = normal(7, 2, 3, 128, 64)
    state = small_weights(wanted["keys"])
    for neck_feature in ("before", "after"):
        network, report = convert_official(
            "transreid", state, image_size=(128, 64), neck_feature=neck_feature, **SMALL[name]
        )
        assert isinstance(network, TransReID)
        assert set(report.mapped) | set(report.ignored) == set(state) and not report.dropped
        vectors = network.vector(network(images, cameras, views))
        assert_summary(vectors, wanted[neck_feature])
        embedded = network.embed(images, cameras, views)
        assert_same(embedded, normalize(vectors, dim=1).numpy())


@pytest.mark.parametrize("name", SHUFFLES)
def test_rearranged_patches(name: str, golden: Any):
    patches, shift, groups = SHUFFLES[name]
    order = shuffle_order(patches, shift - 1, groups)
    assert [number + 1 for number in order] == golden[name]


def test_resized_positions(golden: Any):
    wanted = golden["pos_embed_14x14_to_16x8"]
    resized = resize_positions(torch.arange(394.0).reshape(1, 197, 2), (16, 8))
    assert_summary(resized, wanted["out"])
    for place, key in ((1, "row1"), (2, "row2"), (128, "row129")):
        assert resized[0, place].tolist() == pytest.approx(wanted[key])


def test_mined_images(golden: Any):
    wanted = golden["triplet"]
    features = normal(3, 8, 5)
    labels = torch.tensor(wanted["labels"])
    positives, negatives = mine_batch_hard(features, labels)
    assert positives.tolist() == wanted["p"]
    assert negatives.tolist() == wanted["n"]
    near = (features - features[positives]).norm(dim=1)
    far = (features - features[negatives]).norm(dim=1)
    assert near.tolist() == pytest.approx(wanted["ap"], rel=1e-4)
    assert far.tolist() == pytest.approx(wanted["an"], rel=1e-4)

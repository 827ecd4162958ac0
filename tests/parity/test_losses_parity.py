"""Losses and mined rows of the published implementations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.golden_cases import normal
from trainer.losses.center import CenterLoss
from trainer.losses.identity import identity_loss
from trainer.losses.triplet import batch_hard_triplet, pair_triplet


@pytest.fixture
def golden(shared_golden: Callable[[str], Path]) -> Any:
    return json.loads(shared_golden("methods_small.json").read_text())


@pytest.mark.parametrize(("margin", "key"), [("soft", "soft"), (0.3, "margin03")])
def test_triplet_with_mined_rows(golden: Any, margin: Any, key: str):
    wanted = golden["transreid"]["triplet"]
    vectors = torch.from_numpy(np.random.RandomState(3).standard_normal((8, 5)).astype(np.float32))
    found = batch_hard_triplet(vectors, torch.tensor(wanted["labels"]), margin)
    assert found.positives.tolist() == wanted["p"]
    assert found.negatives.tolist() == wanted["n"]
    assert found.to_positive.tolist() == pytest.approx(wanted["ap"], rel=1e-4)
    assert found.to_negative.tolist() == pytest.approx(wanted["an"], rel=1e-4)
    assert float(found.loss) == pytest.approx(wanted[key], rel=1e-4)


def test_triplet_with_the_margin_of_rrid(golden: Any):
    """On the same features as above."""
    labels = torch.tensor(golden["transreid"]["triplet"]["labels"])
    loss = batch_hard_triplet(normal(3, 8, 5), labels, 1.2).loss
    assert float(loss) == pytest.approx(golden["rrid"]["triplet_m1.2"], rel=1e-4)


def test_label_smoothing(golden: Any):
    wanted = golden["nformer"]["label_smooth"]
    loss = identity_loss(normal(9, 4, 11), torch.tensor(wanted["targets"]), wanted["eps"])
    assert float(loss) == pytest.approx(wanted["value"], rel=1e-4)


def test_center_loss(golden: Any):
    wanted = golden["nformer"]["center"]
    loss = CenterLoss(11, 256)
    with torch.no_grad():
        loss.centers.copy_(normal(13, 11, 256))
    found = loss(normal(14, 4, 256), torch.tensor(wanted["labels"]))
    assert float(found.detach()) == pytest.approx(wanted["value_without_clamp_terms"], rel=1e-4)


def test_pair_triplet(golden: Any):
    wanted = golden["cace"]["pair_triplet_m0.5"]
    loss = pair_triplet(normal(41, 16, 6), normal(42, 16, 6), torch.tensor(wanted["labels"]), 0.5)
    assert float(loss) == pytest.approx(wanted["value"], rel=1e-4)

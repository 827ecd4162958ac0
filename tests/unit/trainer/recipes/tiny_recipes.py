"""Tiny recipes and batches, and the losses of the papers once more, in the plainest form."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import log_softmax

from reid_models.model_file import ModelCard, save_model
from reid_models.registry import create_model
from trainer.checked_settings import build
from trainer.config import TrainConfig
from trainer.data.samples import DataSet, Sample
from trainer.data.training_set import Batch, TrainingSet
from trainer.recipe import DataFacts, Progress, Recipe
from trainer.recipes import build_recipe

IDENTITIES = (0, 0, 1, 1, 2, 2)
FACTS = DataFacts(
    identities=3,
    cameras=2,
    views=4,
    camera_table={"tiny/c1": 0, "tiny/c2": 1},
    labels=IDENTITIES,
    trained_on=("tiny",),
    terms="none",
)
PROGRESS = Progress(epoch=1, epochs=10, step=0, steps=100)
VIT = {"width": 32, "depth": 3, "heads": 2, "image_size": [64, 32], "drop_path": 0.0}
JPM = {**VIT, "jpm_shift": 2}
MODELS: dict[str, dict[str, Any]] = {
    "transreid": JPM,
    "xreid": VIT,
    "rrid": {"backbone": "resnet10t", "image_size": [96, 32], "variant": "S", "width": 8},
    "nformer_encoder": {"encoder": "resnet10t", "image_size": [64, 32], "embedding_dim": 16},
    "cacenet": {
        "backbone": "resnet10t",
        "non_local": False,
        "image_size": [64, 32],
        "width": 16,
        "inner_channels": 8,
    },
    "nformer": {"layers": 2, "neighbors": 3, "landmarks": 3, "dropout": 0.0},
}


def config_of(name: str, **tables: Any) -> TrainConfig:
    """A configuration with a tiny network; tables replace those of the default."""
    config: TrainConfig = build(
        TrainConfig, {"recipe": name, "model": MODELS.get(name, {}), **tables}, ""
    )
    return config


def recipe_of(name: str, facts: DataFacts = FACTS, **tables: Any) -> Any:
    """A tiny recipe in training mode, always with the same weights, all dropouts 0."""
    torch.manual_seed(0)
    recipe: Recipe = build_recipe(config_of(name, **tables), facts)
    for module in recipe.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return recipe.train()


def batch_of(recipe: Recipe, identities: tuple[int, ...] = IDENTITIES) -> Batch:
    """Images of some identities: each its own picture, and noise on it."""
    generator = torch.Generator().manual_seed(5)
    height, width = recipe.image_form().size_px
    pictures = torch.randn(max(identities) + 1, 3, height, width, generator=generator)
    labels = torch.tensor(identities)
    noise = torch.randn(len(labels), 3, height, width, generator=generator)
    rows = torch.arange(len(labels))
    return Batch(pictures[labels] + 0.3 * noise, labels, rows % 2, rows % 4, rows)


def total(terms: dict[str, Tensor]) -> Tensor:
    """What the engine makes of the terms of a recipe."""
    return torch.stack([each for name, each in terms.items() if "/" not in name]).sum()


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross entropy word by word."""
    target = torch.full_like(logits, smoothing / logits.shape[1])
    target[torch.arange(len(labels)), labels] += 1 - smoothing
    return -(target * log_softmax(logits, dim=1)).sum() / len(labels)


def triplet(features: Tensor, labels: Tensor, margin: float | None = None) -> Tensor:
    """Batch-hard triplet over the whole matrix of distances; None: the soft margin."""
    distances = (features[:, None] - features).square().sum(dim=2).clamp(min=1e-12).sqrt()
    return triplet_of_matrix(distances, labels, margin)


def triplet_of_matrix(distances: Tensor, labels: Tensor, margin: float | None) -> Tensor:
    """The same of a matrix whose rows are anchors."""
    same = labels[:, None] == labels
    apart = distances.masked_fill(~same, -math.inf).amax(dim=1)
    apart = apart - distances.masked_fill(same, math.inf).amin(dim=1)
    return apart.exp().log1p().mean() if margin is None else (apart + margin).clamp(min=0).mean()


def assert_same_gradients(recipe: Recipe, found: Tensor, expected: Tensor) -> None:
    """Fails unless both losses are equal and have equal gradients in every parameter."""
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    named = {name: each for name, each in recipe.named_parameters() if each.requires_grad}
    gradients = [
        torch.autograd.grad(loss, list(named.values()), allow_unused=True, retain_graph=True)
        for loss in (found, expected)
    ]
    # A bias before a BN has none but rounding errors of its weight's gradient.
    noise = 1e-5 * max(float(each.abs().max()) for each in gradients[1] if each is not None)
    reached = 0
    for name, one, other in zip(named, *gradients, strict=True):
        if other is None:
            assert one is None or not one.any(), name
            continue
        assert one is not None, name
        scale = float(other.abs().max())
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * scale + noise, msg=name)
        reached += bool(other.any())
    assert reached > len(named) / 2


def saved_embedder(path: Path, name: str = "transreid", **settings: Any) -> Path:
    """A model file with a tiny embedder."""
    torch.manual_seed(3)
    plain = {"jpm": False} if name == "transreid" else {}
    network = create_model(name, **{**MODELS[name], **plain, **settings})
    save_model(path, network, ModelCard.of(network))
    return path


def training_set_of(folder: Path, transform: Any, images: int = 4, people: int = 3) -> TrainingSet:
    """Pictures on disk: people with a colour each, seen by two cameras."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    samples = []
    for person in range(people):
        colour = generator.integers(40, 216, size=3)
        for number in range(images):
            noise = generator.integers(-40, 40, size=(24, 12, 3))
            path = folder / f"{person:04d}_c{number % 2 + 1}_{number}.png"
            Image.fromarray((colour + noise).astype(np.uint8)).save(path)
            samples.append(Sample(path, person, number % 2))
    data_set = DataSet("tiny", tuple(samples), (), 2, 1, ("c1", "c2"), "none")
    return TrainingSet([data_set], transform)


def facts_of(training_set: TrainingSet) -> DataFacts:
    """What a recipe may know of it."""
    return DataFacts(
        training_set.identities,
        training_set.cameras,
        training_set.views,
        training_set.camera_table,
        tuple(training_set.labels.tolist()),
    )

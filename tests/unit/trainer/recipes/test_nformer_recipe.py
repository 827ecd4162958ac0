"""NFormer's second stage: sets of features, and the losses on them."""

import numpy as np
import pytest
import torch

from reid_models.model_file import load_model
from tests.unit.trainer.recipes.tiny_recipes import (
    MODELS,
    PROGRESS,
    assert_same_gradients,
    cross_entropy,
    facts_of,
    recipe_of,
    saved_embedder,
    total,
    training_set_of,
    triplet,
)
from trainer.data.identity_sampler import IdentitySampler
from trainer.data.training_set import Batch
from trainer.data.transforms import build_augmentation
from trainer.data_settings import AugmentationConfig
from trainer.errors import TrainerError
from trainer.recipes.feature_sets import FeatureSets, SetRule

SAMPLER = {"identities": 2, "images": 2}


@pytest.fixture
def embedder(tmp_path):
    return saved_embedder(tmp_path / "embedder.safetensors", "nformer_encoder")


def stage(embedder, training_set, **tables):
    tables = {
        "start": {"embedder": str(embedder)},
        "sampler": SAMPLER,
        "loss": {"set_size": 5, "sets": 2, "features_per_set": 2},
        "data": {"workers": 0},
        **tables,
    }
    return recipe_of("nformer", facts_of(training_set), **tables)


@pytest.fixture
def training_set(tmp_path):
    form = ((64, 32), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    transform = build_augmentation(AugmentationConfig(), *form)
    return training_set_of(tmp_path / "images", transform)


def test_features_are_those_of_augmented_images_by_the_embedder_in_evaluation(
    embedder, training_set
):
    recipe = stage(embedder, training_set)
    recipe.train()
    source = recipe.source(training_set, 0, 1)
    sampler = IdentitySampler(training_set.labels, 2, 2, seed=recipe.config.training.seed)
    network, _ = load_model(embedder)
    draws = [draw for batch in sampler.epoch(1) for draw in batch]
    with torch.no_grad():
        images = training_set.batch(draws).images
        expected = network.vector(network(images))  # after the BN, not L2-normalised
    rows = {
        int(index): vector for index, vector in zip([d.index for d in draws], expected, strict=True)
    }
    for batch in source.batches(1):
        assert batch.images.shape == (2, 5, 16) and batch.identities.shape == (2, 5)
        for vector, index, identity in zip(
            batch.images.flatten(0, 1),
            batch.indices.flatten(),
            batch.identities.flatten(),
            strict=True,
        ):
            torch.testing.assert_close(vector, rows[int(index)], rtol=1e-4, atol=1e-5)
            assert int(identity) == training_set.labels[int(index)]


def test_sets_are_a_pure_function_of_seed_and_epoch(embedder, training_set):
    recipe = stage(embedder, training_set)
    source = recipe.source(training_set, 0, 1)
    whole = list(source.batches(2))
    assert len(whole) == source.steps(2) == 3  # 12 images, 6 sets, 2 a step
    torch.manual_seed(99)
    again = list(stage(embedder, training_set).source(training_set, 0, 1).batches(2))
    cut = list(source.batches(2, first=1))
    other = next(iter(source.batches(3)))
    for one, two in zip((*whole, *whole[1:]), (*again, *cut), strict=True):
        assert all(torch.equal(*pair) for pair in zip(one, two, strict=True))
    assert not torch.equal(whole[0].images, other.images)
    shares = [
        list(stage(embedder, training_set).source(training_set, rank, 2).batches(2))
        for rank in (0, 1)
    ]
    for step, batch in enumerate(whole):
        halves = torch.cat([shares[rank][step].indices for rank in (0, 1)])
        assert torch.equal(halves, batch.indices)
    with pytest.raises(TrainerError, match="cannot be shared by 3"):
        recipe.source(training_set, 0, 3)


class Numbers:
    """Features on a circle, in batches of 10."""

    def __init__(self, count):
        self.count = count
        self.sampler = self

    def epoch(self, epoch):
        return [list(range(first, first + 10)) for first in range(0, self.count, 10)]

    def batches(self, epoch):
        for rows in map(torch.tensor, self.epoch(epoch)):
            yield Batch(rows[:, None].float(), rows, rows, rows, rows)


def circle(batch):
    angle = batch.images[:, 0] * 2 * np.pi / 100
    return torch.stack((angle.cos(), angle.sin()), dim=1)


def test_a_set_lies_around_its_centre():
    source = FeatureSets(Numbers(100), circle, SetRule(20, 1, 10), seed=0)
    assert source.steps(1) == 10
    spans = []
    for batch in source.batches(1):
        rows = batch.indices[0]
        assert rows.shape == (20,) and len(set(rows.tolist())) == 20
        middle = torch.atan2(*batch.images[0].mean(dim=0).flip(0))
        angles = torch.atan2(batch.images[0][:, 1], batch.images[0][:, 0])
        apart = torch.remainder(angles - middle + torch.pi, 2 * torch.pi) - torch.pi
        spans.append(float(apart.abs().max()) * 100 / torch.pi)
    # 20 of the 20 to 40 nearest of 100.
    assert min(spans) >= 19 and max(spans) <= 44 and max(spans) > 25


def test_fewer_features_than_a_set_are_all_in_every_set(embedder, training_set):
    source = FeatureSets(Numbers(30), circle, SetRule(7000, 2, 30), seed=0)
    (batch,) = source.batches(1)
    assert sorted(batch.indices[1].tolist()) == list(range(30))
    (line,) = stage(embedder, training_set, loss={}).begin()
    assert "12 training images are fewer than the 7000 of a set" in line
    assert stage(embedder, training_set).begin() == []


def test_loss_and_gradients(embedder, training_set):
    recipe = stage(embedder, training_set, model={**MODELS["nformer"], "landmarks": 9})
    batch = next(iter(recipe.source(training_set, 0, 1).batches(1)))
    labels = batch.identities.flatten()
    torch.manual_seed(1)  # as many landmarks as features: their order alone is drawn
    output = recipe.network(batch.images)
    feature = output.features[0]
    centers = recipe.center_loss.centers[labels]
    expected = (
        cross_entropy(output.logits[0], labels, 0.1)
        + triplet(feature, labels, 0.3)
        + 0.0005 * (feature - centers).square().sum() / len(labels)
    )
    torch.manual_seed(1)
    found = total(recipe(batch, PROGRESS))
    assert_same_gradients(recipe, found, expected)


def test_the_embedder_is_neither_trained_nor_saved(embedder, training_set):
    recipe = stage(embedder, training_set)
    assert not any("embedder" in name for name in recipe.state_dict())
    before = {k: v.clone() for k, v in recipe.embedder.network.state_dict().items()}
    recipe.train()
    total(recipe(next(iter(recipe.source(training_set, 0, 1).batches(1))), PROGRESS)).backward()
    assert not recipe.embedder.network.training
    for name, each in recipe.embedder.network.state_dict().items():
        assert torch.equal(each, before[name])
    facts = recipe.card_facts("")
    assert facts["requires_embedder"] == load_model(embedder)[1].id


def test_settings_that_cannot_be_are_refused(embedder, training_set):
    with pytest.raises(TrainerError, match="none is named"):
        stage(embedder, training_set, start={})
    with pytest.raises(TrainerError, match='"loss.set_size" cannot be 0'):
        stage(embedder, training_set, loss={"set_size": 0})
    with pytest.raises(TrainerError, match="comes from the data, the start or the recipe"):
        stage(embedder, training_set, model={"embedding_dim": 16})

"""RRID and NFormer's encoder: losses and gradients against plain formulas."""

import pytest
import torch
from safetensors.torch import save_file

from tests.unit.trainer.recipes.tiny_recipes import (
    MODELS,
    PROGRESS,
    assert_same_gradients,
    batch_of,
    cross_entropy,
    recipe_of,
    total,
    triplet,
)
from trainer.errors import TrainerError
from trainer.optim import build_optimizers


def test_rrid_sums_a_triplet_for_each_feature_and_twice_three_cross_entropies():
    recipe = recipe_of("rrid")
    batch = batch_of(recipe)
    output = recipe.network(batch.images)
    labels = batch.identities
    assert (len(output.features), len(output.logits)) == (7, 21)
    expected = sum(triplet(each, labels, 1.2) for each in output.features)
    expected = expected + 2 * sum(cross_entropy(each, labels) for each in output.logits)
    assert_same_gradients(recipe, total(recipe(batch, PROGRESS)), expected)


def test_rrid_as_the_paper_has_it():
    """One triplet on the whole vector; cross entropies of the features alone."""
    recipe = recipe_of("rrid", loss={"form": "paper", "margin": 0.3})
    batch = batch_of(recipe)
    output = recipe.network(batch.images)
    labels = batch.identities
    expected = triplet(torch.cat(output.features, dim=1), labels, 0.3)
    expected = expected + 2 * sum(cross_entropy(each, labels) for each in output.logits[:7])
    found = total(recipe(batch, PROGRESS))
    assert_same_gradients(recipe, found, expected)
    found.backward()
    # Several processes need each trained parameter to have a gradient.
    assert all(each.grad is not None for each in recipe.parameters() if each.requires_grad)


def test_rrid_on_three_scales():
    model = {**MODELS["rrid"], "variant": "F", "image_size": [192, 32]}
    recipe = recipe_of("rrid", model=model)
    assert len(recipe.network(batch_of(recipe).images).logits) == 45
    assert torch.isfinite(total(recipe(batch_of(recipe), PROGRESS)))


def test_encoder_has_smoothed_cross_entropy_triplet_and_centres():
    recipe = recipe_of("nformer_encoder")
    batch = batch_of(recipe)
    output = recipe.network(batch.images)
    feature, labels = output.features[0], batch.identities
    centers = recipe.center_loss.centers
    expected = (
        cross_entropy(output.logits[0], labels, 0.1)
        + triplet(feature, labels, 0.3)
        + 0.0005 * (feature - centers[labels]).square().sum() / len(labels)
    )
    assert_same_gradients(recipe, total(recipe(batch, PROGRESS)), expected)


def test_centres_move_as_if_their_loss_had_the_weight_1():
    """Published: SGD with a rate of .5, gradients divided by the loss's weight."""
    extra = [{"match": "center_loss.*", "lr": 0.5, "gradient_scale": 2000.0}]
    recipe = recipe_of("nformer_encoder", optimizer={"kind": "adam", "extra": extra})
    batch = batch_of(recipe)
    before = recipe.center_loss.centers.detach().clone()
    optimizers = build_optimizers(recipe, recipe.config.optimizer)
    feature = recipe.network(batch.images).features[0].detach()
    total(recipe(batch, PROGRESS)).backward()
    optimizers.scale_gradients()
    for optimizer in optimizers.extra:
        optimizer.step()
    away = before[batch.identities] - feature
    gradient = torch.zeros_like(before).index_add_(0, batch.identities, 2 * away / len(feature))
    torch.testing.assert_close(
        recipe.center_loss.centers.detach(), before - 0.5 * gradient, rtol=1e-4, atol=1e-5
    )


def test_without_weight_there_are_no_centres():
    recipe = recipe_of("nformer_encoder", loss={"center": 0.0})
    assert recipe.center_loss is None
    assert "center" not in recipe(batch_of(recipe), PROGRESS)


def test_pretrained_weights_come_from_a_file_or_are_refused(tmp_path):
    recipe = recipe_of("rrid")
    wanted = {name: each + 1 for name, each in recipe.network.backbone.state_dict().items()}
    save_file(wanted, tmp_path / "weights.safetensors")
    tables = {"start": {"pretrained": str(tmp_path / "weights.safetensors")}}
    for name in ("rrid", "nformer_encoder", "cacenet"):
        filled = recipe_of(name, **tables)
        (line,) = filled.begin()
        assert f"{len(wanted)} tensors used" in line
        for key, each in filled.network.backbone.state_dict().items():
            assert torch.equal(each, wanted[key])
    with pytest.raises(TrainerError, match="no backbone"):
        tokens = recipe_of("rrid")
        tokens.network.backbone = torch.nn.Identity()
        tokens.load_pretrained(None)

"""X-ReID's rows: which streams there are, what the losses weigh, who gets gradients."""

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize, softmax

from reid_models.transreid import TransReID
from tests.unit.trainer.recipes.tiny_recipes import (
    PROGRESS,
    VIT,
    assert_same_gradients,
    batch_of,
    cross_entropy,
    recipe_of,
    total,
    triplet,
)
from trainer.optim import build_optimizers
from trainer.recipe import Progress

ROWS = {
    "baseline": {"intra": 0.0, "inter": 0.0},
    "ema": {"intra": 0.0, "inter": 0.0, "teacher": True},
    "intra": {"intra": 20.0, "inter": 0.0},
    "inter": {"intra": 0.0, "inter": 0.4},
    "full": {"intra": 20.0, "inter": 0.4},
}


def crossed_triplet(anchors, features, positives, negatives):
    apart = (anchors - features[positives]).norm(dim=1) - (anchors - features[negatives]).norm(
        dim=1
    )
    return apart.exp().log1p().mean()


@pytest.mark.parametrize("raw", [False, True])
def test_loss_and_gradients_of_the_full_method(raw):
    """L_Ins + λ1 L_IntraX + λ2 L_InterX; the target of the distillation is a constant."""
    loss = {**ROWS["full"], "distilled": "paper" if raw else "normalized"}
    recipe = recipe_of("xreid", loss=loss)
    with torch.no_grad():  # a teacher of its own, as in the middle of a training
        for each in recipe.network.intra.parameters():
            each.add_(0.05 * torch.randn_like(each))
    batch = batch_of(recipe)
    labels = batch.identities
    output = recipe.network(batch.images, identities=labels)
    feature, teacher = output.features[0], output.intra_feature
    if not raw:
        feature, teacher = normalize(feature, dim=1), normalize(teacher, dim=1)
    target = softmax(teacher / 0.05, dim=1).detach()
    distilled = -(target * softmax(feature / 0.05, dim=1).log()).sum() / len(labels)
    crossed = crossed_triplet(
        output.inter_feature, output.features[0], output.positives, output.negatives
    )
    expected = (
        cross_entropy(output.logits[0], labels)
        + triplet(output.features[0], labels)
        + 20 * distilled
        + 0.4 * (cross_entropy(output.inter_logits, labels) + crossed)
    )
    terms = recipe(batch, PROGRESS)
    assert set(terms) >= {"identity", "triplet", "intra", "inter_identity", "inter_triplet"}
    assert_same_gradients(recipe, total(terms), expected)


def test_each_row_has_the_streams_it_needs_and_all_of_them_learn():
    for row, loss in ROWS.items():
        recipe = recipe_of("xreid", loss=loss)
        assert (recipe.network.intra is not None) == (row in ("ema", "intra", "full"))
        assert (recipe.network.inter is not None) == (row in ("inter", "full"))
        total(recipe(batch_of(recipe), PROGRESS)).backward()
        for name, each in recipe.named_parameters():
            assert (each.grad is not None) == each.requires_grad, (row, name)
        if recipe.network.intra is not None:
            assert not any(each.requires_grad for each in recipe.network.intra.parameters())


def test_baseline_and_ema_have_the_losses_of_transreid():
    baseline, ema = (recipe_of("xreid", loss=ROWS[row]) for row in ("baseline", "ema"))
    plain = recipe_of("transreid", model={**VIT, "jpm": False})
    weights = baseline.network.state_dict()
    plain.network.load_state_dict(weights)
    ema.network.load_state_dict(weights, strict=False)
    batch = batch_of(plain)
    expected = plain(batch, PROGRESS)
    for recipe in (baseline, ema):
        found = recipe(batch, PROGRESS)
        assert set(found) == set(expected)
        for name, value in found.items():
            torch.testing.assert_close(value, expected[name])


def test_gradient_of_interx_reaches_the_instance_layers():
    recipe = recipe_of("xreid", loss=ROWS["full"])
    terms = recipe(batch_of(recipe), PROGRESS)
    recipe.zero_grad()
    (terms["inter_identity"] + terms["inter_triplet"]).backward(retain_graph=True)
    assert recipe.network.backbone.blocks[0].attn.qkv.weight.grad.any()
    assert recipe.network.inter.blocks[0].attn.qkv.weight.grad.any()
    recipe.zero_grad()
    terms["intra"].backward()
    assert recipe.network.backbone.blocks[0].attn.qkv.weight.grad.any()
    assert recipe.network.inter.blocks[0].attn.qkv.weight.grad is None


def test_teacher_follows_after_each_step_by_the_momentum_of_the_step():
    model = {**VIT, "teacher_momentum": 0.9}
    recipe = recipe_of("xreid", model=model, loss=ROWS["intra"])
    optimizers = build_optimizers(recipe, recipe.config.optimizer)
    optimizers.set_rates(recipe.config.schedule, 0.1, 50, 120, 0.0)
    teacher = recipe.network.intra.blocks[1].attn.qkv.weight
    student = recipe.network.backbone.blocks[1].attn.qkv.weight
    assert torch.equal(teacher, student)  # at step 0
    total(recipe(batch_of(recipe), PROGRESS)).backward()
    optimizers.main.step()
    before = teacher.clone()
    assert torch.equal(
        before, recipe_of("xreid", model=model).network.intra.blocks[1].attn.qkv.weight
    )
    recipe.after_step(Progress(epoch=1, epochs=10, step=50, steps=100))
    momentum = 1 - 0.1 * (1 + 0) / 2  # halfway
    expected = momentum * before + (1 - momentum) * student.detach()
    torch.testing.assert_close(teacher, expected)
    assert not torch.equal(teacher, before)


def test_what_is_deployed_is_the_baseline():
    recipe = recipe_of("xreid", loss=ROWS["full"])
    (network,) = recipe.deployed().values()
    assert not network.training and network.intra is None
    images = batch_of(recipe).images
    baseline = recipe_of("transreid", model={**VIT, "jpm": False}).network
    baseline.load_state_dict(network.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(network.embed(images), baseline.eval().embed(images))
    assert isinstance(baseline, TransReID) and isinstance(network, nn.Module)

"""Every recipe learns a tiny batch by heart, on a tiny network."""

import pytest
import torch

from tests.unit.trainer.recipes.tiny_recipes import (
    MODELS,
    PROGRESS,
    VIT,
    batch_of,
    facts_of,
    recipe_of,
    saved_embedder,
    total,
    training_set_of,
)
from trainer.config import OptimizerConfig
from trainer.data.transforms import test_transform as transform_of_tests
from trainer.optim import build_optimizers

SOURCE = {"sampler": {"identities": 2, "images": 2}, "data": {"workers": 0}}


def learn(recipe, batch, steps, lr=0.003):
    """Losses before and after; the recipe's own after-step is done."""
    optimizers = build_optimizers(recipe, OptimizerConfig(kind="adam", lr=lr, weight_decay=0.0))
    losses = []
    for _ in range(steps):
        optimizers.main.zero_grad()
        terms = recipe(batch, PROGRESS)
        total(terms).backward()
        optimizers.main.step()
        recipe.after_step(PROGRESS)
        losses.append(total(terms).item())
    return losses, terms


@pytest.mark.parametrize("name", ["transreid", "xreid", "rrid", "nformer_encoder", "cacenet"])
def test_learns_a_batch_by_heart(name):
    recipe = recipe_of(name)
    rate = 0.003 if name in ("transreid", "xreid") else 0.01
    losses, terms = learn(recipe, batch_of(recipe), 20, rate)
    assert terms["stat/accuracy"] == 1 and losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("transreid", {"triplet": 0.0}),
        ("xreid", {}),
        ("xreid", {"intra": 0.0}),
        ("xreid", {"inter": 0.0}),
        ("xreid", {"intra": 0.0, "inter": 0.0, "teacher": True}),
        ("rrid", {"form": "paper"}),
        ("nformer_encoder", {"center": 0.0}),
        ("cacenet", {"mixup": 0.0, "pair_triplet": 0.0}),
    ],
)
def test_everything_that_is_trained_has_a_part_in_the_loss(name, loss):
    """Several processes wait for each gradient: one that never comes would be an error."""
    recipe = recipe_of(name, loss=loss)
    total(recipe(batch_of(recipe), PROGRESS)).backward()
    trained = {key: each for key, each in recipe.named_parameters() if each.requires_grad}
    assert [key for key, each in trained.items() if each.grad is None] == []


def test_learns_over_tokens(tmp_path):
    path = saved_embedder(tmp_path / "vit.safetensors")
    model = {"source": "tokens", "width": 16, "inner_channels": 8, "pooling": "average"}
    recipe = recipe_of("cacenet", model=model, start={"embedder": str(path)})
    losses, terms = learn(recipe, batch_of(recipe), 40, lr=0.01)
    assert terms["stat/accuracy"] == 1 and losses[-1] < 0.5 * losses[0]


def test_nformer_learns_a_set_by_heart(tmp_path):
    path = saved_embedder(tmp_path / "encoder.safetensors", "nformer_encoder")
    training_set = training_set_of(
        tmp_path / "images", transform_of_tests((64, 32), (0.5,) * 3, (0.5,) * 3)
    )
    tables = {"start": {"embedder": str(path)}, "loss": {"sets": 1, "center": 0.0}, **SOURCE}
    recipe = recipe_of("nformer", facts_of(training_set), **tables)
    batch = next(iter(recipe.source(training_set, 0, 1).batches(1)))
    losses, terms = learn(recipe, batch, 40)
    assert terms["stat/accuracy"] == 1 and losses[-1] < 0.5 * losses[0]


def test_a_student_comes_close_to_its_teacher(tmp_path):
    path = saved_embedder(tmp_path / "teacher.safetensors", "nformer_encoder")
    training_set = training_set_of(
        tmp_path / "images", transform_of_tests((64, 32), (0.5,) * 3, (0.5,) * 3)
    )
    tables = {
        "model": {**VIT, "jpm": False, "architecture": "transreid"},
        "start": {"teacher": str(path)},
        **SOURCE,
    }
    recipe = recipe_of("distill", facts_of(training_set), **tables)
    batch = next(iter(recipe.source(training_set, 0, 1).batches(1)))
    losses, terms = learn(recipe, batch, 60)
    assert terms["features"].item() < 0.1 and losses[-1] < 0.2 * losses[0]


def test_autocast_changes_little():
    """The losses themselves stay in float32."""
    for name in MODELS:
        if name == "nformer":
            continue
        recipe = recipe_of(name)
        batch = batch_of(recipe)
        plain = recipe(batch, PROGRESS)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = recipe(batch, PROGRESS)
        for term, value in mixed.items():
            assert value.dtype == torch.float32, (name, term)
            if "/" not in term:
                assert value.item() == pytest.approx(plain[term].item(), rel=0.1, abs=0.1)


@pytest.mark.parametrize("name", ["transreid", "xreid", "rrid", "nformer_encoder", "cacenet"])
def test_every_trained_parameter_has_a_part_in_the_loss(name):
    """Else several processes would wait for its gradient for ever."""
    recipe = recipe_of(name)
    total(recipe(batch_of(recipe), PROGRESS)).backward()
    assert [
        n for n, each in recipe.named_parameters() if each.requires_grad and each.grad is None
    ] == []

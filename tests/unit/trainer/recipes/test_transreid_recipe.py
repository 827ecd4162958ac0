"""TransReID's losses and a step of its training, against plain formulas."""

from dataclasses import replace

import pytest
import torch

from reid_models.interfaces import ReIDOutput
from tests.unit.trainer.recipes.tiny_recipes import (
    FACTS,
    PROGRESS,
    VIT,
    assert_same_gradients,
    batch_of,
    config_of,
    cross_entropy,
    recipe_of,
    total,
    triplet,
)
from trainer.errors import TrainerError
from trainer.optim import build_optimizers
from trainer.recipes import build_recipe

BASELINE = {"model": {**VIT, "jpm": False}}


def network_of(output):
    class Fixed(torch.nn.Module):
        def forward(self, *_):
            return output

    return Fixed()


def test_a_loss_that_can_be_worked_out_on_paper():
    """Two identities of two images; on a line, 0, 2 | 1, 9: see the distances below."""
    recipe = recipe_of("transreid")
    line = torch.tensor([[0.0], [2.0], [1.0], [9.0]])
    labels = torch.tensor([0, 0, 1, 1])
    even = torch.zeros(4, 2)  # cross entropy log 2
    sure = torch.tensor([[0.0, 3.0]] * 4)  # cross entropy log(1 + e³) and log(1 + e⁻³)
    recipe.network = network_of(ReIDOutput((line, 2 * line, 0 * line), (even, sure, sure)))
    batch = batch_of(recipe_of("transreid"))._replace(identities=labels)
    terms = recipe(batch, PROGRESS)

    def soft(*apart):
        return sum(torch.tensor(float(each)).exp().log1p() for each in apart) / 4

    # to positive − to negative: 2−1, 2−1, 8−1, 8−7
    one, two, none = soft(1, 1, 7, 1), soft(2, 2, 14, 2), soft(0, 0, 0, 0)
    three = torch.tensor(3.0)
    uneven = (three.exp().log1p() + (-three).exp().log1p()) / 2
    log2 = torch.tensor(2.0).log()
    torch.testing.assert_close(terms["triplet"], 0.5 * one + 0.5 * (two + none) / 2)
    torch.testing.assert_close(terms["identity"], 0.5 * log2 + 0.5 * uneven)
    assert terms["stat/accuracy"] == 0.5

    paper = recipe_of("transreid", loss={"local_share": "paper"})
    paper.network = recipe.network
    torch.testing.assert_close(paper(batch, PROGRESS)["identity"], log2 + uneven)


def test_loss_and_gradients_of_the_whole_network():
    recipe = recipe_of("transreid")
    batch = batch_of(recipe)
    output = recipe.network(batch.images)
    assert len(output.features) == len(output.logits) == 5
    labels = batch.identities
    ids = [cross_entropy(each, labels) for each in output.logits]
    triplets = [triplet(each, labels) for each in output.features]
    expected = sum(0.5 * losses[0] + 0.5 * sum(losses[1:]) / 4 for losses in (ids, triplets))
    assert_same_gradients(recipe, total(recipe(batch, PROGRESS)), expected)


def test_one_step_of_sgd_moves_weights_as_it_should():
    """Published: momentum starts with the gradient; weight decay everywhere; biases twice as fast.

    The necks' biases are frozen.
    """
    rules = [{"match": "*bias", "lr_factor": 2.0}]
    recipe = recipe_of("transreid", **BASELINE, optimizer={"rules": rules})
    batch = batch_of(recipe)
    before = {name: each.detach().clone() for name, each in recipe.network.named_parameters()}
    optimizers = build_optimizers(recipe, recipe.config.optimizer)
    optimizers.set_rates(recipe.config.schedule, 0.008, 1, 120, 0.0)
    total(recipe(batch, PROGRESS)).backward()
    optimizers.main.step()
    for name, each in recipe.network.named_parameters():
        if name.startswith("necks") and name.endswith("bias"):
            assert torch.equal(each, before[name])
            continue
        assert each.grad is not None
        rate = 0.003264 if name.endswith("bias") else 0.001664  # of the first epoch
        expected = before[name] - rate * (each.grad + 1e-4 * before[name])
        torch.testing.assert_close(each.detach(), expected, rtol=1e-5, atol=1e-8, msg=name)


def test_side_information_takes_its_rows_from_the_data():
    model = {**BASELINE["model"], "side_information": "both"}
    recipe = recipe_of("transreid", model=model)
    assert (recipe.network.config.cameras, recipe.network.config.views) == (2, 4)
    batch = batch_of(recipe)
    total(recipe(batch, PROGRESS)).backward()
    table = recipe.network.backbone.side_information.table
    moved = table.grad.flatten(1).any(dim=1).nonzero().flatten().tolist()
    assert moved == (batch.cameras * 4 + batch.views).unique().tolist()
    assert recipe.card_facts("")["camera_table"] == FACTS.camera_table
    assert recipe.card_facts("")["trained_on"] == ("tiny",)
    plain = recipe_of("transreid", **BASELINE)
    assert plain.network.config.cameras == 0 and plain.card_facts("")["camera_table"] == {}


def test_baseline_and_every_stride_can_be_built():
    assert len(recipe_of("transreid", **BASELINE).network.classifiers) == 1
    for stride in (16, 14, 12, 11):
        recipe = recipe_of("transreid", model={**BASELINE["model"], "stride": stride})
        assert torch.isfinite(total(recipe(batch_of(recipe), PROGRESS)))


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"loss": {"margin": "hard"}}, "loss.margin"),
        ({"loss": {"centre": 1.0}}, "loss.centre"),
        ({"model": {**VIT, "identities": 5}}, "comes from the data"),
        ({"model": {**VIT, "side_information": "colour"}}, "cannot be colour"),
        ({"model": {"architecture": "rrid"}}, 'does not train "rrid"'),
    ],
)
def test_settings_that_cannot_be_are_refused(tables, sentence):
    with pytest.raises(TrainerError, match=sentence):
        recipe_of("transreid", **tables)


def test_views_that_nobody_knows_are_refused():
    config = config_of("transreid", model={**VIT, "side_information": "view"})
    with pytest.raises(TrainerError, match="know no views"):
        build_recipe(config, replace(FACTS, views=1))
    with pytest.raises(TrainerError, match="no recipe"):
        build_recipe(replace(config, recipe="alexnet"), FACTS)
    with pytest.raises(TrainerError, match="no use for cameras"):
        recipe_of("rrid", model={"side_information": "camera"})

"""Rules on parameter names, and the learning rates that methods.md lists."""

import pytest
import torch
from torch import nn

from trainer.config import ExtraOptimizer, OptimizerConfig, ParameterRule, ScheduleConfig
from trainer.errors import TrainerError
from trainer.optim import build_optimizers, learning_rate

TRANSREID = ScheduleConfig()
NFORMER = ScheduleConfig("multistep", warmup_epochs=10, milestones=(40, 70))
RRID = ScheduleConfig("multistep", warmup_epochs=0, milestones=(40, 60))
CACENET = ScheduleConfig("warmup_cosine", warmup_epochs=5)


@pytest.mark.parametrize(
    ("epoch", "weights", "biases"),
    [
        (1, 0.001664, 0.003264),
        (4, 0.006416, 0.012816),
        (5, 0.007966, 0.015932),
        (60, 0.004008, 0.008008),
        (119, 1.737e-5, None),
        (120, 1.6e-5, 1.6e-5),
    ],
)
def test_transreid(epoch, weights, biases):
    """methods.md A3: base .008, biases twice that, from the same start to the same floor."""
    assert learning_rate(TRANSREID, 0.008, epoch, 120) == pytest.approx(weights, rel=1e-3)
    if biases is not None:
        found = learning_rate(TRANSREID, 0.008, epoch, 120, factor=2.0)
        assert found == pytest.approx(biases, rel=1e-3)


@pytest.mark.parametrize(
    ("epoch", "factor"), [(1, 0.109), (10, 1), (39, 1), (40, 0.1), (69, 0.1), (70, 0.01)]
)
def test_nformer_encoder(epoch, factor):
    """methods.md C3: ten epochs of warm-up from .01, a tenth at 40 and 70."""
    assert learning_rate(NFORMER, 3.5e-4, epoch, 120) == pytest.approx(factor * 3.5e-4)


@pytest.mark.parametrize(("epoch", "rate"), [(1, 1e-2), (39, 1e-2), (40, 1e-3), (60, 1e-4)])
def test_rrid(epoch, rate):
    """methods.md D3; the backbone has a tenth of it."""
    assert learning_rate(RRID, 1e-2, epoch, 80) == pytest.approx(rate)
    assert learning_rate(RRID, 1e-2, epoch, 80, factor=0.1) == pytest.approx(rate / 10)


@pytest.mark.parametrize(
    ("epoch", "share", "factor"),
    [(1, 0, 0), (1, 0.5, 0.1), (5, 0.5, 0.9), (6, 0, 1), (43, 0.5, 0.5), (80, 1, 0)],
)
def test_cacenet(epoch, share, factor):
    """methods.md E3: linear from 0 in five epochs, then a cosine to 0 at 80."""
    found = learning_rate(CACENET, 0.00625, epoch, 80, share=share)
    assert found == pytest.approx(factor * 0.00625, abs=1e-9)


def test_constant():
    schedule = ScheduleConfig("constant")
    assert {learning_rate(schedule, 1e-5, epoch, 20) for epoch in (1, 10, 20)} == {1e-5}


class Parts(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = nn.ModuleDict({"base": nn.Linear(2, 2), "head": nn.Linear(2, 2)})
        self.centers = nn.Parameter(torch.zeros(3))
        self.teacher = nn.Parameter(torch.zeros(1), requires_grad=False)


def rates(optimizers, parts):
    names = {parameter: name for name, parameter in parts.named_parameters()}
    return {
        names[parameter]: (group["lr"], group["weight_decay"])
        for group in optimizers.main.param_groups
        for parameter in group["params"]
    }


def test_factors_of_all_rules_that_match_are_multiplied():
    rules = (
        ParameterRule("*bias", lr_factor=2.0, weight_decay_factor=0.0),
        ParameterRule("base.*", lr_factor=0.1),
    )
    extra = (ExtraOptimizer("centers", lr=0.5, gradient_scale=2000.0),)
    parts = Parts()
    config = OptimizerConfig(lr=1.0, weight_decay=0.5, rules=rules, extra=extra)
    optimizers = build_optimizers(parts, config)
    assert rates(optimizers, parts) == {
        "network.base.weight": (0.1, 0.5),
        "network.base.bias": (0.2, 0.0),
        "network.head.weight": (1.0, 0.5),
        "network.head.bias": (2.0, 0.0),
    }
    optimizers.set_rates(RRID, 1.0, 40, 80, 0.0)
    assert rates(optimizers, parts)["network.base.bias"] == (pytest.approx(0.02), 0.0)
    (centers,) = optimizers.extra
    assert centers.param_groups[0]["lr"] == 0.5
    parts.centers.grad = torch.ones(3)
    optimizers.scale_gradients()
    centers.step()
    torch.testing.assert_close(parts.centers.detach(), torch.full((3,), -1000.0))


def test_a_rule_of_factor_0_freezes():
    parts = Parts()
    rules = (ParameterRule("base.*", lr_factor=0.0),)
    optimizers = build_optimizers(parts, OptimizerConfig(rules=rules))
    assert set(rates(optimizers, parts)) == {
        "network.head.weight",
        "network.head.bias",
        "centers",
    }
    assert not parts.network["base"].weight.requires_grad


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_other_kinds(kind):
    assert type(build_optimizers(Parts(), OptimizerConfig(kind=kind)).main).__name__.lower() == kind


def test_patterns_that_match_nothing_are_told():
    with pytest.raises(TrainerError, match=r'matches "backbone\.\*"'):
        build_optimizers(Parts(), OptimizerConfig(rules=(ParameterRule("backbone.*"),)))
    with pytest.raises(TrainerError, match="nothing to train"):
        build_optimizers(Parts(), OptimizerConfig(rules=(ParameterRule("*", lr_factor=0.0),)))

"""The layer that tells identities apart in training."""

from __future__ import annotations

from torch import nn


def new_classifier(width: int, identities: int, *, bias: bool = False) -> nn.Linear:
    """A linear classifier with small random weights, as all five papers start theirs."""
    classifier = nn.Linear(width, identities, bias=bias)
    nn.init.normal_(classifier.weight, std=0.001)
    if classifier.bias is not None:
        nn.init.zeros_(classifier.bias)
    return classifier

"""Model files of the real architectures, tiny and with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from reid_models.model_card import CARD_KEY, ModelCard
from reid_models.model_file import save_model
from reid_models.registry import create_model

WIDTH = 32
GRID = (4, 2)
CAMERAS = {"cam1": 0, "cam2": 1}


def save_transreid(path: Path, *, cameras: bool = True, seed: int = 1, **config: Any) -> ModelCard:
    """TransReID of two blocks, its camera rows so large that every camera is seen in the vector."""
    torch.manual_seed(seed)
    sizes = {"width": WIDTH, "depth": 2, "heads": 2, "image_size": (64, 32), "jpm": False}
    rows = len(CAMERAS) if cameras else 0
    network = create_model("transreid", variant="deit_tiny", **sizes, cameras=rows, **config)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.2)
    return save_model(path, network, ModelCard.of(network, camera_table=CAMERAS if cameras else {}))


def save_nformer(path: Path, requires: str | None = None, width: int = WIDTH) -> ModelCard:
    torch.manual_seed(2)
    network = create_model(
        "nformer", embedding_dim=width, heads=2, layers=1, neighbors=4, landmarks=2
    )
    return save_model(path, network, ModelCard.of(network, requires_embedder=requires))


def save_token_cacenet(
    path: Path, requires: str | None = None, grid: tuple[int, int] = GRID
) -> ModelCard:
    """CACE-Net over the patch tokens of `save_transreid`."""
    torch.manual_seed(3)
    network = create_model(
        "cacenet",
        source="tokens",
        channels=WIDTH,
        grid=grid,
        inner_channels=8,
        width=16,
        pooling="average",
    )
    return save_model(path, network, ModelCard.of(network, requires_embedder=requires))


def save_resnet_cacenet(path: Path, requires: str | None = None) -> ModelCard:
    """CACE-Net with a backbone of its own."""
    torch.manual_seed(4)
    network = create_model(
        "cacenet",
        backbone="resnet10t",
        non_local=False,
        image_size=(64, 32),
        inner_channels=8,
        width=16,
    )
    return save_model(path, network, ModelCard.of(network, requires_embedder=requires))


def spoil(path: Path) -> None:
    """Puts NaN into the weights of a model file, as a training that diverged would."""
    from reid_models.model_file import _digest

    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()[CARD_KEY])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    next(iter(weights.values())).view(-1)[0] = float("nan")
    card["sha256"] = _digest(weights)
    save_file(weights, path, {CARD_KEY: json.dumps(card)})

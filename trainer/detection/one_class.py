"""A YOLO that knows many classes, cut down to the people it knows."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from trainer.errors import TrainerError

PERSON = "person"


def person_trainer() -> type[Any]:
    """Ultralytics' trainer of detectors, which starts from loaded weights as they are.

    Its own would build a network for one class, whose scoring branch has other shapes.
    """
    from ultralytics.models.yolo.detect import DetectionTrainer

    class PersonTrainer(DetectionTrainer):
        """Starts from the network in the file, cut down to people."""

        def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> Any:
            """The network to train, float32; as the parent where there are no weights."""
            if weights is None:
                return super().get_model(cfg, weights, verbose)
            network = weights.float()
            network.requires_grad_(True)
            return network if len(network.names) == 1 else keep_person(network)

    return PersonTrainer


def keep_person(network: Any) -> Any:
    """Takes all classes but "person" out of ultralytics' detection network; returns it.

    The last convolution of each scale keeps the one row that scores people, so the network finds
    them as well as before. Built for one class from the start, ultralytics would make the scoring
    branch narrower, and its weights would not fit.

    Args:
        network: a `DetectionModel`, changed in place.

    Raises:
        TrainerError: it knows no class named "person", or is built in another way.
    """
    head = network.model[-1]
    names: dict[int, str] = dict(network.names)
    rows = [index for index, name in names.items() if name == PERSON]
    if not rows or not hasattr(head, "cv3"):
        raise TrainerError(
            "This YOLO has no scores for people that training could start from.",
            'Choose a detection network of ultralytics with a class "person".',
        )
    for branch in head.cv3:
        branch[-1] = _one_row(branch[-1], rows[0])
    head.nc = network.nc = 1
    head.no = head.nc + 4 * head.reg_max
    network.names = {0: PERSON}
    network.yaml["nc"] = 1
    return network


@torch.no_grad()
def _one_row(scores: nn.Conv2d, row: int) -> nn.Conv2d:
    kept = nn.Conv2d(scores.in_channels, 1, scores.kernel_size, scores.stride)  # type: ignore[arg-type]
    kept.weight.copy_(scores.weight[row : row + 1])
    assert kept.bias is not None
    assert scores.bias is not None
    kept.bias.copy_(scores.bias[row : row + 1])
    return kept

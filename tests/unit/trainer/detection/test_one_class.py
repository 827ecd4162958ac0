"""A YOLO of 80 classes cut down to people, and trained from there."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from reid_models.ultralytics_setup import import_ultralytics
from trainer.detection.one_class import keep_person, person_trainer
from trainer.errors import TrainerError


@pytest.fixture(scope="module")
def coco() -> Any:
    import_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    network = DetectionModel("yolov8n.yaml", nc=3, verbose=False)
    network.names = {0: "dog", 1: "person", 2: "car"}
    return network.eval()


def test_the_scores_of_people_stay_the_same(coco: Any) -> None:
    from copy import deepcopy

    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before = coco(images)[0]  # (1, 4 + 3, places)
        network = keep_person(deepcopy(coco)).eval()
        after = network(images)[0]  # (1, 4 + 1, places)
    assert after.shape[1] == 5
    torch.testing.assert_close(after[:, :4], before[:, :4])
    torch.testing.assert_close(after[:, 4], before[:, 5])
    assert network.names == {0: "person"}


def test_a_network_without_people_is_refused(coco: Any) -> None:
    from copy import deepcopy

    network = deepcopy(coco)
    network.names = {0: "dog", 1: "cat", 2: "car"}
    with pytest.raises(TrainerError, match="no scores for people"):
        keep_person(network)


def test_training_starts_from_the_cut_down_network_and_goes_on_with_it(coco: Any) -> None:
    from copy import deepcopy

    trainer = person_trainer()
    started = trainer.get_model(None, weights=deepcopy(coco).half())  # type: ignore[arg-type]
    assert started.names == {0: "person"}
    assert next(started.parameters()).dtype == torch.float32
    assert trainer.get_model(None, weights=started) is started  # type: ignore[arg-type]

"""Weights between two ends, and scores moved as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from reid_models.ultralytics_setup import import_ultralytics
from trainer.detection.blending import Blend, write_blended
from trainer.detection.one_class import keep_person
from trainer.errors import TrainerError


def saved(file: Path, seed: int, names: dict[int, str], described: str = "yolov8n.yaml") -> Path:
    import_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(seed)
    network: Any = DetectionModel(described, nc=3, verbose=False)
    network.names = {0: "dog", 1: "person", 2: "car"}
    network = keep_person(network) if len(names) == 1 else network
    torch.save({"model": network.half(), "ema": None, "train_args": {}}, file)
    return file


def loaded(file: Path) -> Any:
    from ultralytics.nn.tasks import load_checkpoint

    return load_checkpoint(str(file))[0].float().eval()


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A network as it ended, of one class, and as it began, of three."""
    folder = tmp_path_factory.mktemp("ends")
    return (
        saved(folder / "trained.pt", 1, {0: "person"}),
        saved(folder / "start.pt", 0, {0: "dog", 1: "person", 2: "car"}),
    )


def test_each_weight_lies_between_its_ends(ends: tuple[Path, Path], tmp_path: Path) -> None:
    trained, start = ends
    write_blended(trained, Blend(start, 0.25), tmp_path / "out.pt")
    ours, its = loaded(trained).state_dict(), keep_person(loaded(start)).state_dict()
    for name, values in loaded(tmp_path / "out.pt").state_dict().items():
        if values.is_floating_point():
            torch.testing.assert_close(values, 0.25 * ours[name] + 0.75 * its[name])


def test_scores_are_moved_by_log_odds_and_boxes_stay(
    ends: tuple[Path, Path], tmp_path: Path
) -> None:
    write_blended(ends[0], Blend(log_odds=1.5), tmp_path / "out.pt")
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before, after = loaded(ends[0])(images)[0], loaded(tmp_path / "out.pt")(images)[0]
    torch.testing.assert_close(after[:, :4], before[:, :4])
    torch.testing.assert_close(after[:, 4].logit(), before[:, 4].logit() + 1.5, atol=0.01, rtol=0)


def test_what_cannot_be_mixed_is_refused(ends: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="needs a file"):
        Blend(None, 0.5)
    other = saved(tmp_path / "other.pt", 0, {0: "person"}, "yolov5n.yaml")
    with pytest.raises(TrainerError, match="another network"):
        write_blended(ends[0], Blend(other, 0.5), tmp_path / "out.pt")
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"no network")
    with pytest.raises(TrainerError, match="cannot be read"):
        write_blended(ends[0], Blend(broken, 0.5), tmp_path / "out.pt")

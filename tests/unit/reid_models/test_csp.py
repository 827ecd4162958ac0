"""YOLOv8's trunk: the same numbers as ultralytics', other normalisation, a stem, a last stride."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from reid_models.backbones.csp import CSPBackbone
from reid_models.errors import NetworkError
from reid_models.interfaces import IMAGENET_MEAN, IMAGENET_STD
from reid_models.rrid import RRID, RRIDConfig
from reid_models.transreid import TransReID, TransReIDConfig
from trainer.detection.ultralytics_setup import import_ultralytics


@pytest.fixture(scope="module")
def theirs() -> Any:
    """ultralytics' own network, whose norm layers have seen something."""
    import_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    network = DetectionModel("yolov8n.yaml", verbose=False)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def normalised(images: Tensor) -> Tensor:
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    return (images - mean[:, None, None]) / std[:, None, None]


def test_is_the_trunk_of_ultralytics(theirs: Any) -> None:
    ours = CSPBackbone().eval()
    plain = {
        key.replace("model.", "backbone.layers.", 1): value
        for key, value in theirs.state_dict().items()
    }
    report = ours.load_pretrained(plain, "theirs")
    assert report.missing == ()
    images = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs.model[:10](images))


def test_takes_normalised_images_instead_of_plain_ones(theirs: Any) -> None:
    ours = CSPBackbone(stages=3).eval()
    ours.load_pretrained(theirs.state_dict(), "theirs")
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        first = ours.layers[0](normalised(images))
        wanted = theirs.model[0](images)
    torch.testing.assert_close(first[..., 1:-1, 1:-1], wanted[..., 1:-1, 1:-1])


def test_a_last_stride_of_1_keeps_the_map_at_a_sixteenth(theirs: Any) -> None:
    near, far = CSPBackbone(last_stride=1), CSPBackbone()
    assert near.map_size((288, 128)) == (18, 8)
    assert far.map_size((288, 128)) == (9, 4)
    images = torch.zeros(2, 3, 96, 64)
    assert near.eval()(images).shape[2:] == near.map_size((96, 64))
    assert far.eval()(images).shape[2:] == far.map_size((96, 64))
    assert near.state_dict().keys() == far.state_dict().keys()
    with pytest.raises(NetworkError, match="last stride of 3"):
        CSPBackbone(last_stride=3)


def test_other_weights_are_refused(theirs: Any) -> None:
    state = {key: value for key, value in theirs.state_dict().items() if ".9." not in key}
    with pytest.raises(NetworkError, match="do not fit"):
        CSPBackbone().load_pretrained(state, "half of it")


def test_rrid_and_transreid_are_built_on_it() -> None:
    images = torch.rand(2, 3, 288, 128)
    rrid = RRID(RRIDConfig("csp_n", (288, 128), "S", width=16)).eval()
    assert rrid.embed(images).shape == (2, 112)
    small = TransReIDConfig(
        variant="deit_tiny", depth=2, stem="csp", image_size=(64, 32), jpm=False, cameras=3
    )
    transreid = TransReID(small).eval()
    vectors = transreid.embed(images[:, :, :64, :32], torch.tensor([0, 2]))
    assert vectors.shape == (2, 192)


def test_a_stem_starts_from_another_networks_trunk() -> None:
    torch.manual_seed(1)
    rrid = RRID(RRIDConfig("csp_n", (96, 32), "S", width=16))
    stem = CSPBackbone(stages=3)
    stem.load_pretrained(rrid.state_dict(), "rrid")
    assert torch.equal(stem.layers[0].conv.weight, rrid.backbone.layers[0].conv.weight)

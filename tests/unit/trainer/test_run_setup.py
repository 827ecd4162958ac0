"""What a training begins with, and whether that knows people already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reid_models.model_card import ModelCard
from reid_models.model_file import save_model
from reid_models.rrid import RRID, RRIDConfig
from trainer.config import find_config, load_config
from trainer.run_setup import _known_network


def test_weights_of_another_re_identification_training_are_known(tmp_path: Path) -> None:
    config = load_config(find_config("bundled/rrid"))
    ours, plain = tmp_path / "ours.safetensors", tmp_path / "imagenet.pth"
    network = RRID(RRIDConfig("resnet10t", (192, 96), "S", width=8))
    save_model(ours, network, ModelCard.of(network))
    begun = {
        "retail-0286.xml": Path("retail-0286.xml"),
        str(ours): ours,
        str(plain): None,
        "resnet50.tv_in1k": None,
        None: None,
    }
    for pretrained, known in begun.items():
        start = replace(config.start, pretrained=pretrained, model=None)
        assert _known_network(replace(config, start=start)) == known

"""What fits of another training's weights is taken; the report names the rest."""

import pytest
import torch

from reid_models.convert.transreid import official_key
from reid_models.errors import NetworkError
from reid_models.model_card import ModelCard
from reid_models.model_file import save_model
from reid_models.registry import create_model
from trainer.errors import TrainerError
from trainer.partial_loading import load_partially

VIT = {"variant": "deit_tiny", "width": 64, "depth": 2, "heads": 1, "image_size": (64, 32)}


def saved(path, network):
    save_model(path, network, ModelCard.of(network))
    return path


def test_baseline_into_xreid(tmp_path):
    source = create_model("transreid", **VIT, jpm=False, identities=4)
    target = create_model("xreid", **VIT, identities=4)
    report = load_partially(target, saved(tmp_path / "model.safetensors", source))
    assert set(report.used) == set(source.state_dict())
    assert report.unused == report.misfits == report.resized == ()
    for name, weight in source.state_dict().items():
        assert torch.equal(weight, target.state_dict()[name])
    lines = "\n".join(report.lines())
    assert f"model.safetensors: {len(report.used)} weights taken" in lines


def test_other_persons_and_another_size(tmp_path):
    source = create_model("transreid", **VIT, jpm=False, identities=4)
    target = create_model("transreid", **VIT | {"image_size": (96, 32)}, jpm=True, identities=9)
    fresh = target.state_dict()["classifiers.0.weight"].clone()
    report = load_partially(target, saved(tmp_path / "model.safetensors", source))
    assert report.resized == ("backbone.pos_embed",)
    assert report.misfits == ("classifiers.0.weight (4, 64) → (9, 64)",)
    assert all(not name.startswith("global_branch") for name in report.missing)
    assert any(name.startswith("local_branch") for name in report.missing)
    assert torch.equal(target.state_dict()["classifiers.0.weight"], fresh)
    corner = target.state_dict()["backbone.pos_embed"][0, 0]
    assert torch.equal(corner, source.state_dict()["backbone.pos_embed"][0, 0])


def test_a_published_checkpoint(tmp_path):
    source = create_model("transreid", **VIT, jpm=False, identities=4)
    state = {
        official_key(name, 2, jpm=False): tensor for name, tensor in source.state_dict().items()
    }
    torch.save(state, tmp_path / "published.pth")
    target = create_model("transreid", **VIT, jpm=False, identities=5)
    report = load_partially(target, tmp_path / "published.pth")
    assert report.misfits == ("classifiers.0.weight (4, 64) → (5, 64)",)
    weight = target.state_dict()["backbone.blocks.0.attn.qkv.weight"]
    assert torch.equal(weight, source.state_dict()["backbone.blocks.0.attn.qkv.weight"])


def test_what_cannot_be_used(tmp_path):
    target = create_model("xreid", **VIT, identities=4)
    (tmp_path / "x.pth").touch()
    with pytest.raises(TrainerError, match="no published checkpoints"):
        load_partially(target, tmp_path / "x.pth")
    with pytest.raises(NetworkError, match="cannot be read"):
        load_partially(target, tmp_path / "none.safetensors")
    other = create_model("nformer", embedding_dim=16, layers=1)
    with pytest.raises(TrainerError, match="No weight of"):
        load_partially(target, saved(tmp_path / "other.safetensors", other))

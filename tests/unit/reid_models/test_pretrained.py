"""Weights of other trainings: from files, from the hub, and what is said of each key."""

import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import save_file

from reid_models.backbones import pretrained
from reid_models.backbones.positions import resize_positions
from reid_models.backbones.pretrained import fit_positions, read_weights
from reid_models.backbones.resnet import ResNet, load_pretrained
from reid_models.backbones.vit import ViTSize, new_blocks
from reid_models.errors import NetworkError
from reid_models.transreid import TransReID, TransReIDConfig
from reid_models.xreid import XReID, XReIDConfig

SMALL = ViTSize(width=32, depth=3, heads=2)
SETTINGS = {"width": 32, "depth": 3, "heads": 2, "image_size": (64, 32)}


def imagenet_like(distilled=False):
    """Weights in timm's layout for a 14×14 grid, 32 wide, three blocks deep."""
    generator = torch.Generator().manual_seed(3)
    shapes = {
        "cls_token": (1, 1, 32),
        "pos_embed": (1, 198 if distilled else 197, 32),
        "patch_embed.proj.weight": (32, 3, 16, 16),
        "patch_embed.proj.bias": (32,),
        "norm.weight": (32,),
        "norm.bias": (32,),
        "head.weight": (10, 32),
        "head.bias": (10,),
    }
    if distilled:
        shapes["dist_token"] = (1, 1, 32)
    for name, tensor in new_blocks(SMALL, 0.1).state_dict().items():
        shapes[f"blocks.{name}"] = tuple(tensor.shape)
    return {key: torch.randn(shape, generator=generator) for key, shape in shapes.items()}


def test_pretrained_weights_arrive_and_are_accounted_for(tmp_path):
    state = imagenet_like()
    save_file(state, tmp_path / "vit.safetensors")
    network = TransReID(TransReIDConfig(cameras=2, identities=5, **SETTINGS))
    report = network.load_pretrained(tmp_path / "vit.safetensors")

    assert set(report.used) | set(report.resized) | set(report.unused) == set(state)
    assert report.resized == ("pos_embed",)
    assert set(report.unused) == {"head.weight", "head.bias"}
    own = network.state_dict()
    kept = ("necks.", "classifiers.", "backbone.side_information.")
    assert set(report.missing) == {name for name in own if name.startswith(kept)}
    assert torch.equal(own["backbone.blocks.1.mlp.fc1.weight"], state["blocks.1.mlp.fc1.weight"])
    for branch in ("global_branch", "local_branch"):
        last = own[f"{branch}.block.attn.qkv.weight"]
        assert torch.equal(last, state["blocks.2.attn.qkv.weight"])
        assert torch.equal(own[f"{branch}.norm.bias"], state["norm.bias"])
    assert torch.equal(own["backbone.pos_embed"], resize_positions(state["pos_embed"], (4, 2)))
    assert "resized: pos_embed" in str(report)


def test_distillation_token_and_its_position_go():
    state = imagenet_like(distilled=True)
    fitted, changed = fit_positions(state, (14, 14))
    positions = state["pos_embed"]
    assert torch.equal(fitted["pos_embed"], torch.cat((positions[:, :1], positions[:, 2:]), 1))
    assert changed == ("pos_embed",)


def test_convolutional_stem_starts_fresh(tmp_path):
    save_file(imagenet_like(), tmp_path / "vit.safetensors")
    network = TransReID(TransReIDConfig(stem="conv", jpm=False, **SETTINGS))
    report = network.load_pretrained(tmp_path / "vit.safetensors")
    assert "patch_embed.proj.weight" in report.unused
    assert "backbone.patch_embed.proj.weight" in report.missing


def test_x_streams_start_from_the_pretrained_weights(tmp_path):
    save_file(imagenet_like(), tmp_path / "vit.safetensors")
    network = XReID(XReIDConfig(**SETTINGS))
    report = network.load_pretrained(tmp_path / "vit.safetensors")
    for stream in (network.intra, network.inter):
        assert torch.equal(stream.blocks[2].mlp.fc2.bias, network.global_branch.block.mlp.fc2.bias)
    assert all("blocks" not in name for name in report.missing)


def test_weights_of_another_network_are_refused(tmp_path):
    state = imagenet_like()
    network = TransReID(TransReIDConfig(**SETTINGS))
    before = network.backbone.cls_token.clone()
    for change, match in (
        ({"blocks.0.norm1.weight": torch.zeros(33)}, r"shape \(33,\) instead of \(32,\)"),
        ({"norm.bias": None}, 'no "norm.bias"'),
    ):
        changed = {k: v for k, v in {**state, **change}.items() if v is not None}
        save_file(changed, tmp_path / "vit.safetensors")
        with pytest.raises(NetworkError, match=match):
            network.load_pretrained(tmp_path / "vit.safetensors")
    assert torch.equal(network.backbone.cls_token, before)  # nothing was copied


class Hub:
    """Stands in for the hub's client; keeps what it was asked, in order.

    Attributes:
        here: whether the file is in the cache.
        connected: whether the hub can be reached.
    """

    def __init__(self, file, monkeypatch):
        self.file, self.here, self.connected = file, False, True
        self.asked = []
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
        monkeypatch.setattr(pretrained, "hf_hub_download", self.download)
        monkeypatch.setattr(pretrained, "get_hf_file_metadata", self.metadata)

    def metadata(self, url):
        self._ask(f"metadata {url}")

    def download(self, repository, file, local_files_only=False):
        if local_files_only and not self.here:
            raise LocalEntryNotFoundError(repository)
        if not local_files_only:
            self._ask(f"download {repository} {file}")
            self.here = True
        return str(self.file)

    def _ask(self, what):
        assert constants.HF_HUB_DISABLE_TELEMETRY
        self.asked.append(what)
        if not self.connected:
            raise ValueError("a client's own kind of error")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    return Hub(tmp_path / "model.safetensors", monkeypatch)


def test_weights_are_downloaded_once_without_telemetry_by_their_published_name(hub):
    save_file(imagenet_like(distilled=True), hub.file)
    network = TransReID(TransReIDConfig(variant="deit_small", **SETTINGS))
    assert hub.asked == []  # a network alone asks for nothing
    report = network.load_pretrained()
    repository = "timm/deit_small_distilled_patch16_224.fb_in1k"
    assert len(hub.asked) == 2
    assert hub.asked[0].endswith(f"{repository}/resolve/main/model.safetensors")
    assert hub.asked[1] == f"download {repository} model.safetensors"
    assert "dist_token" in report.unused
    network.load_pretrained()
    assert len(hub.asked) == 2  # from the cache: nobody was asked


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("resnet18.a1_in1k", "resnet18.a1_in1k"),
        ("ResNet18_Weights.IMAGENET1K_V1", "resnet18.tv_in1k"),  # where timm keeps torchvision's
    ],
)
def test_without_a_connection_the_way_out_is_told(hub, name, stored):
    hub.connected = False
    with pytest.raises(NetworkError) as caught:
        load_pretrained(ResNet("resnet18"), name)
    assert f'"{stored}"' in caught.value.message
    assert f"https://huggingface.co/timm/{stored} elsewhere" in caught.value.remedy
    assert [asked.split()[0] for asked in hub.asked] == ["metadata"]  # no second try


def test_unknown_timm_name_names_near_ones():
    with pytest.raises(NetworkError, match="Did you mean .*vit_base_patch16_224"):
        read_weights("vit_bse_patch16_224")
    with pytest.raises(NetworkError, match="There is no file"):
        read_weights("weights/missing.pth")

"""Networks as a configuration describes them, for the data at hand."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args

from torch import nn

from reid_models.backbones.efficientnet import EfficientNetLite
from reid_models.backbones.osnet import OSNet, OSNetName, read_head
from reid_models.backbones.pretrained import PretrainedReport, copy_weights
from reid_models.backbones.resnet import ResNet, load_pretrained
from reid_models.backbones.vit import OSNetStem
from reid_models.model_file import load_model
from reid_models.registry import create_model, find_model
from trainer.config import TrainConfig
from trainer.errors import TrainerError
from trainer.recipe import DataFacts

SideInformation = Literal["none", "camera", "view", "both"]
# Weights that the published trainings with ResNet-50 start from, and their like for other sizes.
_IMAGENET = {
    "resnet10t": "resnet10t.c3_in1k",
    "resnet14t": "resnet14t.c3_in1k",
    "resnet26": "resnet26.bt_in1k",
}
_TORCHVISION = "tv_in1k"
_OSNETS: dict[OSNetName, str] = {
    "osnet_x1_0": "person-reidentification-retail-0277.xml",
    "osnet_x0_75": "person-reidentification-retail-0286.xml",
    "osnet_x0_5": "person-reidentification-retail-0287.xml",
}


def new_network(
    config: TrainConfig, facts: DataFacts, architectures: tuple[str, ...], **told: Any
) -> Any:
    """The network of [model], with fresh weights.

    `side_information` ("none", "camera", "view" or "both") says which of the data's cameras and
    views it is told.

    Args:
        config: of the training.
        facts: identities, cameras and views.
        architectures: those the recipe can train; the first is the default.
        **told: settings that the recipe decides.

    Raises:
        TrainerError: another architecture; a setting that comes from the data; views or cameras
            that the data or the network does not know.
        NetworkError: settings that the network does not know, or that do not go together.
    """
    values = dict(config.model)
    name = values.pop("architecture", architectures[0])
    if name not in architectures:
        raise TrainerError(
            f'The recipe "{config.recipe}" does not train "{name}".',
            f"Set model.architecture to {' or '.join(architectures)}.",
        )
    told = {"identities": facts.identities, **_side_information(values, name, facts), **told}
    for key in ("cameras", "views", *told):
        if key in values:
            raise TrainerError(
                f'"model.{key}" comes from the data, the start or the recipe.',
                "Take it out; what a network is told of cameras says model.side_information.",
            )
    return create_model(name, **values, **told)


def load_backbone(network: Any, source: str | None) -> PretrainedReport:
    """Fills the convolutional `backbone` or stem of a network with pretrained weights.

    Args:
        network: has a `backbone`.
        source: a name of timm or torchvision, or a file; None: torchvision's first ImageNet
            weights (or timm's, for the light ResNets and EfficientNet). An OSNet starts from
            OpenVINO's .xml of one of the networks that its module names, or from that of a model
            file of ours.

    Raises:
        TrainerError: there is no such backbone in it.
        NetworkError: weights that cannot be had or do not fit.
    """
    backbone = network.backbone
    trunk = osnet_trunk(network)
    if trunk is not None:
        return _load_osnet(network, trunk, Path(source or _OSNETS[trunk.name]))
    if isinstance(backbone, EfficientNetLite):
        return backbone.load_pretrained(source)
    if not isinstance(backbone, ResNet):
        raise TrainerError(
            "There is no backbone to be filled with pretrained weights.",
            'Set start.pretrained = "none".',
        )
    default = _IMAGENET.get(backbone.name, f"{backbone.name}.{_TORCHVISION}")
    return load_pretrained(backbone, source or default)


def osnet_trunk(network: Any) -> OSNet | None:
    """The OSNet in a network: its backbone, or its transformer's stem; None: there is none."""
    backbone = getattr(network, "backbone", None)
    if isinstance(backbone, OSNet):
        return backbone
    stem = getattr(backbone, "patch_embed", None)
    return stem.trunk if isinstance(stem, OSNetStem) else None


def _load_osnet(network: Any, trunk: OSNet, path: Path) -> PretrainedReport:
    whole = getattr(network, "whole", None)
    if path.suffix != ".safetensors":
        report = trunk.load_pretrained(path)
        if whole is not None:
            whole.load_pretrained(read_head(path))
        return report
    model = load_model(path)[0]
    other = osnet_trunk(model)
    if other is None:
        raise TrainerError(
            f"There is no OSNet in {path.name}.",
            "Choose an RRID over one, or OpenVINO's .xml of retail-0286, for start.pretrained.",
        )
    theirs = getattr(model, "whole", None)
    if whole is not None and theirs is not None:
        _copy_all(whole, theirs, path)
    return _copy_all(trunk, other, path)


def _copy_all(part: nn.Module, other: nn.Module, path: Path) -> PretrainedReport:
    state = other.state_dict()
    return copy_weights(part, state, {key: (key,) for key in state}, path.name)


def _side_information(
    values: dict[str, Any], architecture: str, facts: DataFacts
) -> dict[str, int]:
    """Settings `cameras` and `views`; takes `side_information` out of the values."""
    kind = values.pop("side_information", "none")
    if kind not in get_args(SideInformation):
        raise TrainerError(
            f'"model.side_information" cannot be {kind}.',
            f"Set it to {', '.join(get_args(SideInformation))}.",
        )
    if kind == "none":
        return {}
    if "cameras" not in {field.name for field in fields(find_model(architecture).config_type)}:
        raise TrainerError(
            f"{architecture} has no use for cameras and views.",
            'Set model.side_information = "none".',
        )
    if kind in ("view", "both") and facts.views < 2:
        raise TrainerError(
            "The training data know no views.",
            'Set model.side_information to "camera" or "none", or train on VeRi-776.',
        )
    cameras = {"cameras": facts.cameras} if kind in ("camera", "both") else {}
    return cameras | ({"views": facts.views} if kind in ("view", "both") else {})

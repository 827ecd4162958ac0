"""Published TransReID checkpoints → our TransReID."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from reid_models.backbones.vit import SIZES, Variant, ViTSize, patch_grid
from reid_models.convert.filling import fill
from reid_models.convert.report import ConversionReport
from reid_models.errors import NetworkError
from reid_models.registry import build_config
from reid_models.transreid import TransReID, TransReIDConfig

_HEAD_DIM = 64
_PUBLISHED_STRIDES = (16, 14, 12, 11)
_NAMED_SIZES: dict[int, Variant] = {768: "vit_base", 384: "deit_small", 192: "deit_tiny"}
# A left-over of ImageNet, random and never used.
_UNUSED = ("base.fc.",)


def convert(
    state: Mapping[str, Tensor], image_size: tuple[int, int], overrides: Mapping[str, Any]
) -> tuple[TransReID, ConversionReport]:
    """The network of a published state dict, in evaluation mode, and what became of each key.

    Width, depth, stride, camera rows, local features and identities are read off the tensors. The
    rest has the published value unless overridden: attention heads of width 64, coefficient 3.0,
    shift 5, two groups, features before the neck, the full vector.

    Args:
        state: published keys (`base.…`, `b1.…`), without `module.`.
        image_size: height and width that it was trained with.
        overrides: settings of `TransReIDConfig`. `views=8` splits the rows of the side information
            into cameras and views; `cameras=0, views=0` leaves them out; another number of
            `identities` drops the classifiers; `jpm=False` drops the local features.

    Raises:
        NetworkError: no TransReID, an image size or row count that does not fit, unknown keys.
    """
    config = _read_config(state, image_size, overrides)
    jpm = _has_jpm(state)
    ignored = _keys_from(state, _UNUSED + (_stale(config.size.depth) if jpm else ()))
    dropped = _keys_from(state, _left_out(state, config))
    network = TransReID(config)
    report = fill(
        network,
        state,
        lambda name: official_key(name, config.size.depth, jpm=jpm),
        dropped=ignored + dropped,
        fresh=("classifiers.",) if config.identities != _identities(state) else (),
    )
    return network.eval(), replace(report, ignored=ignored, dropped=dropped)


def official_key(name: str, depth: int, *, jpm: bool) -> str:
    """The published key of one of our TransReID's: the key map, read backwards.

    Args:
        name: key of our state dict.
        depth: number of blocks.
        jpm: whether the published file has local features.
    """
    head, _, rest = name.partition(".")
    branches = {
        "global_branch.block": "b1.0" if jpm else f"base.blocks.{depth - 1}",
        "global_branch.norm": "b1.1" if jpm else "base.norm",
        "local_branch.block": "b2.0",
        "local_branch.norm": "b2.1",
    }
    if name == "backbone.side_information.table":
        return "base.sie_embed"
    if head == "backbone":
        return f"base.{rest}"
    if head in ("global_branch", "local_branch"):
        part, _, rest = rest.partition(".")
        return f"{branches[f'{head}.{part}']}.{rest}"
    number, _, rest = rest.partition(".")
    published = {"necks": "bottleneck", "classifiers": "classifier"}[head]
    return f"{published}.{rest}" if number == "0" else f"{published}_{number}.{rest}"


def _read_config(
    state: Mapping[str, Tensor], image_size: tuple[int, int], overrides: Mapping[str, Any]
) -> TransReIDConfig:
    for key in ("base.cls_token", "base.pos_embed", "base.patch_embed.proj.weight"):
        if key not in state:
            raise NetworkError(
                f'This is no published TransReID: it has no "{key}".',
                "Choose the state dict that its training saved, or name the right method.",
            )
    if state["base.pos_embed"].ndim != 3:
        raise NetworkError(
            f'"base.pos_embed" has the shape {tuple(state["base.pos_embed"].shape)}, not '
            "(1, patches + 1, width).",
            "Choose the state dict that its training saved, unchanged.",
        )
    jpm = _has_jpm(state)
    values: dict[str, Any] = {
        **_size_settings(state, overrides),
        "image_size": image_size,
        "jpm": jpm,
        "identities": _identities(state),
        "gallery_vector": "full" if jpm else "global",
        **_side_settings(state, overrides),
    }
    if jpm:
        values["jpm_chunks"] = sum(
            key.startswith("bottleneck_") and key.endswith(".weight") for key in state
        )
    if "stride" not in overrides:
        values["stride"] = _stride(state, image_size)
    config: TransReIDConfig = build_config("transreid", {**values, **overrides})
    _check_positions(state, config)
    return config


def _size_settings(state: Mapping[str, Tensor], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Settings for width, depth and heads; those of the variant are left to it."""
    width = state["base.cls_token"].shape[-1]
    if "heads" not in overrides and width % _HEAD_DIM:
        raise NetworkError(
            f"How many attention heads a width of {width} has cannot be told from the weights.",
            "Say it with heads=….",
        )
    variant = _NAMED_SIZES.get(width, "vit_base")
    depth = overrides.get("depth") or _depth(state, SIZES[variant].depth)
    found = ViTSize(width, depth, width // _HEAD_DIM)
    settings: dict[str, Any] = {"variant": variant}
    for name in ("width", "depth", "heads"):
        if getattr(found, name) != getattr(SIZES[variant], name):
            settings[name] = getattr(found, name)
    return settings


def _depth(state: Mapping[str, Tensor], usual: int) -> int:
    """Blocks of the network, the last one included, which a JPM file has as `b1.0`.

    Such a file may have been relieved of its stale copies, which the `usual` depth tells.

    Raises:
        NetworkError: it was, and the depth is an unusual one.
    """
    found = len({key.split(".")[2] for key in state if key.startswith("base.blocks.")})
    if not _has_jpm(state) or found == usual:
        return found
    if found == usual - 1:
        return usual
    if "base.norm.weight" not in state:
        raise NetworkError(
            "How many blocks the network has cannot be told: its file lacks the copies of the "
            "last block or norm that the published code leaves there.",
            "Say it with depth=…, the block b1.0 counted in.",
        )
    return found


def _side_settings(state: Mapping[str, Tensor], overrides: Mapping[str, Any]) -> dict[str, int]:
    """Cameras and views of the side information: cameras alone, unless overrides say otherwise."""
    rows = state["base.sie_embed"].shape[0] if "base.sie_embed" in state else 0
    cameras, views = overrides.get("cameras"), overrides.get("views")
    if (cameras, views) == (0, 0):
        return {"cameras": 0, "views": 0}
    if not all(each is None or isinstance(each, int) for each in (cameras, views)):
        return {}  # the check of the settings names the one that is no number
    if cameras is None:
        # One camera of many views: the camera tells nothing, so that only views are looked at.
        cameras = 0 if views == rows else rows // max(views or 1, 1)
    if views is None:
        views = 0 if cameras == rows else rows // max(cameras, 1)
    if (max(cameras, 1) * max(views, 1) if cameras or views else 0) != rows:
        raise NetworkError(
            f"The side information of the file has {rows} rows, which are not {cameras} cameras "
            f"× {views} views.",
            f"Use numbers whose product is {rows}, or cameras=0, views=0 to do without it."
            if rows
            else "Leave cameras and views out: this network was trained without.",
        )
    return {"cameras": cameras, "views": views}


def _stride(state: Mapping[str, Tensor], image_size: tuple[int, int]) -> int:
    """The stride whose patches are as many as the positions, the published ones first."""
    places = state["base.pos_embed"].shape[1] - 1
    for stride in (*_PUBLISHED_STRIDES, *range(16, 0, -1)):
        if math.prod(patch_grid(image_size, stride)) == places:
            return stride
    raise _wrong_positions(places, image_size)


def _check_positions(state: Mapping[str, Tensor], config: TransReIDConfig) -> None:
    places = state["base.pos_embed"].shape[1] - 1
    if math.prod(config.grid) != places:
        raise _wrong_positions(places, config.image_size)


def _wrong_positions(places: int, image_size: tuple[int, int]) -> NetworkError:
    expected = ", ".join(
        f"{math.prod(patch_grid(image_size, stride))} at stride {stride}"
        for stride in _PUBLISHED_STRIDES
    )
    return NetworkError(
        f"The file has positions for {places} patches, but {image_size[0]}×{image_size[1]} px "
        f"have {expected}.",
        "Pass the image_size (height, width) of its training, such as (384, 128) or (256, 256).",
    )


def _has_jpm(state: Mapping[str, Tensor]) -> bool:
    return any(key.startswith("b1.") for key in state)


def _identities(state: Mapping[str, Tensor]) -> int:
    return state["classifier.weight"].shape[0] if "classifier.weight" in state else 0


def _stale(depth: int) -> tuple[str, ...]:
    """Copies of the last ImageNet block and norm that a JPM training neither uses nor changes."""
    return (f"base.blocks.{depth - 1}.", "base.norm.")


def _left_out(state: Mapping[str, Tensor], config: TransReIDConfig) -> tuple[str, ...]:
    """Beginnings of the keys that the overrides do without."""
    beginnings: tuple[str, ...] = ()
    if config.identities != _identities(state):
        beginnings += ("classifier",)
    if not config.jpm and _has_jpm(state):
        beginnings += ("b2.", "classifier_", "bottleneck_")
    if not config.cameras and not config.views:
        beginnings += ("base.sie_embed",)
    return beginnings


def _keys_from(state: Mapping[str, Tensor], beginnings: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in state if key.startswith(beginnings))

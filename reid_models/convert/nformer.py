"""Published NFormer checkpoints → our NFormer, with its encoder where the file holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from reid_models.backbones.resnet import name_of
from reid_models.convert.filling import fill
from reid_models.convert.report import ConversionReport
from reid_models.errors import NetworkError
from reid_models.nformer import NFormer, NFormerConfig
from reid_models.registry import build_config

_PUBLISHED_BLOCK = {
    "attention.qkv": "attn.c_attn",
    "attention.projection": "attn.c_proj",
    "norm1": "ln_1",
    "mlp_in": "mlp.c_fc",
    "mlp_out": "mlp.c_proj",
    "norm2": "ln_2",
}
_ENCODER = "backbone."


def convert(
    state: Mapping[str, Tensor], image_size: tuple[int, int], overrides: Mapping[str, Any]
) -> tuple[NFormer, ConversionReport]:
    """The network of a published state dict, in evaluation mode, and what became of each key.

    Length of the vectors, blocks, width of the MLP, encoder and identities are read off the
    tensors. The rest has the published value unless overridden: 2 heads, 20 neighbours, 5
    landmarks, input normalised in evaluation only.

    Args:
        state: published keys without `module.`: `backbone.…` (may be missing) and `nformer.…`,
            or those of the neighbour transformer alone, `h.…`.
        image_size: height and width of the encoder's images.
        overrides: settings of `NFormerConfig`. `encoder=None` leaves the encoder out; another
            number of `identities` drops the classifiers.

    Raises:
        NetworkError: no NFormer, unknown or missing keys, shapes that do not fit.
    """
    prefix = "nformer." if any(key.startswith("nformer.") for key in state) else ""
    config = _read_config(state, prefix, image_size, overrides)
    network = NFormer(config)
    fresh = tuple(
        name
        for name in network.state_dict()
        if name.endswith("classifier.weight")
        and len(state.get(official_key(name, prefix), ())) != config.identities
    )
    report = fill(
        network,
        {key: tensor.T if key.endswith(".w") else tensor for key, tensor in state.items()},
        lambda name: official_key(name, prefix),
        dropped=tuple(key for key in state if _is_dropped(key, state[key], config)),
        fresh=fresh,
    )
    return network.eval(), report


def official_key(name: str, prefix: str = "nformer.") -> str:
    """The published key of one of our NFormer's: the key map, read backwards.

    Tensors whose published key ends in `.w` are transposed.

    Args:
        name: key of our state dict.
        prefix: of the neighbour transformer's keys in the file.
    """
    if name.startswith("encoder."):
        return _ENCODER + name.removeprefix("encoder.").replace("backbone.", "base.", 1)
    if not name.startswith("blocks."):
        return prefix + name
    _, number, rest = name.split(".", 2)
    part, _, leaf = rest.rpartition(".")
    leaf = ("g" if part.startswith("norm") else "w") if leaf == "weight" else "b"
    return f"{prefix}h.{number}.{_PUBLISHED_BLOCK[part]}.{leaf}"


def _read_config(
    state: Mapping[str, Tensor],
    prefix: str,
    image_size: tuple[int, int],
    overrides: Mapping[str, Any],
) -> NFormerConfig:
    first = f"{prefix}h.0.mlp.c_fc.w"
    if first not in state or state[first].ndim != 2:
        raise NetworkError(
            f'This is no published NFormer: it has no matrix "{first}".',
            "Choose the file nformer_model.pth that its training saved, or name the right method.",
        )
    dim, hidden = state[first].shape
    classifier = state.get(f"{prefix}classifier.weight")
    places = len(f"{prefix}h.")
    blocks = {key[places:].split(".")[0] for key in state if key.startswith(f"{prefix}h.")}
    has_encoder = any(key.startswith(_ENCODER) for key in state)
    values: dict[str, Any] = {
        "embedding_dim": dim,
        "layers": len(blocks),
        "mlp_ratio": hidden // dim,
        "identities": 0 if classifier is None else len(classifier),
        "image_size": image_size,
    }
    if "encoder" not in overrides:
        values["encoder"] = name_of(state, f"{_ENCODER}base.") if has_encoder else None
    config: NFormerConfig = build_config("nformer", {**values, **overrides})
    if config.encoder and not has_encoder:
        raise NetworkError(
            "The file holds no encoder, only the neighbour transformer.",
            "Leave `encoder` out; its vectors come from an embedder of your own.",
        )
    return config


def _is_dropped(key: str, tensor: Tensor, config: NFormerConfig) -> bool:
    """Whether the overrides do without this tensor."""
    if config.encoder is None and key.startswith(_ENCODER):
        return True
    return key.endswith("classifier.weight") and len(tensor) != config.identities

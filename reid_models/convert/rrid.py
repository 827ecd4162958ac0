"""Published RRID checkpoints → our RRID."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from reid_models.backbones.resnet import name_of
from reid_models.convert.filling import fill
from reid_models.convert.report import ConversionReport
from reid_models.errors import NetworkError
from reid_models.registry import build_config
from reid_models.rrid import RRID, SCALES, RRIDConfig

_BACKBONE = "base."
_PUBLISHED_SIZE = (384, 128)
# What stands for "not given" here: its map has 16 rows, which are no six stripes.
_IMPOSSIBLE_SIZE = (256, 128)
# Published names of what our relations hold, for a stripe and for the whole of n stripes.
_OF_STRIPE = {
    "own": "local_{n}_conv_list",
    "rest": "rest_{n}_conv_list",
    "joined": "relation_{n}_conv_list",
}
_OF_WHOLE = {
    "own": "global_{n}_max_conv_list",
    "rest": "global_{n}_rest_conv_list",
    "joined": "global_{n}_pooling_conv_list",
}
_CLASSIFIER_OF_STRIPE = {
    "own": "fc_local_{n}_list",
    "rest": "fc_rest_{n}_list",
    "joined": "fc_local_rest_{n}_list",
}
_CLASSIFIER_OF_WHOLE = {
    "own": "fc_global_max_{n}_list",
    "rest": "fc_global_rest_{n}_list",
    "joined": "fc_global_{n}_list",
}


def convert(
    state: Mapping[str, Tensor], image_size: tuple[int, int], overrides: Mapping[str, Any]
) -> tuple[RRID, ConversionReport]:
    """The network of a published state dict, in evaluation mode, and what became of each key.

    ResNet, variant, length of the features and identities are read off the tensors.

    Args:
        state: published keys (`base.…`, `local_6_conv_list.…`), without `module.`.
        image_size: height and width; the published one, (384, 128), stands in for (256, 128),
            the default of `load_official`, whose map cannot be cut into six stripes.
        overrides: settings of `RRIDConfig`. `variant="S"` takes the six stripes alone out of a
            file that has all three scales; another number of `identities` drops the classifiers.

    Raises:
        NetworkError: no RRID, an image size that does not fit, unknown or missing keys.
    """
    if "local_6_conv_list.0.0.weight" not in state:
        raise NetworkError(
            'This is no published RRID: it has no "local_6_conv_list.0.0.weight".',
            "Choose the state dict of its network, or name the right method.",
        )
    found = {
        "backbone": name_of(state, _BACKBONE),
        "image_size": _PUBLISHED_SIZE if image_size == _IMPOSSIBLE_SIZE else image_size,
        "variant": "F" if "local_2_conv_list.0.0.weight" in state else "S",
        "width": state["local_6_conv_list.0.0.weight"].shape[0],
        "identities": _identities(state),
    }
    config: RRIDConfig = build_config("rrid", {**found, **overrides})
    network = RRID(config)
    of_file = config.identities == found["identities"]
    report = fill(
        network,
        state,
        lambda name: official_key(name, SCALES[config.variant]),
        dropped=tuple(key for key in state if _is_dropped(key, config, of_file)),
        fresh=() if of_file else ("classifiers.",),
    )
    return network.eval(), report


def official_key(name: str, scales: tuple[int, ...]) -> str:
    """The published key of one of our RRID's: the key map, read backwards.

    Args:
        name: key of our state dict.
        scales: numbers of stripes, as in `SCALES`.
    """
    part, _, rest = name.partition(".")
    if part == "backbone":
        return _BACKBONE + rest
    number, kind, rest = rest.split(".", 2)
    stripes = [(n, stripe) for n in scales for stripe in range(n)]
    if int(number) < len(stripes):
        n, stripe = stripes[int(number)]
        names = _OF_STRIPE if part == "relations" else _CLASSIFIER_OF_STRIPE
    else:
        n, stripe = scales[int(number) - len(stripes)], 0
        names = _OF_WHOLE if part == "relations" else _CLASSIFIER_OF_WHOLE
    return f"{names[kind].format(n=n)}.{stripe}.{rest}"


def _identities(state: Mapping[str, Tensor]) -> int:
    key = "fc_local_rest_6_list.0.weight"
    return state[key].shape[0] if key in state else 0


def _is_dropped(key: str, config: RRIDConfig, of_file: bool) -> bool:
    if key.startswith(_BACKBONE):
        return False
    other_scales = [f"_{n}_" for n in SCALES["F"] if n not in SCALES[config.variant]]
    return any(scale in key for scale in other_scales) or (key.startswith("fc_") and not of_file)

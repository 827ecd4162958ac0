"""Published CACE-Net checkpoints → our CACE-Net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from reid_models.backbones.resnet import name_of
from reid_models.cacenet import CACENet, CACENetConfig
from reid_models.convert.filling import fill
from reid_models.convert.report import ConversionReport
from reid_models.errors import NetworkError
from reid_models.registry import build_config

_BACKBONE = "resnet."
_NON_LOCAL = ".non_local_block."
_CLASSIFIERS = ("fc_layer.", "pair_fc_layer.")
_OFFICIAL = {
    "backbone.": _BACKBONE,
    "pool.": "gemp.",
    "graph.clues.": "pair_graph.y.",
    "graph.values.": "pair_graph.g.",
    "graph.output.": "pair_graph.o.",
    "projection.": "embedding_layer.0.",
    "norm.": "embedding_layer.1.",
    "classifier.": "fc_layer.",
    "pair_classifier.": "pair_fc_layer.",
}


def convert(
    state: Mapping[str, Tensor], image_size: tuple[int, int], overrides: Mapping[str, Any]
) -> tuple[CACENet, ConversionReport]:
    """The network of a published state dict, in evaluation mode, and what became of each key.

    ResNet, non-local blocks, pooling, widths and identities are read off the tensors.

    Args:
        state: published keys (`resnet.…`, `pair_graph.…`), without `module.`.
        image_size: height and width; the published one is (384, 128).
        overrides: settings of `CACENetConfig`. Another number of `identities` drops the
            classifiers, `non_local=False` the non-local blocks, `pooling="average"` that of GeM.

    Raises:
        NetworkError: no CACE-Net of the published graph, unknown or missing keys.
    """
    for key in ("embedding_layer.0.weight", "pair_graph.y.weight"):
        if key not in state:
            raise NetworkError(
                f'This is no published CACE-Net: it has no "{key}".',
                "Choose the state dict that its training saved, or name the right method.",
            )
    found = {
        "backbone": name_of(state, _BACKBONE),
        "non_local": any(_NON_LOCAL in key for key in state),
        "image_size": image_size,
        "pooling": "gem" if "gemp.p" in state else "average",
        "inner_channels": state["pair_graph.y.weight"].shape[0],
        "width": state["embedding_layer.0.weight"].shape[0],
        "identities": _identities(state),
    }
    config: CACENetConfig = build_config("cacenet", {**found, **overrides})
    if config.source != "resnet" or config.graph != "code":
        raise NetworkError(
            "Published CACE-Nets have a ResNet of their own and the graph of the code.",
            "Leave source and graph out, or train a network of that kind.",
        )
    network = CACENet(config)
    of_file = config.identities == found["identities"]
    report = fill(
        network,
        state,
        official_key,
        dropped=tuple(key for key in state if _is_dropped(key, config, of_file)),
        fresh=() if of_file else ("classifier.", "pair_classifier."),
    )
    return network.eval(), report


def official_key(name: str) -> str:
    """The published key of one of our CACE-Net's: the key map, read backwards."""
    ours = next(beginning for beginning in _OFFICIAL if name.startswith(beginning))
    return _OFFICIAL[ours] + name.removeprefix(ours)


def _identities(state: Mapping[str, Tensor]) -> int:
    return state["fc_layer.2.weight"].shape[0] if "fc_layer.2.weight" in state else 0


def _is_dropped(key: str, config: CACENetConfig, of_file: bool) -> bool:
    return (
        (key.startswith(_CLASSIFIERS) and not of_file)
        or (_NON_LOCAL in key and not config.non_local)
        or (key == "gemp.p" and config.pooling != "gem")
    )

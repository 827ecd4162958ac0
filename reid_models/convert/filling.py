"""Published weights into one of our networks, key by key and none forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from reid_models.convert.report import ConversionReport
from reid_models.errors import NetworkError

# Of batch norms; it changes nothing, and some files lack it.
_COUNTER = ".num_batches_tracked"


def fill(
    network: nn.Module,
    state: Mapping[str, Tensor],
    official_key: Callable[[str], str],
    *,
    dropped: tuple[str, ...],
    fresh: tuple[str, ...] = (),
) -> ConversionReport:
    """Copies every weight of a published state dict to its place.

    Convolutions of 1×1 fit linear layers.

    Args:
        network: gets the weights.
        state: published keys and tensors.
        official_key: the published key of a key of `network`.
        dropped: keys of `state` that are left out because of what was asked.
        fresh: beginnings of the keys of `network` that the file has nothing for.

    Raises:
        NetworkError: a key without a place, a place without a key, a shape that does not fit.
    """
    places = network.state_dict()
    mapping = {official_key(name): name for name in places if not name.startswith(fresh)}
    missing = [key for key in mapping if key not in state and not key.endswith(_COUNTER)]
    unknown = [key for key in state if key not in mapping and key not in dropped]
    for keys, problem in ((missing, "lacks"), (unknown, "has, beyond this method,")):
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            raise NetworkError(
                f"The file {problem} {', '.join(keys[:3])}{more}.",
                "Choose the state dict that the published code saved, unchanged.",
            )
    mapped = {key: name for key, name in mapping.items() if key in state}
    with torch.no_grad():
        for key, name in mapped.items():
            places[name].copy_(_in_shape(key, state[key], places[name]))
    return ConversionReport(mapped=mapped, dropped=dropped)


def _in_shape(key: str, tensor: Tensor, place: Tensor) -> Tensor:
    fitting = tensor.flatten(1) if tensor.shape == (*place.shape, 1, 1) else tensor
    if fitting.shape != place.shape:
        raise NetworkError(
            f'"{key}" has the shape {tuple(tensor.shape)}, where this network has '
            f"{tuple(place.shape)}.",
            "Choose the state dict that the published code saved, unchanged.",
        )
    return fitting

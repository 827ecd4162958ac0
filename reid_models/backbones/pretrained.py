"""Weights of other trainings (ImageNet), by timm name or from a local file; never by pickle."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from huggingface_hub import constants as hub_constants
from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import LocalEntryNotFoundError
from timm.models import get_pretrained_cfg
from torch import Tensor, nn

from reid_models.backbones.positions import resize_positions
from reid_models.errors import NetworkError
from reid_models.state_dicts import read_state

_LOG = logging.getLogger(__name__)
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".tar")
# Every repository of timm has it, and no pickle is needed.
_HUB_FILE = "model.safetensors"


@dataclass(frozen=True)
class PretrainedReport:
    """What became of pretrained weights.

    Attributes:
        source: timm name or file.
        used: keys of the source that were copied.
        resized: keys of the source that were copied after interpolation.
        missing: keys of the network that the source does not have; they keep their fresh values.
        unused: keys of the source that have no place in the network.
    """

    source: str
    used: tuple[str, ...]
    resized: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        parts = (
            f"{len(self.used)} tensors used",
            f"resized: {', '.join(self.resized) or 'none'}",
            f"fresh: {', '.join(self.missing) or 'none'}",
            f"not used: {', '.join(self.unused) or 'none'}",
        )
        return f"{self.source}: {'; '.join(parts)}"


def read_weights(source: str | Path) -> dict[str, Tensor]:
    """Weights by timm name (downloaded once, then from the cache) or from a local file.

    Args:
        source: such as "vit_base_patch16_224.orig_in21k_ft_in1k", or a path to a
            `.safetensors`, `.pth`, `.pt`, `.bin` or `.tar` file.

    Raises:
        NetworkError: unknown name, no network, no such file, a file that is damaged or holds
            anything but tensors.
    """
    path = Path(source)
    if path.suffix in _SUFFIXES or path.is_file() or len(path.parts) > 1:
        return read_state(path)
    return read_state(_downloaded(str(source)))


def copy_weights(
    network: nn.Module,
    state: Mapping[str, Tensor],
    targets: Mapping[str, tuple[str, ...]],
    source: str,
    resized: tuple[str, ...] = (),
) -> PretrainedReport:
    """Copies each weight to all its places.

    Args:
        network: gets the weights.
        state: pretrained weights.
        targets: key of `state` → keys of `network`.
        source: where `state` is from, for messages.
        resized: keys of `state` that were interpolated to fit; for the report.

    Returns:
        The report, also logged.

    Raises:
        NetworkError: a key of `targets` that `state` lacks, or has in another shape.
    """
    places = network.state_dict()
    for key, names in targets.items():
        if key not in state:
            raise _does_not_fit(source, f'it has no "{key}"')
        for name in names:
            if state[key].shape != places[name].shape:
                has, wants = tuple(state[key].shape), tuple(places[name].shape)
                raise _does_not_fit(source, f'its "{key}" has the shape {has} instead of {wants}')
    with torch.no_grad():
        for key, names in targets.items():
            for name in names:
                places[name].copy_(state[key])
    filled = {name for names in targets.values() for name in names}
    report = PretrainedReport(
        source,
        used=tuple(key for key in targets if key not in resized),
        resized=resized,
        missing=tuple(name for name in places if name not in filled),
        unused=tuple(key for key in state if key not in targets),
    )
    _LOG.info("Pretrained weights of %s", report)
    return report


def fit_positions(
    state: dict[str, Tensor],
    grid: tuple[int, int],
    source_grid: tuple[int, int] | None = None,
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Weights of a ViT whose positions fit another grid, and the keys that were changed for it.

    The distillation token of a DeiT has no place here; its position goes too.

    Args:
        state: of timm's layout; stays as it is.
        grid: rows and columns wanted.
        source_grid: rows and columns that `state` has; None: a square.

    Raises:
        NetworkError: positions that are no such grid.
    """
    positions = state.get("pos_embed")
    if positions is None:
        return state, ()
    # Differs from the published code: that one looks for "distilled" in the file's name.
    if "dist_token" in state:
        positions = torch.cat((positions[:, :1], positions[:, 2:]), dim=1)
    resized = resize_positions(positions, grid, source_grid)
    changed = () if resized is state["pos_embed"] else ("pos_embed",)
    return {**state, "pos_embed": resized}, changed


def _downloaded(name: str) -> Path:
    """The file with the weights of a timm name; the hub is asked only for what is not here."""
    if not timm.is_model(name.split(".")[0]):
        near = difflib.get_close_matches(name, timm.list_pretrained(), n=3)
        raise NetworkError(
            f'timm has no pretrained model "{name}".',
            f"Did you mean {' or '.join(near)}?" if near else "See timm.list_pretrained().",
        )
    config = get_pretrained_cfg(name)
    if config is None or not config.hf_hub_id:
        raise NetworkError(
            f'timm has no weights for "{name}".', "Choose one of timm.list_pretrained()."
        )
    try:
        return _from_hub(config.hf_hub_id)
    except Exception as error:
        # Each version of the hub's client has another HTTP library, with errors of its own.
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:120].rstrip(".: ")
        raise NetworkError(
            f'The weights "{name}" are not in the cache and cannot be downloaded: {reason}.',
            f"Connect to the network once; or fetch {_HUB_FILE} from "
            f"https://huggingface.co/{config.hf_hub_id} elsewhere and give its path instead.",
        ) from error


def _from_hub(repository: str) -> Path:
    hub_constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        return Path(hf_hub_download(repository, _HUB_FILE, local_files_only=True))
    except LocalEntryNotFoundError:
        # Fails at once without a connection, where the download would try for a minute.
        get_hf_file_metadata(hf_hub_url(repository, _HUB_FILE))
        return Path(hf_hub_download(repository, _HUB_FILE))


def _does_not_fit(source: str, reason: str) -> NetworkError:
    return NetworkError(
        f"The pretrained weights {source} do not fit the network: {reason}.",
        "Choose weights of the same architecture and size.",
    )

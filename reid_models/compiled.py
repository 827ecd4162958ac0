"""Embedders on a processor through OpenVINO, which takes a third of PyTorch's time a crop."""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from platformdirs import user_cache_path
from torch import Tensor, nn

from reid_models.devices import Precision
from reid_models.errors import NetworkError
from reid_models.interfaces import EmbeddingModel
from reid_models.sessions import OpenVinoSession, import_openvino

FloatArray = NDArray[np.float32]

# Cosine of vectors to PyTorch's below which a compiled network is not trusted.
_LOWEST_COSINE: dict[Precision, float] = {"float32": 0.9999, "bf16": 0.99}
_FILE = "embedder.xml"

_log = logging.getLogger(__name__)


class CompiledEmbedder:
    """`network.embed` for batches of one size."""

    def __init__(
        self, network: EmbeddingModel, card_id: str, batch: int, precision: Precision
    ) -> None:
        """Converts the network, or takes what an earlier start converted.

        Args:
            network: float32, on the processor, in evaluation mode; without side information.
            card_id: of its card; it changes with the weights.
            batch: crops at a time.
            precision: "float32" or "bf16".

        Raises:
            RuntimeError: OpenVINO cannot convert it, or computes other vectors.
            OSError: the user's cache folder cannot be written.
        """
        self._shape = (batch, 3, *network.input_size_px)
        self._session = OpenVinoSession(
            _converted(network, card_id), threads=torch.get_num_threads(), precision=precision
        )
        self._input = self._session.get_inputs()[0].name
        self._outputs = [self._session.get_outputs()[0].name]
        crops = torch.randn(self._shape, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            cosines = (network.embed(crops) * self.embed(crops)).sum(dim=1)
        if not cosines.min() >= _LOWEST_COSINE[precision]:
            raise RuntimeError(f"OpenVINO's vectors differ: cosine {cosines.min():.4f}")

    def embed(self, crops: Tensor) -> Tensor:
        """Vectors float32 (batch, D), L2-normalised, of normalised crops (batch, 3, H, W)."""
        pixels = np.ascontiguousarray(crops.numpy())
        return torch.from_numpy(self._session.run(self._outputs, {self._input: pixels})[0])


def compiled(
    network: EmbeddingModel, card_id: str, batch: int, precision: Precision
) -> CompiledEmbedder | None:
    """As `CompiledEmbedder`; None where PyTorch has to do it.

    Networks with side information stay with PyTorch: what they do depends on which cameras are
    known, which a converted network cannot ask.
    """
    if network.uses_cameras or network.uses_views:
        return None
    for last in (False, True):
        try:
            return CompiledEmbedder(network, card_id, batch, precision)
        except (RuntimeError, OSError, NetworkError) as error:  # OpenVINO's are RuntimeErrors
            # A damaged copy in the cache is converted again.
            shutil.rmtree(_folder(card_id), ignore_errors=True)
            if last:
                _log.warning("%s runs in PyTorch, since OpenVINO cannot: %s", card_id, error)
    return None


class EmbeddingPass(nn.Module):
    """`embed` as a forward pass."""

    def __init__(self, network: EmbeddingModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> Tensor:
        """float32 (B, 3, H, W) → (B, D)."""
        return self.network.embed(crops)


def _converted(network: EmbeddingModel, card_id: str) -> Path:
    """The file of the converted network, kept in the user's cache: converting takes seconds."""
    openvino, folder = import_openvino(), _folder(card_id)
    if (folder / _FILE).is_file():
        return folder / _FILE
    example = torch.zeros(2, 3, *network.input_size_px)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # checks of the size are not traced
        model = openvino.convert_model(EmbeddingPass(network), example_input=example)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        openvino.save_model(model, str(draft / _FILE), compress_to_fp16=False)
        draft.rename(folder)
    except OSError:
        if not (folder / _FILE).is_file():  # else another process was quicker
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder / _FILE


def _folder(card_id: str) -> Path:
    version = import_openvino().__version__.split("-")[0]
    return user_cache_path("retrace") / "compiled" / f"{card_id} openvino-{version}"

"""What refines a ranking: aggregators and re-rankers of model files; they always come first.

Somebody waits for them: only searches use them. torch is imported when one is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.entities import FloatArray, Image
from app.core.errors import ModelError
from app.core.ports import Embedder
from app.language import tr
from app.vision.embedders import ModelFileEmbedder
from app.vision.model_files import MODEL_FILE_SUFFIX, is_model_file, told_to_user

if TYPE_CHECKING:
    from reid_models.predictors import EmbeddingPredictor


class ModelFileAggregator:
    """Refines vectors by their neighbours (NFormer); the same vectors give the same result."""

    reads = staticmethod(is_model_file)

    def __init__(self, path: Path, device: str = "auto") -> None:
        """Loads the file.

        Raises:
            ModelError: damaged, of another role, or no such device.
        """
        from reid_models.interfaces import AggregationModel
        from reid_models.model_file import load_model
        from reid_models.predictors import AggregationPredictor

        with told_to_user("aggregator"):
            network, card = load_model(path, role="aggregator")
            assert isinstance(network, AggregationModel)
            self._predictor = AggregationPredictor(network, card, device)

    def aggregate(self, vectors: FloatArray) -> FloatArray:
        """float32 (n, D), the query first → float32 (n, D), L2-normalised.

        Raises:
            ModelError: vectors of another length; results without direction.
        """
        with told_to_user():
            return self._predictor.refine(vectors, urgent=True)


class ModelFileReranker:
    """Compares crops in pairs (CACE-Net); what it needs of a crop is computed once and kept."""

    reads = staticmethod(is_model_file)

    def __init__(self, path: Path, device: str, load_embedder: Callable[[], Embedder]) -> None:
        """Loads the file, and the embedder if the network works on its feature maps.

        Raises:
            ModelError: damaged, of another role, no such device, or not for this embedder's maps.
        """
        from reid_models.interfaces import PairModel
        from reid_models.model_file import load_model
        from reid_models.predictors import PairPredictor

        with told_to_user("reranker"):
            network, card = load_model(path, role="reranker")
            assert isinstance(network, PairModel)
            embedder = None if network.takes_maps is None else _with_maps(load_embedder())
            self._predictor = PairPredictor(network, card, device, embedder=embedder)

    def score(
        self,
        query: Sequence[Image],
        gallery: Sequence[Image],
        query_camera: str | None = None,
        gallery_cameras: Sequence[str] | None = None,
    ) -> FloatArray:
        """As `app.core.ports.Reranker.score`.

        Raises:
            ModelError: scores that are no numbers; too little memory.
        """
        with told_to_user():
            return self._predictor.score(
                query, gallery, [query_camera] * len(query), gallery_cameras, urgent=True
            )


def _with_maps(embedder: Embedder) -> EmbeddingPredictor:
    if isinstance(embedder, ModelFileEmbedder):
        return embedder.predictor
    raise ModelError(
        tr(
            "This re-ranker compares features of parts of a crop, which {id} does not provide.",
            id=embedder.id,
        ),
        tr(
            "Choose a re-ranker with a network of its own, or an embedder in a {suffix} file.",
            suffix=MODEL_FILE_SUFFIX,
        ),
        "reranker",
    )

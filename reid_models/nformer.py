"""NFormer: every vector in the light of its reciprocal neighbours, arXiv:2204.09331."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from reid_models.backbones.resnet import ResNet, ResNetName
from reid_models.checks import check_at_least, check_image_size
from reid_models.errors import NetworkError
from reid_models.interfaces import AggregationModel, EmbeddingModel, ReIDOutput
from reid_models.layers.bn_neck import BNNeck
from reid_models.layers.classifier import new_classifier
from reid_models.layers.neighbor_attention import NeighborBlock
from reid_models.layers.neighbor_queries import FixedGallery
from reid_models.layers.neighbors import (
    NeighborGraph,
    NeighborSearch,
    nearest_neighbors,
    neighbor_graph,
)

RefineMode = Literal["joint", "per_query"]
Landmarks = Sequence[Tensor] | Tensor


@dataclass(frozen=True)
class NFormerConfig:
    """How an NFormer is built.

    Attributes:
        embedding_dim: length of the vectors.
        heads: of the attention.
        layers: how many blocks.
        neighbors: k, length of the neighbour lists, each vector itself included.
        landmarks: l, agents drawn for each block.
        mlp_ratio: width of the MLP in multiples of `embedding_dim`.
        dropout: after the attention and after the MLP, in training.
        identities: of the training, for the classifier; 0: there is none.
        normalize_input: "code" as in the published code (raw in training, L2-normalised in
            evaluation), "always" or "never". Affinities grow with the fourth power of the length.
        encoder: ResNet of the published encoder; None: the vectors come from elsewhere.
        image_size: height and width of the encoder's images.
    """

    embedding_dim: int = 256
    heads: int = 2
    layers: int = 4
    neighbors: int = 20
    landmarks: int = 5
    mlp_ratio: int = 4
    dropout: float = 0.1
    identities: int = 0
    normalize_input: Literal["code", "always", "never"] = "code"
    encoder: ResNetName | None = None
    image_size: tuple[int, int] = (256, 128)

    def __post_init__(self) -> None:
        counts = ("embedding_dim", "heads", "layers", "neighbors", "landmarks", "mlp_ratio")
        check_at_least(self, 1, *counts, "image_size")
        check_at_least(self, 0, "identities")
        if not 0 <= self.dropout < 1:
            raise NetworkError(
                f"A dropout of {self.dropout} is not possible.", "Use 0 or more, and less than 1."
            )
        if self.embedding_dim % self.heads:
            raise NetworkError(
                f"{self.heads} heads cannot share vectors of length {self.embedding_dim}.",
                "Choose a number of heads that divides the length.",
            )


class NFormerEncoder(EmbeddingModel):
    """The embedder that NFormer was published with: ResNet → mean → Linear → BN neck.

    Its vector is taken after the BN; `forward` returns the feature before it.
    """

    def __init__(self, config: NFormerConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding_dim = config.embedding_dim
        self.input_size_px = config.image_size
        # The published encoder has no ReLU after the first BN.
        self.backbone = ResNet(config.encoder or "resnet50", first_relu=False)
        self.projection = nn.Linear(self.backbone.out_channels, config.embedding_dim)
        self.bottleneck = BNNeck(config.embedding_dim)
        self.classifier = _classifier(config)

    def forward(
        self,
        images: Tensor,
        camera_ids: Tensor | None = None,
        view_ids: Tensor | None = None,
    ) -> ReIDOutput:
        """The feature before the BN, (B, D), and logits where there is a classifier.

        Raises:
            NetworkError: images of another size.
        """
        check_image_size(images, self.input_size_px)
        maps = self.backbone(images)  # (B, C, h, w)
        feature = self.projection(maps.mean(dim=(2, 3)))  # (B, D)
        return _output(feature, self.bottleneck, self.classifier)

    def vector(self, output: ReIDOutput) -> Tensor:
        """The feature after the BN, (B, D)."""
        vectors: Tensor = self.bottleneck(output.features[0])
        return vectors


class NFormer(AggregationModel):
    """The neighbour transformer, with its encoder where the configuration names one.

    Neighbour lists are found once, by cosine of the input, and hold for all blocks. Time and
    memory are O(N·k·l), apart from that search, which takes O(N²·D) time in bounded memory.
    """

    config: NFormerConfig

    def __init__(self, config: NFormerConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding_dim = config.embedding_dim
        self.encoder = NFormerEncoder(config) if config.encoder else None
        block = NeighborBlock(
            config.embedding_dim, config.heads, config.mlp_ratio, config.dropout
        ).apply(_initialise)
        # As published, all blocks start equal.
        self.blocks = nn.ModuleList(deepcopy(block) for _ in range(config.layers))
        self.bottleneck = BNNeck(config.embedding_dim)
        self.classifier = _classifier(config)

    def forward(
        self,
        features: Tensor,
        landmarks: Landmarks | None = None,
        generator: torch.Generator | None = None,
        neighbors: Tensor | None = None,
    ) -> ReIDOutput:
        """The features before the final BN, and logits where there is a classifier.

        Args:
            features: (N, D), or S sets (S, N, D); then the output's rows are those of all sets,
                (S·N, …), one set after the other.
            landmarks: int64 (layers, l), rows of every set; drawn where None.
            generator: on the CPU, draws the landmarks; None: torch's own in training, one of
                seed 0 in evaluation.
            neighbors: int64 (N, k) or (S, N, k), see `refine`; found where None.

        Raises:
            NetworkError: features, landmarks or neighbours of another shape.
        """
        sets = self._checked(features[None] if features.ndim == 2 else features)
        if generator is None and not self.training:
            generator = torch.Generator().manual_seed(0)
        chosen = self._landmarks(landmarks, sets.shape[1], generator)
        lists = [None] * len(sets) if neighbors is None else neighbors.view(*sets.shape[:2], -1)
        refined = [
            self._transform(self._scaled(each), chosen, self._graph(each, given))
            for each, given in zip(sets, lists, strict=True)
        ]
        return _output(torch.cat(refined), self.bottleneck, self.classifier)

    @torch.no_grad()
    def refine(
        self,
        features: Tensor,
        landmarks: Landmarks | None = None,
        seed: int = 0,
        neighbors: Tensor | NeighborSearch | None = None,
        mode: RefineMode = "joint",
        queries: Tensor | None = None,
    ) -> Tensor:
        """Each vector in the light of its neighbours; without gradient.

        Args:
            features: (N, D), finite; the blocks' sums stay float32 under autocast.
            landmarks: int64 (layers, l), rows of `features`; drawn with `seed` where None.
            seed: of the generator that draws landmarks; same seed, same result.
            neighbors: int64 (N, k), rows of `features` nearest to each by cosine, best first; a
                list that misses its own row gets itself in its last place. Or how to find them:
                "torch" (None) or "faiss", with the same result.
            mode: "joint": one set of all vectors, as published; queries then see each other, so
                results are transductive. "per_query": each query meets the gallery alone, in a
                set of N_g + 1; exact, in some milliseconds a query (`FixedGallery`).
                Gallery vectors are then those of the gallery without any query.
            queries: int64 (Q,), in mode "per_query" the rows that are queries; all others are
                the gallery. Landmarks are then rows of the gallery.

        Returns:
            float32 (N, D), after the final BN, before the final L2.

        Raises:
            NetworkError: wrong shapes or rows; NaN; arguments that do not fit the mode.
        """
        vectors = self._scaled(self._checked(features[None])[0])
        if not torch.isfinite(vectors).all():
            raise NetworkError(
                "The vectors to be refined hold NaN or infinite numbers.",
                "Compute them again; if that does not help, the embedder's weights are broken.",
            )
        generator = torch.Generator().manual_seed(seed)
        fitting = "joint" if queries is None else "per_query"
        if mode != fitting or (mode == "per_query" and neighbors is not None):
            raise NetworkError(
                f'Vectors cannot be refined in mode "{mode}" with these arguments.',
                'Choose "joint" without `queries`, or "per_query" with them, but no `neighbors`.',
            )
        if queries is None:
            chosen = self._landmarks(landmarks, len(vectors), generator)
            refined = self._transform(vectors, chosen, self._graph(vectors, neighbors))
        else:
            rows = queries.to(vectors.device)
            refined = self._refine_queries(vectors, rows, landmarks, generator)
        return self.bottleneck(refined.to(self.bottleneck.weight.dtype)).float()

    def draw_landmarks(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Different rows for each block, int64 (layers, min(l, count)) on the CPU."""
        drawn = [
            torch.randperm(count, generator=generator)[: self.config.landmarks]
            for _ in range(self.config.layers)
        ]
        return torch.stack(drawn)

    def _checked(self, sets: Tensor) -> Tensor:
        if sets.ndim != 3 or sets.shape[2] != self.embedding_dim:
            raise NetworkError(
                f"NFormer got vectors of shape {tuple(sets.shape[1:])}; it refines sets of shape "
                f"(N, {self.embedding_dim}).",
                "Use it with the embedder that it was trained for.",
            )
        return sets.float()

    def _scaled(self, features: Tensor) -> Tensor:
        rule = self.config.normalize_input
        scale = rule == "always" or (rule == "code" and not self.training)
        return normalize(features, dim=1) if scale else features

    def _landmarks(
        self, given: Landmarks | None, count: int, generator: torch.Generator | None
    ) -> Tensor:
        if given is None:
            drawn = self.draw_landmarks(count, generator)
            return drawn.to(self.bottleneck.weight.device)
        layers = self.config.layers
        lists = [torch.as_tensor(each) for each in given]  # lists and arrays, too
        shapes = {tuple(each.shape) for each in lists}
        rows = torch.stack(lists) if len(shapes) == 1 else torch.empty(0)
        fits = rows.ndim == 2 and len(rows) == layers and rows.shape[1] > 0
        if not fits or rows.is_floating_point() or rows.min() < 0 or rows.max() >= count:
            raise NetworkError(
                f"Landmarks of shape {' and '.join(map(str, shapes))} for each layer do not fit "
                f"{layers} layers and a set of {count} vectors.",
                f"Hand over {layers} lists of rows from 0 to {count - 1}.",
            )
        return rows.to(self.bottleneck.weight.device, torch.int64)

    def _graph(self, features: Tensor, given: Tensor | NeighborSearch | None) -> NeighborGraph:
        if not isinstance(given, Tensor):
            k = self.config.neighbors
            return neighbor_graph(nearest_neighbors(features, k, given or "torch"))
        count = len(features)
        if given.ndim != 2 or len(given) != count or not ((given >= 0) & (given < count)).all():
            raise NetworkError(
                f"Neighbour lists of shape {tuple(given.shape)} do not fit {count} vectors.",
                f"Hand over {count} lists of rows from 0 to {count - 1}.",
            )
        lists = given.to(features.device, torch.int64, copy=True)
        own = torch.arange(count, device=lists.device)
        alone = ~(lists == own[:, None]).any(dim=1)
        lists[alone, -1] = own[alone]
        lists = lists.sort(dim=1).values
        if (lists[:, 1:] == lists[:, :-1]).any():
            raise NetworkError(
                "A neighbour list names the same row twice.", "Hand over different rows."
            )
        return neighbor_graph(lists)

    def _transform(self, features: Tensor, landmarks: Tensor, graph: NeighborGraph) -> Tensor:
        if len(features):
            for block, rows in zip(self.blocks, landmarks, strict=True):
                features = block(features, graph, rows)
        return features

    def _refine_queries(
        self,
        vectors: Tensor,
        queries: Tensor,
        landmarks: Landmarks | None,
        generator: torch.Generator,
    ) -> Tensor:
        count = len(vectors)
        is_query = torch.zeros(count, dtype=torch.bool, device=vectors.device)
        if queries.numel() and (queries.min() < 0 or queries.max() >= count):
            raise NetworkError(
                f"A query has a row that the {count} vectors do not have.",
                f"Hand over rows from 0 to {count - 1}.",
            )
        is_query[queries] = True
        gallery = (~is_query).nonzero()[:, 0]
        if not len(gallery):
            raise NetworkError(
                "All vectors are queries.", "Hand over at least one vector of the gallery."
            )
        if landmarks is None:
            chosen = self._landmarks(None, len(gallery), generator)
        else:
            rows = self._landmarks(landmarks, count, None)
            if is_query[rows].any():
                raise NetworkError(
                    "A landmark is a query.", "Choose landmarks from the gallery only."
                )
            chosen = torch.searchsorted(gallery, rows)
        blocks: list[NeighborBlock] = [*self.blocks]
        fixed = FixedGallery(blocks, vectors[gallery], self.config.neighbors, chosen)
        refined = torch.empty_like(vectors)
        refined[gallery] = fixed.output
        refined[queries] = fixed.answer(vectors[queries])
        return refined


def _classifier(config: NFormerConfig) -> nn.Linear | None:
    if not config.identities:
        return None
    return new_classifier(config.embedding_dim, config.identities)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)


def _output(feature: Tensor, neck: nn.Module, classifier: nn.Module | None) -> ReIDOutput:
    if classifier is None:
        return ReIDOutput((feature,))
    return ReIDOutput((feature,), (classifier(neck(feature)),))

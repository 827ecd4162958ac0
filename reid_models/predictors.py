"""Networks behind NumPy: crops and vectors in, float32 arrays out; any thread may call.

All networks on one device share its lock: each batch is one turn, so that a person who waits
(`urgent`) waits for one batch of the work in the background, not for all of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from reid_models.compiled import compiled
from reid_models.crop_runner import CropRunner
from reid_models.devices import Precision, find_device, lock_of
from reid_models.errors import NetworkError
from reid_models.interfaces import AggregationModel, EmbeddingModel, PairModel, PairParts
from reid_models.model_card import ModelCard
from reid_models.parts_cache import PartsCache, key_of
from reid_models.roles import UNKNOWN_CAMERA, Role

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

# Pairs are cheaper than crops by a hundred times.
PAIRS_PER_CROP = 8
# Parts of about 300 images of a ResNet-50.
DEFAULT_CACHE_BYTES = 512 * 2**20
_GREY_CROP = np.full((64, 32, 3), 127, np.uint8)


class EmbeddingPredictor:
    """Crops → vectors.

    Attributes:
        id: of the card; changes with whatever changes the vectors.
        dimension: length of the vectors.
        device: where it runs.
        precision: in which its products are computed.
    """

    def __init__(
        self,
        network: EmbeddingModel,
        card: ModelCard,
        device: str = "auto",
        precision: str = "auto",
        batch: int | None = None,
    ) -> None:
        """Moves the network to the device and tries it once.

        Args:
            network: from now on the predictor's own.
            card: of this network; its camera table turns names into ids.
            device: "auto", "cpu", "cuda", "cuda:1", "mps".
            precision: "auto" (bf16 where the device has it by nature), "float32", "bf16".
            batch: crops of one turn; by default what suits the device.

        Raises:
            NetworkError: no such device or precision, not an embedder, or without usable vectors.
        """
        _check_role(network, "embedder")
        self._runner = CropRunner(network, device, precision, batch)
        self._network: EmbeddingModel = self._runner.network
        self._cameras = dict(card.camera_table)
        self.id = card.id
        self.dimension = network.embedding_dim
        self.device, self.precision = self._runner.device, self._runner.precision
        self._compiled = None
        if self.device.type == "cpu" and card.sha256:  # of a file: its id stands for its weights
            reduced: Precision = "float32" if self.precision == torch.float32 else "bf16"
            self._compiled = compiled(network, card.id, self._runner.batch, reduced)
        self.warm_up()

    def warm_up(self) -> None:
        """Embeds one grey crop: the first batch on a device takes many times longer.

        Raises:
            NetworkError: its vector is unusable.
        """
        self.embed([_GREY_CROP], self._any_camera())

    def embed(
        self,
        images: Sequence[Image],
        cameras: Sequence[str | None] | None = None,
        *,
        urgent: bool = False,
    ) -> FloatArray:
        """Vectors of crops; a crop's vector does not depend on the others.

        A camera that is not in the card's table gets what the network's `unknown_camera` says:
        the mean of the known ones, no camera information, or an error.

        Args:
            images: RGB uint8 (h, w, 3), at least 1 × 1, of any sizes.
            cameras: name of each crop's camera, or None where it is not known.
            urgent: before all work that is not.

        Returns:
            float32 (n, dimension), L2-normalised.

        Raises:
            NetworkError: an unknown camera where the network refuses those; vectors without
                direction; not enough memory for one crop.
        """
        if not len(images):  # may be an array
            return np.zeros((0, self.dimension), np.float32)
        ids = self._camera_ids(cameras, len(images))

        def compute(crops: Tensor, rows: slice) -> tuple[Tensor, ...]:
            if self._compiled is not None:
                return (self._compiled.embed(crops),)
            return (self._network.embed(crops, None if ids is None else _filled(ids, rows, crops)),)

        vectors = self._runner.run(images, compute, urgent)[0]
        if vectors.shape != (len(images), self.dimension):
            raise NetworkError(
                f"The network returned vectors of the shape {tuple(vectors.shape[1:])} instead of "
                f"({self.dimension},).",
                "Choose another network.",
            )
        return _checked_vectors(vectors.cpu())

    def maps(
        self,
        images: Sequence[Image],
        cameras: Sequence[str | None] | None = None,
        *,
        urgent: bool = False,
    ) -> Tensor:
        """Feature maps of the pass that makes the vectors; arguments as of `embed`.

        Args:
            images: at least one.
            cameras: as of `embed`.
            urgent: before all work that is not.

        Returns:
            float32 (n, C, h, w), on the device.

        Raises:
            NetworkError: a network without such maps; as `embed`.
        """
        embed_with_map = getattr(self._network, "embed_with_map", None)
        if embed_with_map is None:
            raise NetworkError(
                f"{type(self._network).__name__} has no feature maps to compare pairs by.",
                "Choose a TransReID, an X-ReID or an RRID as the embedder.",
            )
        ids = self._camera_ids(cameras, len(images))

        def compute(crops: Tensor, rows: slice) -> tuple[Tensor, ...]:
            return (embed_with_map(crops, None if ids is None else _filled(ids, rows, crops))[1],)

        return self._runner.run(images, compute, urgent)[0]

    @property
    def has_maps(self) -> bool:
        """Whether `maps` can be had."""
        return hasattr(self._network, "embed_with_map")

    def map_shape(self) -> tuple[int, ...]:
        """(C, h, w) of its feature maps.

        Raises:
            NetworkError: it has none.
        """
        return tuple(self.maps([_GREY_CROP], self._any_camera()).shape[1:])

    def _any_camera(self) -> list[str | None] | None:
        """A camera that even a network which refuses unknown ones takes."""
        return [next(iter(self._cameras))] if self._cameras else None

    def _camera_ids(self, cameras: Sequence[str | None] | None, count: int) -> Tensor | None:
        """int64 (n,); None where the network does not ask."""
        if not self._network.uses_cameras:
            return None
        names = [None] * count if cameras is None else list(cameras)
        if len(names) != count:
            raise ValueError(f"{len(names)} cameras for {count} crops")
        ids = [UNKNOWN_CAMERA if name is None else self._id_of(name) for name in names]
        if self._network.unknown_camera == "error" and UNKNOWN_CAMERA in ids:
            name = names[ids.index(UNKNOWN_CAMERA)]
            which = "A crop without camera" if name is None else f'The camera "{name}"'
            known = ", ".join(self._cameras) or "none"
            raise NetworkError(
                f"{which} cannot be embedded: this network takes only cameras it was trained with.",
                f"Its cameras are {known}; choose a network that takes others.",
            )
        return torch.tensor(ids)

    def _id_of(self, name: str) -> int:
        return self._cameras.get(name, UNKNOWN_CAMERA)


class AggregationPredictor:
    """A set of vectors → the same set, each in the light of its neighbours; always in float32.

    Attributes:
        requires_embedder: `id` of the embedder whose vectors it takes; None where any will do.
        dimension: length of the vectors.
        device: where it runs.
    """

    def __init__(self, network: AggregationModel, card: ModelCard, device: str = "auto") -> None:
        """Moves the network to the device.

        Raises:
            NetworkError: no such device, or not an aggregator.
        """
        _check_role(network, "aggregator")
        self.device = find_device(device)
        self._network = network.to(self.device).eval()
        self.id = card.id
        self.requires_embedder = card.requires_embedder
        self.dimension = network.embedding_dim

    def refine(self, vectors: FloatArray, seed: int = 0, *, urgent: bool = False) -> FloatArray:
        """Refined vectors; the same vectors and seed give the same result.

        Args:
            vectors: float32 (n, D), the query first.
            seed: of the generator that draws landmarks.
            urgent: before all work that is not.

        Returns:
            float32 (n, D), L2-normalised.

        Raises:
            NetworkError: vectors of another length, NaN or infinite; results without direction.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise NetworkError(
                f"Vectors of the shape {vectors.shape} cannot be refined: this network takes "
                f"(n, {self.dimension}).",
                "Choose the aggregator that was trained with this embedder.",
            )
        if not np.isfinite(vectors).all():
            raise NetworkError(
                "Vectors with NaN or infinite values cannot be refined.", "Embed the crops again."
            )
        if not len(vectors):
            return np.zeros((0, self.dimension), np.float32)
        with lock_of(self.device).turn(urgent), torch.inference_mode():
            features = torch.from_numpy(np.array(vectors, np.float32)).to(self.device)  # (n, D)
            refined = normalize(self._network.refine(features, seed=seed).float(), dim=1).cpu()
        return _checked_vectors(refined)


class PairPredictor:
    """Pairs of crops → scores. What depends on one crop alone is computed once and remembered.

    Attributes:
        id: of the card.
        requires_embedder: `id` of the embedder whose hits it ranks; None where any will do.
        device: where it runs.
        precision: in which its products are computed.
    """

    def __init__(
        self,
        network: PairModel,
        card: ModelCard,
        device: str = "auto",
        precision: str = "auto",
        batch: int | None = None,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        *,
        embedder: EmbeddingPredictor | None = None,
    ) -> None:
        """Moves the network to the device.

        Args:
            network: from now on the predictor's own.
            card: of this network.
            device: "auto", "cpu", "cuda", "cuda:1", "mps".
            precision: "auto" (bf16 where the device has it by nature), "float32", "bf16".
            batch: crops of one turn; by default what suits the device.
            cache_bytes: how much memory parts of crops seen before may take.
            embedder: whose feature maps a network takes that works on those (`takes_maps`); it
                runs on the same device.

        Raises:
            NetworkError: no such device or precision, not a reranker, or one that takes maps and
                was given no embedder, or one with other maps.
        """
        _check_role(network, "reranker")
        self._embedder = embedder if network.takes_maps is not None else None
        if network.takes_maps is not None:
            _check_maps(network.takes_maps, embedder)
        self._runner = CropRunner(network, device, precision, batch)
        self._network: PairModel = self._runner.network
        self._parts = PartsCache(cache_bytes)
        self.id = card.id
        self.requires_embedder = card.requires_embedder
        self.device, self.precision = self._runner.device, self._runner.precision

    def score(
        self,
        query: Sequence[Image],
        gallery: Sequence[Image],
        query_cameras: Sequence[str | None] | None = None,
        gallery_cameras: Sequence[str | None] | None = None,
        *,
        urgent: bool = False,
    ) -> FloatArray:
        """How alike the query and each crop of the gallery are.

        Args:
            query: one or more crops of one person, RGB uint8 (h, w, 3) of any sizes.
            gallery: n crops, likewise.
            query_cameras: name of each query crop's camera, for the maps of an embedder with
                camera information; None: not known.
            gallery_cameras: likewise.
            urgent: before all work that is not.

        Returns:
            float32 (n,), higher is more alike; the mean over the query's crops.

        Raises:
            NetworkError: no query; scores that are NaN; not enough memory.
        """
        if not len(query):  # may be an array
            raise NetworkError("There is no crop of the query.", "Hand over at least one.")
        if not len(gallery):
            return np.zeros(0, np.float32)
        cameras = [*(query_cameras or [None] * len(query))]
        cameras += gallery_cameras or [None] * len(gallery)
        crops = self._parts_of([*query, *gallery], cameras, urgent)
        queries, others = crops[: len(query)], crops[len(query) :]
        scores = torch.stack([self._scores(each, others, urgent) for each in queries])  # (m, n)
        found = scores.mean(dim=0).numpy()
        if not np.isfinite(found).all():
            raise NetworkError("The network returned NaN as a score.", "Choose another network.")
        return found

    def _parts_of(
        self, images: Sequence[Image], cameras: Sequence[str | None], urgent: bool
    ) -> list[PairParts]:
        """Parts of each crop, (…) each; those not remembered are computed."""
        # Only an embedder's maps depend on the camera.
        told = [None] * len(images) if self._embedder is None else cameras
        keys = [key_of(image, camera) for image, camera in zip(images, told, strict=True)]
        known = {key: parts for key in set(keys) if (parts := self._parts.get(key)) is not None}
        missing = {key: row for row, key in enumerate(keys) if key not in known}
        if missing:
            rows = list(missing.values())
            crops, places = [images[row] for row in rows], [told[row] for row in rows]
            found = self._compute(crops, places, urgent)
            for row, key in enumerate(missing):
                known[key] = tuple(part[row].clone() for part in found)
                self._parts.put(key, known[key])
        return [known[key] for key in keys]

    def _compute(
        self, images: Sequence[Image], cameras: Sequence[str | None], urgent: bool
    ) -> tuple[Tensor, ...]:
        """Parts of crops, (n, …) each, float32."""
        if self._embedder is None:
            return self._runner.run(images, lambda crops, _: self._network.parts(crops), urgent)
        batch, found = self._runner.batch, []
        for maps in self._embedder.maps(images, cameras, urgent=urgent).split(batch):
            # Always full, so that a crop's parts do not depend on the others.
            full = torch.cat([maps, maps[-1:].expand(batch - len(maps), -1, -1, -1)])
            with self._runner.turn(urgent):
                parts = self._network.parts_of_maps(full.to(self.device))
                found.append(tuple(part[: len(maps)].float() for part in parts))
        return tuple(torch.cat(columns) for columns in zip(*found, strict=True))

    def _scores(self, query: PairParts, gallery: Sequence[PairParts], urgent: bool) -> Tensor:
        """Scores of one query crop, float32 (n,)."""
        rows = self._runner.batch * PAIRS_PER_CROP
        one = tuple(part[None] for part in query)  # (1, …) each
        found = []
        for start in range(0, len(gallery), rows):
            chunk = list(gallery[start : start + rows])
            padded = chunk + [chunk[-1]] * (rows - len(chunk))
            with self._runner.turn(urgent):
                many = tuple(torch.stack(column) for column in zip(*padded, strict=True))
                found.append(self._network.score(one, many)[: len(chunk)].float().cpu())
        return torch.cat(found)


def _filled(ids: Tensor, rows: slice, crops: Tensor) -> Tensor:
    """Ids of a batch's rows (B,); those that fill it up repeat the last."""
    some = ids[rows]
    padding = some[-1:].expand(len(crops) - len(some))
    return torch.cat([some, padding]).to(crops.device)


def _check_role(network: nn.Module, role: Role) -> None:
    own = getattr(network, "role", None)
    if own != role:
        raise NetworkError(
            f"{type(network).__name__} has the role {own}, not {role}.",
            f"Choose one of the role {role}.",
        )


def _check_maps(wanted: tuple[int, int, int], embedder: EmbeddingPredictor | None) -> None:
    """Raises NetworkError where the embedder's maps are not those that a network takes."""
    channels, rows, columns = wanted
    needs = f"This reranker compares {rows}×{columns} places of length {channels}"
    remedy = "Choose the embedder that it was trained with, or another reranker."
    if embedder is None:
        raise NetworkError(f"{needs}, and there is no embedder to make them.", remedy)
    found = embedder.map_shape()
    if found != wanted:
        made = f"{found[1]}×{found[2]} of length {found[0]}"
        raise NetworkError(f"{needs}; the embedder {embedder.id} makes {made}.", remedy)


def _checked_vectors(vectors: Tensor) -> FloatArray:
    """float32 (n, D) of length 1.

    Raises:
        NetworkError: one has no direction.
    """
    lengths = vectors.norm(dim=1)
    # NaN fails this, too.
    if not ((lengths - 1).abs() < 1e-3).all():
        raise NetworkError(
            "The network returned no usable vector: zero, NaN or infinite values.",
            "Choose another network.",
        )
    return np.asarray(vectors.numpy(), np.float32)

"""What the services need from the outside, as Protocols. NumPy in, NumPy out: no torch, no Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from app.core.array_file import Arrays
from app.core.entities import (
    Detections,
    FloatArray,
    Image,
    ModelFile,
    TrackStep,
    VideoInfo,
)
from app.core.networks import ModelRole, NetworkCard, NetworkFigures


class DecodedFrame(Protocol):
    """A decoded frame whose pixels are converted only when they are asked for."""

    @property
    def index(self) -> int:
        """Number of the decoded frame, from 0."""

    @property
    def time_s(self) -> float:
        """Presentation time in seconds after the first decoded frame."""

    def image(self) -> Image:
        """The pixels: RGB uint8 (H, W, 3), upright (rotation applied)."""


class FrameSource(Protocol):
    """An opened video. Not thread-safe: one source per thread."""

    info: VideoInfo

    def frames(self, start_s: float = 0.0, start_index: int = 0) -> Iterator[DecodedFrame]:
        """Decoded frames in presentation order.

        Args:
            start_s: the first frame is the one shown at this time (the last one at or before it).
            start_index: number given to that first frame; 0 where the caller does not need numbers.

        Raises:
            TruncatedVideoError: after the last decodable frame, if the video was cut or its header
                announces more than there is.
            VideoError: if nothing can be decoded.
        """

    def close(self) -> None:
        """Releases the file."""


class Detector(Protocol):
    """Finds people in frames."""

    id: str
    """Architecture or file stem + hash of the weights."""

    batch_size: int
    """How many frames it takes best in one call."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """People in RGB uint8 (H, W, 3) frames, one `Detections` for each; any number of frames."""


# Rows of a frame's detections → their vectors, float32 (rows, D), L2-normalised.
EmbedBoxes = Callable[[Sequence[int]], FloatArray]


class Tracker(Protocol):
    """Joins the detections of one video into tracks. One instance per video."""

    def update(
        self, detections: Detections, time_s: float, embed: EmbedBoxes | None = None
    ) -> TrackStep:
        """Takes the next analysed frame's detections (possibly none), times rising.

        Args:
            detections: what was found in it.
            time_s: its time.
            embed: makes vectors of some of the detections, where looks are to count.
        """

    def finish(self) -> TrackStep:
        """The video is over: every track that is still alive ends or is dropped."""

    def state(self) -> Arrays:
        """Everything that a fresh one needs to go on as this one would, to the bit."""

    def restore(self, state: Arrays) -> None:
        """Goes on from what `state` returned."""


class Embedder(Protocol):
    """Turns crops into vectors that are close for the same person."""

    id: str
    """Architecture or file stem + hash of the weights: vectors of two networks never meet."""

    dimension: int

    def embed(
        self,
        images: Sequence[Image],
        cameras: Sequence[str] | None = None,
        *,
        urgent: bool = False,
    ) -> FloatArray:
        """Embeds crops.

        Args:
            images: RGB uint8 (h, w, 3) crops of any size, at least one.
            cameras: camera name of each crop, for networks with camera side information.
            urgent: somebody waits for it: before work in the background on the same device.

        Returns:
            float32 (n, dimension), L2-normalised.
        """

    def maps(
        self, images: Sequence[Image], cameras: Sequence[str] | None = None
    ) -> FloatArray | None:
        """Features of the parts of crops; arguments as of `embed`.

        Returns:
            float32 (n, h, w, C), of the pass that makes the vectors; None if the network has none.
        """


class NeighborAggregator(Protocol):
    """Refines vectors by those around them (NFormer). Absent: search passes vectors through."""

    def aggregate(self, vectors: FloatArray) -> FloatArray:
        """float32 (n, D), the query first → float32 (n, D), L2-normalised."""


class Reranker(Protocol):
    """Compares two crops directly (CACE-Net). Absent: search keeps the ranking."""

    def score(
        self,
        query: Sequence[Image],
        gallery: Sequence[Image],
        query_camera: str | None = None,
        gallery_cameras: Sequence[str] | None = None,
    ) -> FloatArray:
        """How alike a person and others are.

        Args:
            query: RGB uint8 (h, w, 3) crops of the person sought, at least one.
            gallery: one crop of each of n tracklets.
            query_camera: name of the query's camera, or None where it is not known.
            gallery_cameras: name of each gallery crop's camera.

        Returns:
            float32 (n,), higher is closer.
        """


class NetworkFiles(Protocol):
    """Files of networks: what they are, and the networks in them. Each method may raise ModelError.

    `device` is "auto", "cpu", "cuda:0", …
    """

    def reads(self, path: Path, role: ModelRole) -> bool:
        """Whether the file may hold a network of that role; fast, the file need not exist."""

    def identify(self, path: Path, role: ModelRole) -> ModelFile:
        """The file with its identity; a large one is read once, unless it changes."""

    def card(self, path: Path, role: ModelRole) -> NetworkCard:
        """What the file says of its network; fast, nothing is loaded."""

    def recognise(self, path: Path, role: ModelRole | None = None) -> ModelRole:
        """The role of a file, found by loading it; `role`: the one that it must have."""

    def measure(self, path: Path, role: ModelRole, device: str) -> NetworkFigures:
        """What the network costs on a device; takes some seconds."""

    def detector(self, path: Path, device: str) -> Detector:
        """The detector of a file, loaded."""

    def embedder(self, path: Path, device: str) -> Embedder:
        """The embedder of a file, loaded."""

    def aggregator(self, path: Path, device: str) -> NeighborAggregator:
        """The neighbour aggregator of a file, loaded."""

    def reranker(self, path: Path, device: str, load_embedder: Callable[[], Embedder]) -> Reranker:
        """The re-ranker of a file, loaded; it may take the features of the embedder."""

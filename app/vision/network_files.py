"""Network files: which class reads which, what they are, and what they cost."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from app.core.checksum import sha256_of
from app.core.command_name import as_typed
from app.core.entities import ModelFile
from app.core.errors import ModelError
from app.core.networks import (
    KNOWN_SUFFIXES,
    MODEL_ROLES,
    WEIGHTS_SUFFIXES,
    ModelRole,
    NetworkCard,
    NetworkFigures,
    parts_of,
    role_words,
)
from app.core.ports import Detector, Embedder, NeighborAggregator, Reranker
from app.language import tr
from app.vision.embedders import ModelFileEmbedder, PictureEmbedder
from app.vision.model_files import MODEL_FILE_SUFFIX, is_model_file, told_to_user
from app.vision.refiners import ModelFileAggregator, ModelFileReranker
from app.vision.yolo_detector import YoloDetector
from reid_models.errors import NetworkError
from reid_models.model_card import read_card

# Beside files that cannot hold a card themselves: `<file>.card.toml`.
CARD_SUFFIX = ".card.toml"
_TOLD_BESIDE = ("architecture", "trained_on", "terms", "metrics", "command", "seed")
# Named values of these are the file's name and what else is wrong with it.
_NOT_KNOWN: dict[ModelRole, str] = {
    "detector": tr("{name} cannot be used as a detector: {files} are not known."),
    "embedder": tr("{name} cannot be used as an embedder: {files} are not known."),
    "aggregator": tr("{name} cannot be used as a neighbour aggregator: {files} are not known."),
    "reranker": tr("{name} cannot be used as a re-ranker: {files} are not known."),
}
_TIMED_CROPS = 8
_TIMED_BATCHES = 3


class Kind(Protocol):
    """A class of networks that is asked which files it reads."""

    def reads(self, path: Path) -> bool:
        """Whether the file is for this class; fast, the file need not exist."""


class DetectorKind(Kind, Protocol):
    """A class of detectors; `architecture` is what kind they are, for users."""

    architecture: str

    def __call__(self, path: Path, device: str) -> Detector:
        """Loads and tries the file; raises ModelError."""


class EmbedderKind(Kind, Protocol):
    """A class of embedders."""

    def __call__(self, path: Path, device: str) -> Embedder:
        """Loads and tries the file; raises ModelError."""


# The first one that reads a file gets it: whoever looks into files comes before whoever takes all
# of an ending.
DETECTORS: tuple[DetectorKind, ...] = (YoloDetector,)
EMBEDDERS: tuple[EmbedderKind, ...] = (ModelFileEmbedder, PictureEmbedder)
AGGREGATORS = (ModelFileAggregator,)
RERANKERS = (ModelFileReranker,)

_AnyKind = TypeVar("_AnyKind", bound=Kind)


class KnownNetworkFiles:
    """`app.core.ports.NetworkFiles`, for the kinds of files listed above. Thread-safe.

    Args:
        detectors: classes of detectors, in the order in which they are asked.
    """

    def __init__(self, detectors: Sequence[DetectorKind] = DETECTORS) -> None:
        self._detectors = detectors
        self._kinds: dict[ModelRole, Sequence[Kind]] = {
            "detector": detectors,
            "embedder": EMBEDDERS,
            "aggregator": AGGREGATORS,
            "reranker": RERANKERS,
        }
        self._identified: dict[tuple[Any, ...], ModelFile] = {}

    # What a file is -----------------------------------------------------------------------------

    def reads(self, path: Path, role: ModelRole) -> bool:
        """Whether the file may hold a network of that role; fast, the file need not exist."""
        return any(kind.reads(path) for kind in self._kinds[role])

    def identify(self, path: Path, role: ModelRole) -> ModelFile:
        """The file with its identity: its card's, else stem + 12 digits of its SHA-256.

        The SHA-256 of a network of two files is that of both, joined in the order of `parts_of`.
        Large files are read once, unless they change.

        Raises:
            ModelError: it cannot be read, or says that it has another role.
        """
        card_id = None
        if is_model_file(path) and role != "detector":
            with told_to_user(role):
                card_id = _card_of_role(path, role).id
        try:
            found = [part.stat() for part in parts_of(path)]
            key = (path, role, *((each.st_mtime_ns, each.st_size) for each in found))
            if key not in self._identified:
                digest = sha256_of(*parts_of(path))
                own_id = card_id or f"{path.stem}-{digest[:12]}"
                self._identified[key] = ModelFile(own_id, path.resolve(), digest)
        except OSError as error:
            raise ModelError(
                tr(
                    "The {role} {file} cannot be read: {reason}.",
                    role=role_words(role),
                    file=error.filename or path,
                    reason=error.strerror,
                ),
                tr("Name another file with --{option}.", option=role),
                role,
            ) from error
        return self._identified[key]

    def card(self, path: Path, role: ModelRole) -> NetworkCard:
        """What a file says of its network; fast, neither torch nor the weights are loaded.

        Raises:
            ModelError: the card cannot be read, or is of another role.
        """
        if is_model_file(path):
            with told_to_user(role):
                card = _card_of_role(path, role)
            return NetworkCard(
                architecture=card.architecture,
                requires_embedder=card.requires_embedder,
                trained_on=card.trained_on,
                terms=card.terms,
                metrics=card.metrics,
                command=card.command,
                seed=card.seed,
                dimension=card.embedding_dim,
            )
        beside = path.with_name(path.name + CARD_SUFFIX)
        try:
            values = tomllib.loads(beside.read_text(encoding="utf-8"))
            told = {key: values[key] for key in _TOLD_BESIDE if key in values}
            found: NetworkCard = TypeAdapter(NetworkCard).validate_python(told)
        except FileNotFoundError:
            return NetworkCard()
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
            raise ModelError(
                tr("The card {name} cannot be read: {error}.", name=beside.name, error=error),
                tr("Correct or remove it."),
                role,
            ) from error
        return found

    def recognise(
        self, path: Path, role: ModelRole | None = None, device: str = "auto"
    ) -> ModelRole:
        """The role of a network file, which is loaded and run once; takes some seconds.

        Args:
            path: the file.
            role: the one it must have; None: whichever it has.
            device: to try it on.

        Raises:
            ModelError: it is damaged, of an unknown kind, or of another role.
        """
        candidates = self._candidates(path, role)
        reasons: dict[ModelRole, ModelError] = {}
        for candidate in candidates:
            try:
                self._try(path, candidate, device)
            except ModelError as error:
                reasons[candidate] = error
            else:
                return candidate
        if len(reasons) == 1:
            raise next(iter(reasons.values()))
        told = " ".join(
            tr("As {role}: {problem}", role=role_words(each), problem=error.message)
            for each, error in reasons.items()
        )
        raise ModelError(
            tr("{name} cannot be used in any role. {reasons}", name=path.name, reasons=told),
            tr("Choose another file, or name its role to find out what to do."),
        )

    def _candidates(self, path: Path, role: ModelRole | None) -> list[ModelRole]:
        """The roles that a file may have."""
        if is_model_file(path):
            with told_to_user():
                return [_card_of_role(path, role).role]
        # An embedder first: to find out that it is none takes less time.
        order = sorted(MODEL_ROLES, key=lambda each: each != "embedder")
        found = [each for each in order if self.reads(path, each)]
        if not found:
            raise ModelError(
                tr("{name} is not a weights file.", name=path.name),
                tr("Choose one that ends in {suffixes}.", suffixes=", ".join(KNOWN_SUFFIXES)),
            )
        return found if role is None else [role]

    def _try(self, path: Path, role: ModelRole, device: str) -> None:
        """Raises ModelError where the file cannot be used in that role."""
        if role == "reranker":
            from reid_models.model_file import load_model

            # What it compares may come from an embedder that is not here: only the file is tried.
            with told_to_user():
                load_model(path, role="reranker")
            return
        kinds: dict[ModelRole, Sequence[Any]] = {**self._kinds}
        _kind_for(kinds[role], path, role)(path, device)

    # The network in it --------------------------------------------------------------------------

    def detector(self, path: Path, device: str = "auto") -> Detector:
        """The detector of a file.

        Raises:
            ModelError: unknown kind of file, or it cannot be used.
        """
        return _kind_for(self._detectors, path, "detector")(path, device)

    def embedder(self, path: Path, device: str = "auto") -> Embedder:
        """The embedder of a file; errors as of `detector`."""
        return _kind_for(EMBEDDERS, path, "embedder")(path, device)

    def aggregator(self, path: Path, device: str = "auto") -> NeighborAggregator:
        """The neighbour aggregator of a file; errors as of `detector`."""
        return _kind_for(AGGREGATORS, path, "aggregator")(path, device)

    def reranker(self, path: Path, device: str, load_embedder: Callable[[], Embedder]) -> Reranker:
        """The re-ranker of a file; errors as of `detector`.

        Args:
            path: the file.
            device: "auto", "cpu", "cuda:0", …
            load_embedder: called where the re-ranker works on the embedder's feature maps.
        """
        return _kind_for(RERANKERS, path, "reranker")(path, device, load_embedder)

    def measure(self, path: Path, role: ModelRole, device: str) -> NetworkFigures:
        """What a network costs on a device; loads a copy of its own and takes some seconds.

        Raises:
            ModelError: the file cannot be used.
        """
        if role == "detector":
            kind = _kind_for(self._detectors, path, role)
            return _measured_detector(kind(path, device), kind.architecture, device)
        if not is_model_file(path):
            return _measured_embedder(PictureEmbedder(path, device), path, device)
        from reid_models.model_file import load_model
        from reid_models.summary import summarise

        with told_to_user(role):
            network, _ = load_model(path)
            found = summarise(network, device)
        return NetworkFigures(
            architecture=found.architecture,
            parameters=found.parameters,
            gflops=found.gflops,
            ms=found.ms,
            unit=found.unit,
            vector_size=None if role == "reranker" else found.vector_size,
            device=found.device,
            precision=found.precision,
        )


def _card_of_role(path: Path, role: ModelRole | None) -> Any:
    """The card of a model file; raises NetworkError, also where it has another role."""
    card = read_card(path)
    if role not in (None, card.role):
        raise NetworkError(
            tr(
                "{name} has the role {role} ({architecture}), not {wanted}.",
                name=path.name,
                role=card.role,
                architecture=card.architecture,
                wanted=role,
            ),
            tr("Choose a model file of the role {role}.", role=role),
        )
    return card


def _kind_for(kinds: Sequence[_AnyKind], path: Path, role: ModelRole) -> _AnyKind:
    """The class that loads a file, which need not exist; raises ModelError."""
    for kind in kinds:
        if kind.reads(path):
            return kind
    files = (
        tr('"{suffix}" files', suffix=path.suffix) if path.suffix else tr("files without an ending")
    )
    remedy = tr(
        "Choose a file that ends in {suffixes}.", suffixes=", ".join(WEIGHTS_SUFFIXES[role])
    )
    if path.suffix.lower() == ".pth" and MODEL_FILE_SUFFIX in WEIGHTS_SUFFIXES[role]:
        command = tr("`python -m trainer convert` makes one of a published .pth file.")
        remedy = f"{remedy} {as_typed(command)}"
    raise ModelError(_NOT_KNOWN[role].format(name=path.name, files=files), remedy)


def _measured_detector(detector: Detector, architecture: str, device: str) -> NetworkFigures:
    """Time of a detector on frames of 1280×720, as many as it takes best at once."""
    noise = np.random.default_rng(0)
    frames = [noise.integers(0, 256, (720, 1280, 3), dtype=np.uint8)] * detector.batch_size
    detector.detect(frames)  # the first call is slower
    began = time.perf_counter()
    for _ in range(_TIMED_BATCHES):
        detector.detect(frames)
    ms = 1000 * (time.perf_counter() - began) / (_TIMED_BATCHES * len(frames))
    return NetworkFigures(architecture, None, None, ms, "frame", None, device, tr("as stored"))


def _measured_embedder(embedder: PictureEmbedder, path: Path, device: str) -> NetworkFigures:
    """Time and vector of an ONNX or OpenVINO embedder; its file tells nothing else."""
    crops = [np.full((128, 64, 3), grey, np.uint8) for grey in range(60, 60 + _TIMED_CROPS)]
    began = time.perf_counter()
    embedder.embed(crops)
    ms = 1000 * (time.perf_counter() - began) / len(crops)
    kind = "OpenVINO" if len(parts_of(path)) > 1 else "ONNX"
    return NetworkFigures(
        kind, None, None, ms, "crop", embedder.dimension, device, embedder.precision
    )

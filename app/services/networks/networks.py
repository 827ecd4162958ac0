"""The networks of one library: chosen once, loaded when first needed, kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from app.core.entities import ModelFile
from app.core.errors import ModelError
from app.core.networks import ModelRole, NamedModels, NetworkCard, NetworkFigures
from app.core.ports import Detector, Embedder, NeighborAggregator, Reranker
from app.services.networks.model_choice import (
    choose_model,
    choose_optional,
    describe_model,
    fitting_bundled,
    parts_of,
)
from app.settings import AUTO, NOTHING, ModelSettings, bundled_models_dir, models_dir
from app.storage.library import Library

N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class NetworkLoaders:
    """Opens weights files; see `app.bootstrap`. Each raises ModelError.

    Attributes:
        detector: (file, device) → detector.
        embedder: likewise.
        aggregator: likewise.
        reranker: (file, device, what loads the embedder whose features it may take) → re-ranker.
        read_card: what a file says of itself, without loading it; None for files that cannot.
        measure: what a network costs on a device; takes some seconds.
    """

    detector: Callable[[Path, str], Detector]
    embedder: Callable[[Path, str], Embedder]
    aggregator: Callable[[Path, str], NeighborAggregator]
    reranker: Callable[[Path, str, Callable[[], Embedder]], Reranker]
    read_card: Callable[[Path, ModelRole], NetworkCard | None]
    measure: Callable[[Path, ModelRole, str], NetworkFigures]


class Networks:
    """Loaded networks by weights file and device; loading takes seconds, so call from a worker.

    Args:
        library: remembers what it was made with.
        loaders: open weights files.
        models: the user's settings.
        named: what was named with the command.
    """

    def __init__(
        self,
        library: Library,
        loaders: NetworkLoaders,
        models: ModelSettings,
        named: NamedModels | None = None,
    ) -> None:
        self._library = library
        self._loaders = loaders
        self._settings = models
        self._named = named or NamedModels()
        self._lock = threading.Lock()
        self._loading: dict[tuple[str, ...], threading.Lock] = {}
        self._loaded: dict[tuple[str, ...], Any] = {}
        self._described: dict[tuple[Path, ModelRole, tuple[Any, ...]], ModelFile] = {}

    # Choice -------------------------------------------------------------------------------------

    def choose(
        self, role: ModelRole, named: str | None = None, *, changing: bool = False
    ) -> ModelFile:
        """The weights file to use, see `app.services.networks.model_choice.choose_model`.

        Args:
            role: detector or embedder.
            named: file or name given for this call, else None.
            changing: the library's embedder is to be another one from now on.

        Raises:
            ModelError: there is none, or another embedder made the library's vectors.
        """
        remembered = self._library.model(role)
        model = choose_model(
            role,
            named=named or getattr(self._named, role),
            remembered=remembered,
            preferred=self._preferred(role),
            folder=models_dir(role),
            bundled=bundled_models_dir(role),
            describe=self.describe,
        )
        changed = role == "embedder" and remembered is not None and remembered.id != model.id
        if changed and not changing and self._library.tracklets_without_vector(model.id):
            raise ModelError(
                f"The people of this library were not embedded with {model.id}; "
                "vectors of two networks cannot be compared.",
                "Leave --embedder away, change the library's embedder with reembed, or load the "
                "folder into a new library.",
            )
        return model

    def choose_both(
        self, detector: str | None, embedder: str | None
    ) -> tuple[ModelFile, ModelFile]:
        """Detector and embedder; arguments as `named` of `choose`.

        Raises:
            ModelError: what is wrong with either, or with both in one.
        """
        try:
            found = self.choose("detector", detector)
        except ModelError as error:
            try:
                self.choose("embedder", embedder)
            except ModelError as other:
                raise ModelError(
                    f"{error.message} {other.message}", f"{error.remedy} {other.remedy}", error.role
                ) from error
            raise
        return found, self.choose("embedder", embedder)

    def in_use(self, role: ModelRole) -> ModelFile | None:
        """What the library uses in a role, if anything.

        Raises:
            ModelError: it is not there, not of that role, or not for the library's vectors.
        """
        embedder_id = self.embedder_id()
        model = self._asked_for(role, embedder_id)
        if model is not None and embedder_id is not None and role in ("aggregator", "reranker"):
            self._check_fit(role, model, embedder_id)
        return model

    def is_named(self, role: ModelRole) -> bool:
        """Whether a network was named with the command, which comes before all else."""
        return getattr(self._named, role) is not None

    def remembers(self, role: ModelRole) -> bool:
        """Whether the library itself says what is used in a role."""
        return self._library.model(role) is not None

    def _preferred(self, role: ModelRole) -> str | None:
        """File or name in the settings."""
        text: str | None = getattr(self._settings, role)
        optional = role in ("aggregator", "reranker")
        return None if optional and text in (AUTO, NOTHING) else text

    def _asked_for(self, role: ModelRole, embedder_id: str | None) -> ModelFile | None:
        """What was named, else the bundled one that fits where the settings leave it open.

        Raises:
            ModelError: it is not there, or not of that role.
        """
        found = choose_optional(
            role,
            named=getattr(self._named, role),
            remembered=self._library.model(role),
            preferred=self._preferred(role),
            folder=models_dir(role),
            bundled=bundled_models_dir(role),
            describe=self.describe,
        )
        if found is None and getattr(self._settings, role) == AUTO:
            path = fitting_bundled(
                role, bundled_models_dir(role), embedder_id, self._loaders.read_card
            )
            found = None if path is None else self.describe(path, role)
        return found

    def describe(self, path: Path, role: ModelRole) -> ModelFile:
        """What a weights file is; large ones are read once, unless they change.

        Raises:
            ModelError: it cannot be read, or says that it is of another role.
        """
        card = self._loaders.read_card(path, role)
        try:
            found = [part.stat() for part in parts_of(path)]
        except OSError:
            return describe_model(path, role, card)  # raises
        key = (path, role, tuple((each.st_mtime_ns, each.st_size) for each in found))
        if key not in self._described:
            self._described[key] = describe_model(path, role, card)
        return self._described[key]

    def embedder_id(self) -> str | None:
        """Whose vectors are searched; None while the library knows no embedder.

        Raises:
            ModelError: an embedder was named that has not made the library's vectors.
        """
        if self._named.embedder is not None:
            return self.choose("embedder").id
        model = self._library.model("embedder")
        return model.id if model else None

    def remember(self, role: ModelRole, file: Path | None) -> None:
        """The library remembers this aggregator or re-ranker from now on, or none.

        Raises:
            ModelError: the file cannot be used, or was trained with another embedder.
        """
        if file is None:
            self._library.forget_model(role)
            self._named = replace(self._named, **{role: None})
            return
        model = self.describe(file, role)
        embedder_id = self.embedder_id()
        if embedder_id is not None:
            self._check_fit(role, model, embedder_id)
        self.change_to(role, model)

    def change_to(self, role: ModelRole, model: ModelFile) -> None:
        """The library uses this network from now on, whatever was named with the command."""
        self._library.remember_model(role, model)
        self._named = replace(self._named, **{role: None})

    # Loading ------------------------------------------------------------------------------------

    def detector(self, model: ModelFile | None = None, device: str | None = None) -> Detector:
        """The detector, loaded; by default the library's on the settings' device.

        Raises:
            ModelError: there is none, or it cannot be loaded.
        """
        return self._get(model or self.choose("detector"), device, self._loaders.detector)

    def embedder(self, model: ModelFile | None = None, device: str | None = None) -> Embedder:
        """The embedder, loaded; by default the library's on the settings' device.

        Raises:
            ModelError: there is none, or it cannot be loaded.
        """
        return self._get(model or self.choose("embedder"), device, self._loaders.embedder)

    def aggregator(self, embedder_id: str, dimension: int) -> NeighborAggregator | None:
        """The aggregator, loaded, or None where none was asked for.

        Args:
            embedder_id: whose vectors it is to refine.
            dimension: their length.

        Raises:
            ModelError: it cannot be loaded, or is not for such vectors.
        """
        model = self._asked_for("aggregator", embedder_id)
        if model is None:
            return None
        self._check_fit("aggregator", model, embedder_id, dimension)
        return self._get(model, None, self._loaders.aggregator)

    def reranker(self, embedder_id: str) -> Reranker | None:
        """The re-ranker, loaded, or None where none was asked for.

        Args:
            embedder_id: whose hits it is to rank.

        Raises:
            ModelError: it cannot be loaded, or is not for such hits.
        """
        model = self._asked_for("reranker", embedder_id)
        if model is None:
            return None
        self._check_fit("reranker", model, embedder_id)

        def load(path: Path, device: str) -> Reranker:
            return self._loaders.reranker(path, device, self.embedder)

        return self._get(model, None, load, embedder_id)

    def measure(self, role: ModelRole, model: ModelFile) -> NetworkFigures:
        """What a network costs on the settings' device; takes some seconds.

        Raises:
            ModelError: it cannot be loaded.
        """
        return self._loaders.measure(model.path, role, self._settings.device)

    def _check_fit(
        self, role: ModelRole, model: ModelFile, embedder_id: str, dimension: int | None = None
    ) -> None:
        """Raises ModelError where a network was made for other vectors than those at hand."""
        card = self._loaders.read_card(model.path, role)
        if card is None:
            return
        remedy = "Choose another one, or compute the library's vectors anew with its embedder."
        if card.requires_embedder not in (None, embedder_id):
            raise ModelError(
                f"{model.path.name} was trained with the embedder {card.requires_embedder}, and "
                f"this library's vectors are of {embedder_id}.",
                remedy,
            )
        if role == "aggregator" and dimension not in (None, card.dimension):
            raise ModelError(
                f"{model.path.name} refines vectors of length {card.dimension}, and this "
                f"library's have {dimension}.",
                remedy,
            )

    def _get(
        self, model: ModelFile, device: str | None, load: Callable[[Path, str], N], *more: str
    ) -> N:
        key = (model.id, device or self._settings.device, *more)
        with self._lock:
            turn = self._loading.setdefault(key, threading.Lock())
        # Loading takes seconds: only who wants the same network waits, and it is loaded once.
        with turn:
            if key not in self._loaded:
                self._loaded[key] = load(model.path, key[1])
            network: N = self._loaded[key]
            return network

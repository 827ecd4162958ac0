"""The networks of one library: chosen once, loaded when first needed, kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from app.core.entities import ModelFile
from app.core.errors import ModelError
from app.core.networks import REFINERS, ModelRole, NamedModels, NetworkFigures
from app.core.ports import Detector, Embedder, NeighborAggregator, NetworkFiles, Reranker
from app.language import tr
from app.services.networks.model_choice import Choice, choose
from app.settings import ModelSettings
from app.storage.library import Library

N = TypeVar("N")


class Networks:
    """Loaded networks by weights file and device; loading takes seconds, so call from a worker.

    Args:
        library: remembers what it was made with.
        files: open network files.
        models: the user's settings.
        named: what was named with the command.
    """

    def __init__(
        self,
        library: Library,
        files: NetworkFiles,
        models: ModelSettings,
        named: NamedModels | None = None,
    ) -> None:
        self._library = library
        self._files = files
        self._settings = models
        self._named = named or NamedModels()
        self._lock = threading.Lock()
        self._loading: dict[tuple[str, ...], threading.Lock] = {}
        self._loaded: dict[tuple[str, ...], Any] = {}

    # Choice -------------------------------------------------------------------------------------

    def choice(
        self, role: ModelRole, named: str | None = None, *, changing: bool = False
    ) -> Choice:
        """Which file is used in a role, and why; see `app.services.networks.model_choice`.

        Args:
            role: which network.
            named: file or name given for this call, else None.
            changing: the library's embedder is to be another one from now on.
        """
        if role not in REFINERS:
            found = self._choice(role, named)
            if role == "embedder" and found.file is not None and not changing:
                return self._if_it_made_the_vectors(found, found.file)
            return found
        try:
            embedder_id = self.embedder_id()
        except ModelError as error:
            return Choice(problem=error, asked=True)
        if embedder_id is None:  # nothing is stored yet: as the embedder to come
            usual = self._choice("embedder").file
            return self._choice(role, named, None if usual is None else usual.id)
        found = self._choice(role, named, embedder_id)
        try:
            if found.file is not None:
                self._check_fit(role, found.file, embedder_id)
        except ModelError as error:
            return Choice(problem=error, asked=found.asked)
        return found

    def choose(
        self, role: ModelRole, named: str | None = None, *, changing: bool = False
    ) -> ModelFile:
        """The file to use as detector or embedder; arguments as of `choice`.

        Raises:
            ModelError: there is none, or another embedder made the library's vectors.
        """
        return self.choice(role, named, changing=changing).required()

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
        """What the library uses in a role by now, if anything.

        Raises:
            ModelError: it is not there, not of that role, or not for the library's vectors.
        """
        found = self.choice(role)
        if not found.asked and (role not in REFINERS or self.embedder_id() is None):
            return None
        return found.given()

    def remembers(self, role: ModelRole) -> bool:
        """Whether the library itself says what is used in a role."""
        return self._library.model(role) is not None

    def _choice(
        self, role: ModelRole, named: str | None = None, embedder_id: str | None = None
    ) -> Choice:
        return choose(
            role,
            self._files,
            named=named or getattr(self._named, role),
            remembered=self._library.model(role),
            setting=getattr(self._settings, role),
            embedder_id=embedder_id,
        )

    def _if_it_made_the_vectors(self, found: Choice, file: ModelFile) -> Choice:
        remembered = self._library.model("embedder")
        changed = remembered is not None and remembered.id != file.id
        if not changed or not self._library.tracklets_without_vector(file.id):
            return found
        problem = ModelError(
            tr(
                "This library has no vectors of {id}, and vectors of two networks cannot be "
                "compared.",
                id=file.id,
            ),
            tr(
                "Leave out --embedder, change the library's embedder with reembed, "
                "or load the folder into a new library."
            ),
        )
        return Choice(problem=problem, asked=found.asked)

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
        model = self._files.identify(file, role)
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
        return self._get(model or self.choose("detector"), device, self._files.detector)

    def embedder(self, model: ModelFile | None = None, device: str | None = None) -> Embedder:
        """The embedder, loaded; by default the library's on the settings' device.

        Raises:
            ModelError: there is none, or it cannot be loaded.
        """
        return self._get(model or self.choose("embedder"), device, self._files.embedder)

    def aggregator(self, embedder_id: str, dimension: int) -> NeighborAggregator | None:
        """The aggregator, loaded, or None where none was asked for.

        Args:
            embedder_id: whose vectors it is to refine.
            dimension: their length.

        Raises:
            ModelError: it cannot be loaded, or is not for such vectors.
        """
        model = self._choice("aggregator", None, embedder_id).given()
        if model is None:
            return None
        self._check_fit("aggregator", model, embedder_id, dimension)
        return self._get(model, None, self._files.aggregator)

    def reranker(self, embedder_id: str) -> Reranker | None:
        """The re-ranker, loaded, or None where none was asked for.

        Args:
            embedder_id: whose hits it is to rank.

        Raises:
            ModelError: it cannot be loaded, or is not for such hits.
        """
        model = self._choice("reranker", None, embedder_id).given()
        if model is None:
            return None
        self._check_fit("reranker", model, embedder_id)

        def load(path: Path, device: str) -> Reranker:
            return self._files.reranker(path, device, self.embedder)

        return self._get(model, None, load, embedder_id)

    def measure(self, role: ModelRole, model: ModelFile) -> NetworkFigures:
        """What a network costs on the settings' device; takes some seconds.

        Raises:
            ModelError: it cannot be loaded.
        """
        return self._files.measure(model.path, role, self._settings.device)

    def _check_fit(
        self, role: ModelRole, model: ModelFile, embedder_id: str, dimension: int | None = None
    ) -> None:
        """Raises ModelError where a network was made for other vectors than those at hand."""
        card = self._files.card(model.path, role)
        remedy = tr("Choose another one, or compute the library's vectors again with its embedder.")
        if card.requires_embedder not in (None, embedder_id):
            raise ModelError(
                tr(
                    "{name} was trained with the embedder {trained}, and "
                    "this library's vectors are of {embedder}.",
                    name=model.path.name,
                    trained=card.requires_embedder,
                    embedder=embedder_id,
                ),
                remedy,
            )
        differs = None not in (dimension, card.dimension) and dimension != card.dimension
        if role == "aggregator" and differs:
            raise ModelError(
                tr(
                    "{name} refines vectors of length {length}, and this library's have {other}.",
                    name=model.path.name,
                    length=card.dimension,
                    other=dimension,
                ),
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

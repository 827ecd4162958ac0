"""Looks for damage in a library, and makes anew what is derived; a generator of events."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from app.core.entities import Video
from app.core.errors import ModelError, UserFacingError
from app.core.networks import MODEL_ROLES, ModelRole, role_words
from app.language import tr, trn
from app.services.footage.sources import fingerprint, source_of
from app.services.ingest.registration import hashing
from app.services.pipeline import in_background, paced
from app.services.search.reembed import ReembedProgress
from app.services.search.search import Search
from app.storage.library import CropFault, Library

R = TypeVar("R")
_INGEST_AGAIN = tr("Ingest their videos again.")


@dataclass(frozen=True, slots=True)
class Looking:
    """What is being looked at; comes at least every 0.3 s."""

    step: str


@dataclass(frozen=True, slots=True)
class Damage:
    """One kind of damage.

    Attributes:
        what: a sentence with its count.
        is_repaired: whether it is gone now.
        remedy: what to do, where it is not repaired by itself.
    """

    what: str
    is_repaired: bool = False
    remedy: str = ""


CheckEvent = Looking | Damage


FindNetwork = Callable[[ModelRole], object]
"""Finds the network that the library uses in a role by its hash; raises ModelError."""
MakeVectors = Callable[[], Iterator[ReembedProgress]]
"""Makes the vectors that the library's embedder has not made yet."""


def check_library(
    library: Library,
    search: Search,
    find_network: FindNetwork,
    make_vectors: MakeVectors,
    *,
    repairs: bool,
) -> Iterator[CheckEvent]:
    """Looks at the database, decisions, crops, vectors, index, networks and footage.

    Args:
        library: open.
        search: whose index is compared with the library.
        find_network: called for each network that the library names.
        make_vectors: called where vectors are missing.
        repairs: whether what is derived is made anew or taken away. What was recorded or decided
            is never changed.

    Yields:
        `Looking` now and then, and a `Damage` for each kind that was found.

    Raises:
        LibraryError: the database cannot be read at all.
    """
    check = _Check(library, search, make_vectors, repairs)
    yield from check.database()
    yield from check.identities()
    yield from check.crops()
    yield from check.networks(find_network)
    yield from check.vectors()
    yield from check.index()
    yield from check.queue()
    yield from check.footage()


class _Check:
    def __init__(
        self, library: Library, search: Search, make_vectors: MakeVectors, repairs: bool
    ) -> None:
        self._library, self._search, self._repairs = library, search, repairs
        self._make_vectors = make_vectors

    def database(self) -> Iterator[CheckEvent]:
        faults = yield from _looking(tr("Looking at the database"), self._library.database_faults)
        restore = tr("Restore the library from a backup, or ingest the videos into a new one.")
        for fault in faults[:5]:
            yield Damage(tr("The database is damaged: {fault}.", fault=fault), remedy=restore)
        incomplete = yield from _looking(
            tr("Looking at the sightings"), self._library.incomplete_tracklets
        )
        if incomplete:
            what = trn(
                "{count} sighting without boxes or picture.",
                "{count} sightings without boxes or picture.",
                len(incomplete),
            )
            yield Damage(what, remedy=_INGEST_AGAIN)

    def identities(self) -> Iterator[CheckEvent]:
        misplaced = yield from _looking(
            tr("Replaying the decisions"), self._library.misplaced_tracklets
        )
        if misplaced:
            if self._repairs:
                self._library.restore_identities(misplaced)
            what = trn(
                "{count} sighting of another person than decided.",
                "{count} sightings of another person than decided.",
                len(misplaced),
            )
            yield Damage(what, self._repairs)

    def networks(self, find_network: FindNetwork) -> Iterator[CheckEvent]:
        for role in MODEL_ROLES:
            if self._library.model(role) is None:
                continue
            try:
                yield from _looking(
                    tr("Looking at the {role}", role=role_words(role)), partial(find_network, role)
                )
            except ModelError as error:
                yield Damage(error.message, remedy=error.remedy)

    def crops(self) -> Iterator[CheckEvent]:
        faults: list[CropFault] = []
        batches = self._library.crop_faults()
        done = 0
        while True:
            step = trn(
                "Looking at crops ({count} batch)", "Looking at crops ({count} batches)", done
            )
            found = yield from _looking(step, lambda: next(batches, None))
            if found is None:
                break
            done += 1
            faults += found
        if faults:
            hopeless = self._library.drop_crops(faults) if self._repairs else []
            mended = self._repairs and not hopeless
            what = trn(
                "{count} crop whose picture is missing or damaged.",
                "{count} crops whose picture is missing or damaged.",
                len(faults),
            )
            yield Damage(what, mended, _INGEST_AGAIN)
        strays = yield from _looking(
            tr("Looking for files without rows"),
            lambda: self._library.count_stray_crops(delete_them=self._repairs),
        )
        if strays:
            what = trn(
                "{count} picture file without a row.",
                "{count} picture files without a row.",
                strays,
            )
            yield Damage(what, self._repairs)

    def vectors(self) -> Iterator[CheckEvent]:
        faults = yield from _looking(tr("Looking at the vectors"), self._library.vector_faults)
        if faults:
            if self._repairs:
                self._library.drop_vectors(faults)
                self._search.reset()
            what = trn(
                "{count} vector without meaning.", "{count} vectors without meaning.", len(faults)
            )
            yield Damage(what, self._repairs)
        embedder = self._library.model("embedder")
        missing = self._library.tracklets_without_vector(embedder.id) if embedder else []
        if missing:
            problem = (yield from self._new_vectors()) if self._repairs else ""
            what = trn(
                "{count} sighting without a vector of the library's embedder.",
                "{count} sightings without a vector of the library's embedder.",
                len(missing),
            )
            yield Damage(what, self._repairs and not problem, problem)

    def _new_vectors(self) -> Generator[CheckEvent, None, str]:
        """Makes the missing vectors; returns why that could not be done, or an empty text."""
        try:
            for progress in self._make_vectors():
                yield Looking(
                    tr(
                        "Describing {done} of {total} sightings",
                        done=progress.done,
                        total=progress.total,
                    )
                )
        except UserFacingError as error:
            return str(error)
        return ""

    def index(self) -> Iterator[CheckEvent]:
        differs = yield from _looking(tr("Looking at the index"), self._search.index_differs)
        if differs:
            if self._repairs:
                self._search.reset()
            yield Damage(tr("The index differs from the library."), self._repairs)

    def queue(self) -> Iterator[CheckEvent]:
        lost = self._library.unqueued_videos()
        if lost:
            if self._repairs:
                self._library.queue_videos(lost, {})
            what = trn(
                "{count} unfinished video that does not wait.",
                "{count} unfinished videos that do not wait.",
                len(lost),
            )
            yield Damage(what, self._repairs)

    def footage(self) -> Iterator[CheckEvent]:
        """Only a file whose size or time has changed is read: footage is large."""
        for video in self._library.videos():
            if not video.content_hash or not video.path.exists():
                continue
            source = source_of(video)
            size_bytes, mtime_ns = fingerprint(source)
            if self._library.known_hash(video.path, size_bytes, mtime_ns, video.info.view):
                continue
            step = tr("Checking {name}", name=video.path.name)
            now = yield from paced(hashing(source, video.path), partial(Looking, step))
            if now != video.content_hash:
                yield Damage(
                    tr("{path} no longer has the content that was read.", path=video.path),
                    remedy=tr("Restore the original, or ingest the file again."),
                )
            elif self._repairs:
                self._note_seen(video, size_bytes, mtime_ns)

    def _note_seen(self, video: Video, size_bytes: int, mtime_ns: int) -> None:
        root = self._library.source_root_of(video.id)
        self._library.move_video(video.id, root, video.path, size_bytes, mtime_ns)


def _looking(step: str, work: Callable[[], R]) -> Generator[CheckEvent, None, R]:
    yield Looking(step)
    return (yield from in_background(work, lambda: Looking(step)))

"""Everything that works on one open library, behind one door."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from app.core.boxes import cut_out, frontmost_containing
from app.core.clock import format_offset
from app.core.entities import FloatArray, Image
from app.core.errors import NotFoundError
from app.core.events import IngestEvent
from app.core.networks import NamedModels
from app.core.ports import NetworkFiles
from app.core.queries import CropQuery, Query, examples
from app.language import tr
from app.services.check import CheckEvent, check_library
from app.services.footage.cameras import Cameras
from app.services.footage.playback import Playback
from app.services.footage.vehicles import told_from_stored
from app.services.ingest.ingest import Ingest
from app.services.ingest.ingest_options import IngestOptions, IngestParts
from app.services.ingest.survey import Survey, Surveying, survey
from app.services.ingest.untangle_library import UntangleLibrary, UntangleProgress
from app.services.networks.model_shelf import ModelShelf, NetworkEntry
from app.services.networks.networks import Networks
from app.services.people.catalog import Catalog
from app.services.people.people import People
from app.services.people.sightings import Sightings
from app.services.people.splitting import Splitting
from app.services.route.route import Routes
from app.services.search.photo import Photo, look_at
from app.services.search.reembed import Reembed, ReembedProgress
from app.services.search.search import Search
from app.services.search.why import Explanation, explain
from app.settings import ModelSettings
from app.storage.library import Library


@dataclass(frozen=True, slots=True)
class WorkspaceParts:
    """The concrete classes a workspace is built from; see `app.bootstrap`.

    Attributes:
        ingest: opens footage and follows people in it.
        networks: open network files.
        shelf: the networks on this computer.
        read_picture: picture file → RGB uint8 (H, W, 3); raises NotFoundError or UsageError.
    """

    ingest: IngestParts
    networks: NetworkFiles
    shelf: ModelShelf
    read_picture: Callable[[Path], Image]


class Workspace:
    """One open library with its services.

    Networks are loaded when they are first needed, and by whoever needs them: call what may load
    one from a worker.

    Attributes:
        library: what is stored.
        catalog: what panels and lists show.
        playback: frames, and who is where in them.
        people: what the user decided.
        sightings: what the user said of sightings by themselves.
        splitting: cuts sightings in two.
        cameras: their names and clocks.
        search: rankings.
        routes: where people went.
        networks: chosen and loaded when first needed.
        shelf: all networks on this computer.
        read_picture: see `WorkspaceParts`.

    Args:
        library: open; closed by `close`.
        parts: concrete classes.
        playback: frames of this library's videos.
        models: the user's settings.
        named: networks named with the command.
    """

    def __init__(
        self,
        library: Library,
        parts: WorkspaceParts,
        playback: Playback,
        models: ModelSettings,
        named: NamedModels | None = None,
    ) -> None:
        self.library = library
        self.catalog = Catalog(library)
        self.playback = playback
        self.shelf = parts.shelf
        self.networks = Networks(library, parts.networks, models, named)
        self.search = Search(
            library,
            self.networks.embedder_id,
            self.networks.embedder,
            self.networks.aggregator,
            self.networks.reranker,
        )
        self.people = People(library, self.search.stored)
        self.sightings = Sightings(library, self.search.stored)
        self.splitting = Splitting(library, self.networks.embedder, self._frame, self.search.stored)
        self.cameras = Cameras(library, self.search)
        self.routes = Routes(library, self.search)
        self._open_source = parts.ingest.open_source
        self._close_sources = parts.ingest.close
        self.read_picture = parts.read_picture
        self._ingest = Ingest(library, self.search, self.networks, parts.ingest)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the library and lets others open it."""
        self._close_sources()
        self.library.close()

    def abandon(self) -> None:
        """Closes the library, and deletes it if it is new and nobody is stored in it."""
        self._close_sources()
        self.library.abandon()

    def survey(self, paths: Sequence[Path], options: IngestOptions) -> Iterator[Surveying | Survey]:
        """What is understood of footage before it is read; see `ingest.survey`."""
        zone = options.zone or self.library.timezone
        apart = partial(told_from_stored, library=self.library)
        return survey(paths, options, zone, self._open_source, apart)

    def ingest(self, folder: Path, options: IngestOptions | None = None) -> Iterator[IngestEvent]:
        """Loads a folder; see `app.services.ingest.ingest.Ingest.run`."""
        return self._ingest.run(folder, options or IngestOptions())

    def order(
        self, folder: Path, options: IngestOptions, *, only_new: bool = False
    ) -> Iterator[IngestEvent]:
        """Puts a folder into the queue; see `app.services.ingest.ordering.Ordering.order`."""
        return self._ingest.ordering.order(folder, options, only_new=only_new)

    def watch(self, folder: Path, options: IngestOptions) -> Iterator[IngestEvent]:
        """Ingests a folder and what is added to it; see `Ingest.watch`."""
        return self._ingest.watch(folder, options)

    def order_arrivals(self) -> Iterator[IngestEvent]:
        """Orders what arrives in watched folders; see `app.services.ingest.ordering.Ordering`."""
        return self._ingest.ordering.order_arrivals()

    def check(self, *, repairs: bool) -> Iterator[CheckEvent]:
        """Looks for damage; see `app.services.check.check_library`."""

        def make_vectors() -> Iterator[ReembedProgress]:
            model = self.library.model("embedder")
            return iter(()) if model is None else self.reembed(str(model.path))

        return check_library(
            self.library, self.search, self.networks.in_use, make_vectors, repairs=repairs
        )

    def go_on(self, named: NamedModels | None = None) -> Iterator[IngestEvent]:
        """Takes what is in the queue; see `app.services.ingest.ingest.Ingest.go_on`."""
        return self._ingest.go_on(named)

    def reembed(self, embedder: str, device: str | None = None) -> Iterator[ReembedProgress]:
        """Changes the library's embedder; see `app.services.search.reembed.Reembed.run`."""
        return Reembed(self.library, self.search, self.networks).run(embedder, device)

    def untangle(self, device: str | None = None) -> Iterator[UntangleProgress]:
        """Cuts and joins stored tracklets; see `app.services.ingest.untangle_library`."""
        return UntangleLibrary(self.library, self.search, self.networks).run(device)

    def list_networks(self) -> Iterator[NetworkEntry]:
        """Which networks are used; see `app.services.networks.model_shelf.ModelShelf.in_roles`."""
        return self.shelf.in_roles(self.networks)

    def photo_of(self, image: Image) -> Photo:
        """Who is in a picture, RGB uint8 (H, W, 3); raises ModelError: no detector."""
        return look_at(image, self.networks.detector)

    def detect_person_at(self, video_id: int, time_s: float, x_px: float, y_px: float) -> CropQuery:
        """The person at a point of a frame, found by the detector where no tracklet is stored.

        Raises:
            NotFoundError: nobody is there.
            ModelError: the detector cannot be loaded.
            VideoError: the footage cannot be read.
        """
        image = self._frame(video_id, time_s)
        found = self.networks.detector().detect([image])[0]
        row = frontmost_containing(found.boxes, x_px, y_px)
        if row is None:
            name = self.library.video(video_id).path.name
            raise NotFoundError(
                tr(
                    "Nobody was found at {x_px:.0f},{y_px:.0f} in {name} at {time}.",
                    x_px=x_px,
                    y_px=y_px,
                    name=name,
                    time=format_offset(time_s),
                ),
                tr("Choose a point on a person."),
            )
        return self._query_in(image, found.boxes[row], video_id, time_s)

    def query_in_box(self, video_id: int, time_s: float, box: FloatArray) -> CropQuery:
        """What a box of a frame shows, wherever the detector finds people.

        Args:
            video_id: the video.
            time_s: of the frame.
            box: float32 (4,) xyxy in pixels of the full frame.

        Raises:
            VideoError: the footage cannot be read.
        """
        return self._query_in(self._frame(video_id, time_s), box, video_id, time_s)

    def _frame(self, video_id: int, time_s: float) -> Image:
        with self.playback.reader(video_id) as reader:
            return reader.frame_at(time_s).image

    def _query_in(self, image: Image, box: FloatArray, video_id: int, time_s: float) -> CropQuery:
        video = self.library.video(video_id)
        seen_utc = video.moment(time_s) if video.info.clock_known else None
        return CropQuery(cut_out(image, box), video.camera.id, seen_utc)

    def explain(self, query: Query, hit_id: int) -> Explanation:
        """Which parts of two pictures agree; see `app.services.search.why.explain`."""
        return explain(self.library, self.networks.embedder, query, hit_id)

    def picture_of(self, query: Query) -> Image:
        """Picture or best crop of a query's first example, RGB uint8 (h, w, 3).

        Raises:
            NotFoundError: there is no such tracklet.
        """
        first = examples(query)[0]
        if isinstance(first, CropQuery):
            return first.image
        return self.library.crop(self.library.tracklet(first.tracklet_id).thumbnail.path)

"""What judging hits is worth, for several ways to fuse examples: mAP after 0, 1, 3, 5 clicks.

Run by hand: ``python -m tests.benchmarks.bench_feedback --worlds 3 --seed 91301`` renders worlds
and ingests them; ``--data FOLDER --on ENTRY`` takes the query and gallery images of a data set
instead, two of one person and camera as a sighting. The embedder is the one a command would use.

A simulated user searches for every sighting whose person has two others, and judges the highest
undecided hit, click by click. The ranking counts as the user sees it: confirmed hits first,
rejected ones last. Camera means are taken off.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import shrunk_covariance
from sklearn.linear_model import LogisticRegression

from app.bootstrap import Retrace
from app.core.entities import GalleryVectors
from app.core.networks import NamedModels
from app.services.demo.demo import demo_clips, recognised
from app.services.search.gallery_index import GalleryIndex, Sought
from tests.benchmarks.bench_calibration import ingested
from tests.benchmarks.bench_rendered import clocked, render, say, worlds_of
from trainer.data.registry import load_data_set

CLICKS = (0, 1, 3, 5)
OTHERS = 300  # of the library, for classifiers
DoubleArray = NDArray[np.float64]


@dataclass(frozen=True)
class Gallery:
    """Sightings, row by row: vectors as embedded and as compared, and whom they show."""

    vectors: NDArray[np.float32]
    compared: DoubleArray
    people: NDArray[np.int64]
    cameras: NDArray[np.int64]


Fusion = Callable[[Gallery, Sequence[int], Sequence[int]], DoubleArray]
"""Rows that show the person (the one sought first), rows that do not → a score of each row."""


def first_only(gallery: Gallery, shown: Sequence[int], rejected: Sequence[int]) -> DoubleArray:
    """Plain: clicks change nothing."""
    del rejected
    return gallery.compared @ gallery.compared[shown[0]]


def mean(gallery: Gallery, shown: Sequence[int], rejected: Sequence[int]) -> DoubleArray:
    """Compares with the mean of the examples."""
    del rejected
    return gallery.compared @ unit(gallery.compared[list(shown)].mean(axis=0))


def maximum(gallery: Gallery, shown: Sequence[int], rejected: Sequence[int]) -> DoubleArray:
    """Compares with the nearest example."""
    del rejected
    return (gallery.compared @ gallery.compared[list(shown)].T).max(axis=1)


def less_nearer(base: Fusion, margin: float = 0.0) -> Fusion:
    """Less what somebody rejected is nearer, or less than the margin farther."""

    def fused(gallery: Gallery, shown: Sequence[int], rejected: Sequence[int]) -> DoubleArray:
        scores = base(gallery, shown, rejected)
        if not rejected:
            return scores
        others = (gallery.compared @ gallery.compared[list(rejected)].T).max(axis=1)
        return scores - np.maximum(others - scores + margin, 0)

    return fused


def both(gallery: Gallery, shown: Sequence[int], rejected: Sequence[int]) -> DoubleArray:
    """Half mean, half maximum."""
    return (mean(gallery, shown, rejected) + maximum(gallery, shown, rejected)) / 2


def rocchio(share: float) -> Fusion:
    """The mean of the examples less a share of the mean of those rejected."""

    def fused(gallery: Gallery, shown: Sequence[int], rejected: Sequence[int]) -> DoubleArray:
        wanted = unit(gallery.compared[list(shown)].mean(axis=0))
        if rejected:
            wanted = wanted - share * unit(gallery.compared[list(rejected)].mean(axis=0))
        return gallery.compared @ wanted

    return fused


def logistic(strength: float) -> Fusion:
    """A logistic regression of the examples against those rejected and the library's others."""

    def fused(gallery: Gallery, shown: Sequence[int], rejected: Sequence[int]) -> DoubleArray:
        alike = maximum(gallery, shown, rejected)
        # Whoever looks most alike may be the person.
        free = np.flatnonzero(alike < np.quantile(alike, 0.9))
        others = np.random.default_rng(0).permutation(free)[:OTHERS]
        rows = np.concatenate([shown, rejected, others]).astype(int)
        is_person = np.arange(len(rows)) < len(shown)
        weights = np.where(is_person, 1 / len(shown), 0.5 / len(others))
        weights[len(shown) : len(shown) + len(rejected)] = 0.5 / max(len(rejected), 1)
        model = LogisticRegression(C=strength, max_iter=300)
        model.fit(gallery.compared[rows], is_person, sample_weight=weights * len(rows))
        return np.asarray(model.decision_function(gallery.compared), np.float64)

    return fused


def discriminant() -> Fusion:
    """Linear discriminant analysis: the direction in which the examples differ from all others."""
    known: dict[int, DoubleArray] = {}

    def fused(gallery: Gallery, shown: Sequence[int], rejected: Sequence[int]) -> DoubleArray:
        if id(gallery) not in known:
            known.clear()
            spread = shrunk_covariance(np.cov(gallery.compared.T), 0.5)
            known[id(gallery)] = np.linalg.inv(spread)
        away = gallery.compared.mean(axis=0)
        if rejected:
            away = (away + gallery.compared[list(rejected)].mean(axis=0)) / 2
        direction = known[id(gallery)] @ (gallery.compared[list(shown)].mean(axis=0) - away)
        return np.asarray(gallery.compared @ direction, np.float64)

    return fused


def in_use() -> Fusion:
    """What the program does."""
    known: dict[int, GalleryIndex] = {}

    def fused(gallery: Gallery, shown: Sequence[int], rejected: Sequence[int]) -> DoubleArray:
        if id(gallery) not in known:
            known.clear()
            known[id(gallery)] = index_of(gallery.vectors, gallery.cameras)
        examples, others = (
            [
                Sought(gallery.vectors[row], int(gallery.cameras[row]), tracklet_id=row)
                for row in rows
            ]
            for rows in (shown, rejected)
        )
        found = known[id(gallery)].search(
            examples, len(gallery.people), rejected=others, camera_mean=True
        )
        scores = np.empty(len(gallery.people))
        scores[found.tracklet_ids] = found.scores
        return scores

    return fused


FUSIONS: dict[str, Fusion] = {
    "plain": first_only,
    "mean": mean,
    "maximum": maximum,
    "Rocchio, .25": rocchio(0.25),
    "Rocchio, .5": rocchio(0.5),
    "mean less nearer": less_nearer(mean),
    "maximum less nearer": less_nearer(maximum),
    "half and half less nearer": less_nearer(both),
    "mean less nearer, .2": less_nearer(mean, 0.2),
    "maximum less nearer, .2": less_nearer(maximum, 0.2),
    "half and half, .2 (in use)": less_nearer(both, 0.2),
    "logistic regression, C 1": logistic(1.0),
    "logistic regression, C 10": logistic(10.0),
    "discriminant analysis": discriminant(),
    "the program": in_use(),
}


def unit(vectors: DoubleArray) -> DoubleArray:
    """Of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float64)


def index_of(vectors: NDArray[np.float32], cameras: NDArray[np.int64]) -> GalleryIndex:
    """The program's index, of tracklets that are numbered by row, without times."""
    index = GalleryIndex()
    count = len(vectors)
    unknown = np.full(count, np.nan)
    ids = np.arange(count)
    index.add(GalleryVectors(ids, cameras, unknown, unknown, np.zeros(count, np.bool_), vectors))
    return index


def gallery_of(
    vectors: NDArray[np.float32], people: NDArray[np.int64], cameras: NDArray[np.int64]
) -> Gallery:
    """With vectors as they are compared."""
    means = index_of(vectors, cameras).camera_means()
    compared = means.corrected(vectors, cameras).astype(np.float64)
    return Gallery(vectors, compared, people, cameras)


def average_precision(scores: DoubleArray, is_person: NDArray[np.bool_]) -> float:
    """Of one ranking."""
    places = np.flatnonzero(is_person[np.argsort(-scores, kind="stable")])
    return float(np.mean((np.arange(len(places)) + 1) / (places + 1)))


def clicked(gallery: Gallery, row: int, fusion: Fusion) -> list[float]:
    """Average precision after each number of clicks."""
    shown, rejected, found = [row], list[int](), []
    is_person = gallery.people == gallery.people[row]
    for click in range(max(CLICKS) + 1):
        scores = fusion(gallery, shown, rejected).copy()
        scores[shown], scores[rejected] = np.inf, -np.inf
        if click in CLICKS:
            # The one sought is no hit.
            found.append(average_precision(np.delete(scores, row), np.delete(is_person, row)))
        scores[shown] = -np.inf
        best = int(np.argmax(scores))
        (shown if is_person[best] else rejected).append(best)
    return found


def measure(name: str, gallery: Gallery, most: int) -> None:
    """Prints a table."""
    known = [row for row in range(len(gallery.people)) if gallery.people[row] >= 0]
    often = [row for row in known if (gallery.people == gallery.people[row]).sum() >= 3]
    rows = np.random.default_rng(1).permutation(often)[:most].tolist()
    say(f"{name}: {len(gallery.people)} sightings, {len(rows)} searches, mAP after {CLICKS} clicks")
    for label, fusion in FUSIONS.items():
        figures = np.mean([clicked(gallery, row, fusion) for row in rows], axis=0)
        say(f"{label:28}" + "".join(f"{100 * each:7.1f}" for each in figures))


def rendered(folder: Path, place: Path, fps: float) -> Gallery:
    """The tracklets of all worlds in one library; whoever nobody knows is −1 and less."""
    worlds = [clocked(world, number, place) for number, world in enumerate(worlds_of(folder))]
    videos = [path for world in worlds for path in sorted(world.glob("*.mp4"))]
    with ingested(place / "library", videos, fps) as workspace:
        who = {
            each.tracklet.id: 10_000 * number + each.person
            for number, world in enumerate(worlds)
            for each in recognised(workspace.library, demo_clips(world))
        }
        model = workspace.library.model("embedder")
        assert model is not None
        say(f"embedder {model.id}")
        (stored,) = workspace.library.vector_batches(model.id)
        people = [who.get(each, -1 - place) for place, each in enumerate(stored.tracklet_ids)]
        return gallery_of(stored.vectors, np.array(people), stored.camera_ids)


def labelled(entry: str, data: Path, place: Path, size: int) -> Gallery:
    """The images of a data set's trial, `size` of a person and camera as a sighting."""
    (trial,) = load_data_set(entry, data).trials
    with Retrace().open_workspace(place / "none", create=True, named=NamedModels()) as workspace:
        embedder = workspace.networks.embedder()
        say(f"embedder {embedder.id}")
        samples = sorted({*trial.query, *trial.gallery}, key=lambda each: each.path.name)
        made = []
        for first in range(0, len(samples), 32):
            images = [
                cv2.cvtColor(cv2.imread(str(each.path)), cv2.COLOR_BGR2RGB)
                for each in samples[first : first + 32]
            ]
            made.append(embedder.embed(images))
    vectors = np.concatenate(made)
    groups: dict[tuple[int, int], list[int]] = {}
    for row, each in enumerate(samples):
        groups.setdefault((each.identity, each.camera), []).append(row)
    sightings = [
        (rows[first : first + size], person, camera)
        for (person, camera), rows in sorted(groups.items())
        for first in range(0, len(rows), size)
    ]
    means = unit(np.stack([vectors[rows].mean(axis=0) for rows, _, _ in sightings]))
    people = np.array([person for _, person, _ in sightings])
    cameras = np.array([camera for _, _, camera in sightings])
    return gallery_of(means.astype(np.float32), people, cameras)


def main() -> None:
    """Reads the options and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=91301, help="of the first world")
    parser.add_argument("--cameras", type=int, default=3)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=18.0)
    parser.add_argument("--workers", type=int, default=1, help="processes that render")
    parser.add_argument("--render-on", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument("--folder", type=Path, help="worlds that are rendered already")
    parser.add_argument("--fps", type=float, default=5.0, help="analysed frames a second")
    parser.add_argument("--on", action="append", default=[], help="an entry, instead of worlds")
    parser.add_argument("--data", type=Path, default=Path("~/data"), help="where data sets lie")
    parser.add_argument("--size", type=int, default=2, help="images of a sighting")
    parser.add_argument("--searches", type=int, default=200, help="at most")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for entry in given.on:
            gallery = labelled(entry, given.data.expanduser(), place, given.size)
            measure(entry, gallery, given.searches)
        if not given.on:
            folder = given.folder or place / "worlds"
            if given.folder is None:
                render(folder, given)
            measure("rendered worlds", rendered(folder, place, given.fps), given.searches)


if __name__ == "__main__":
    main()

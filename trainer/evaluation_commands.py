"""Commands about what a network reaches: extract vectors, rank them, evaluate on data sets.

Exit statuses: 0 done, 1 a file, network or data set cannot be used, 2 wrong usage.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from trainer.command_errors import check_place, errors_told

if TYPE_CHECKING:
    from trainer.data.samples import DataSet
    from trainer.evaluation.aggregation import Aggregator
    from trainer.evaluation.embedders import Embedder
    from trainer.evaluation.evaluator import Evaluation, Methods
    from trainer.evaluation.image_features import ImageExtraction
    from trainer.evaluation.overlap import Overlap
    from trainer.evaluation.pair_ranking import PairScorer
    from trainer.reranking import RerankSettings

Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Precision = Annotated[
    str, typer.Option(help="float32, bf16 or auto: bf16 where the device supports it natively.")
]
Batch = Annotated[int | None, typer.Option(min=1, help="Images at a time.", show_default="device")]
Flip = Annotated[bool, typer.Option("--flip", help="Average with the vector of the mirror image.")]
Metric = Annotated[
    Literal["euclidean", "cosine"], typer.Option(help="Of the distance between vectors.")
]
CameraMean = Annotated[
    bool,
    typer.Option(
        "--camera-mean",
        help="A row with the mean of each camera taken off its vectors, as in Retrace; images are "
        "counted where Retrace counts tracklets.",
    ),
]
Transit = Annotated[
    bool,
    typer.Option(
        "--transit",
        help="A row with transit times between cameras, learnt without labels from the frame "
        "numbers in names as Market-1501's.",
    ),
]
Rerank = Annotated[
    str,
    typer.Option(metavar="K1,K2,LAMBDA", help="k-reciprocal re-ranking, usually 20,6,0.3."),
]
AggregatorFile = Annotated[
    Path | None, typer.Option(help="Model file of an aggregator (NFormer) for these vectors.")
]
Mode = Annotated[
    Literal["joint", "per_query", "top200"],
    typer.Option(
        help="Of the aggregator: joint (one set of all, as published), per_query (each query "
        "alone with the gallery) or top200 (as in Retrace)."
    ),
]
Seed = Annotated[int, typer.Option(help="Of the aggregator's landmarks.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs; shares of 1.")]
Images = Annotated[
    Path | None, typer.Argument(help="A folder of images, or a list with a path a line.")
]
Model = Annotated[Path, typer.Option(help="Model, ONNX or OpenVINO file.")]
Out = Annotated[Path, typer.Option(help="The .npz file to write.")]
Query = Annotated[Path | None, typer.Option(help="Folder or list of the queries.")]
Gallery = Annotated[Path | None, typer.Option(help="Folder or list of the gallery.")]
CamerasOf = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Data set of the images, such as market1501, for a network that knows its cameras; "
        "otherwise such a network takes them for unknown ones.",
    ),
]
Everything = Annotated[
    bool, typer.Option("--all", help="With --json: CMC, mINP, intervals and tightness too.")
]
Models = Annotated[list[Path], typer.Option(help="Model, ONNX or OpenVINO file; again for each.")]
On = Annotated[
    list[str],
    typer.Option(
        metavar="NAME",
        help="A data set, as in `datasets list`: market1501, folder:PATH, market1501#holdout=100; "
        "again for each.",
    ),
]
Data = Annotated[
    Path, typer.Option(envvar="RETRACE_DATA", help="The folder below which data sets lie.")
]
Reranker = Annotated[
    Path | None, typer.Option(help="Model file of a re-ranker of pairs (CACE-Net).")
]
Pairs = Annotated[int, typer.Option(min=1, help="K, entries compared in pairs with each query.")]
PairWeight = Annotated[
    float, typer.Option(min=0, max=1, help="β, share of the pair's distance in the final one.")
]
Cameras = Annotated[
    Literal["known", "mean", "none"],
    typer.Option(
        help="What a network with side information is told: its own cameras; nothing, so that it "
        "adds the mean of all cameras; or no side information at all."
    ),
]
Picture = Annotated[
    Path | None,
    typer.Option(help="Ranked lists of the last data set, right and wrong hits framed."),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse to measure on images or people of the training."),
]
Draws = Annotated[int, typer.Option(min=1, help="Of the bootstrap, for the intervals.")]
SHORT_FIGURES = ("mAP", "rank1", "rank5", "rank10", "queries", "seconds")


def extract(
    model: Model,
    out: Out,
    images: Images = None,
    query: Query = None,
    gallery: Gallery = None,
    cameras_of: CamerasOf = "",
    flip: Flip = False,
    device: Device = "auto",
    precision: Precision = "float32",
    batch: Batch = None,
) -> None:
    """Writes the vectors of images, with identities and cameras from their names.

    Names are those of Market-1501: 0002_c1s1_000451_03.jpg is person 2 at camera 1.

    With IMAGES: `features` (N, D), `paths`, `ids`, `cameras`; ids and cameras are -1 where a
    name tells none. With --query and --gallery: what `rank` reads; junk (-1) is left out.

    Example: `python -m trainer extract --query query --gallery bounding_box_test
    --model transreid.safetensors --out features.npz`
    """
    if (images is None) != (query is not None) or (query is None) != (gallery is None):
        raise typer.BadParameter("give either IMAGES, or both --query and --gallery")
    from trainer.evaluation.embedders import load_embedder
    from trainer.evaluation.image_features import ImageExtraction

    with errors_told():
        check_place(out, ".npz")
        embedder = load_embedder(model, device, precision, batch, flip=flip)
        with _progress() as bar:
            extraction = ImageExtraction(embedder, cameras_of, bar)
            told = _written(extraction, images, query, gallery, out)
    if extraction.unknown_cameras:
        typer.echo(
            f"{model.name} knows the cameras {', '.join(sorted(embedder.known_cameras))}; those "
            "of these images are taken for unknown ones (see --cameras-of).",
            err=True,
        )
    typer.echo(f"{out}: {told}, vectors of length {embedder.dimension}")


def rank(
    features: Annotated[Path, typer.Argument(help="A features file of queries and gallery.")],
    metric: Metric = "euclidean",
    camera_mean: CameraMean = False,
    rerank: Rerank = "",
    aggregator: AggregatorFile = None,
    mode: Mode = "joint",
    seed: Seed = 0,
    device: Device = "auto",
    as_json: AsJson = False,
    everything: Everything = False,
) -> None:
    """Ranks saved vectors and tells mAP and CMC, by the protocol of Market-1501.

    Entries of the query's own identity and camera are left out, and so is junk (identity -1); a
    query without any other match does not count.

    Example: `python -m trainer rank features.npz --rerank 20,6,0.3`
    """
    from trainer.evaluation.evaluator import Methods, Result, for_json, rankings, tightness_of
    from trainer.evaluation.features import read_features
    from trainer.evaluation.ranking import rank_queries
    from trainer.evaluation.results_table import table

    with errors_told():
        read = read_features(features)
        refiner = _aggregator(aggregator, mode, seed, device, None)
        methods = Methods(metric, refiner, _rerank(rerank), device=device, camera_mean=camera_mean)
        with _progress() as bar:
            advance = bar(len(read.query.vectors) if methods.is_slow else 0, "queries")
            began = time.perf_counter()
            *_, (name, distances) = rankings(read, methods, advance=advance)
            scores = rank_queries(distances, read.query.labels, read.gallery.labels)
            result = Result(name, (scores,), time.perf_counter() - began)
    if not as_json:
        typer.echo("\n".join(table([(features.name, result)])))
        tight = tightness_of(read)
        typer.echo(
            f"vectors: compactness {tight['compactness']:.4f}, Calinski-Harabasz "
            f"{tight['calinski_harabasz']:.2f}"
        )
        return
    figures = result.figures()
    found: dict[str, Any] = {name: figures[name] for name in SHORT_FIGURES}
    if everything:
        found |= {"method": result.method, **figures, "cmc": scores.cmc().tolist()}
        found |= {"intervals": result.intervals(), **for_json(tightness_of(read))}
    typer.echo(json.dumps(found))


def evaluate(
    model: Models,
    on: On,
    data: Data = Path(),
    metric: Metric = "euclidean",
    flip: Flip = False,
    cameras: Cameras = "known",
    camera_mean: CameraMean = False,
    transit: Transit = False,
    aggregator: AggregatorFile = None,
    mode: Mode = "joint",
    seed: Seed = 0,
    rerank: Rerank = "",
    reranker: Reranker = None,
    pairs: Pairs = 100,
    pair_weight: PairWeight = 1.0,
    picture: Picture = None,
    strict: Strict = False,
    draws: Draws = 1000,
    device: Device = "auto",
    precision: Precision = "float32",
    batch: Batch = None,
    as_json: AsJson = False,
) -> None:
    """Tells what networks reach on data sets, with 95 % intervals over queries.

    Each of --camera-mean, --transit, --aggregator, --rerank and --reranker adds a row, in that
    order, and works on the ranking of the row before. Several models on several data sets give the
    cross-data-set table.

    Where a network was trained on images or people of a data set, as far as its card or its run
    tells, a warning says so; with --strict, nothing is measured then.

    Example: `python -m trainer evaluate --model transreid.safetensors --data ~/reid
    --on market1501 --on msmt17_v1 --rerank 20,6,0.3 --picture hits.png`
    """
    from trainer.data.registry import load_data_set
    from trainer.evaluation.embedders import load_embedder
    from trainer.evaluation.evaluator import Methods
    from trainer.evaluation.hit_picture import draw_hits
    from trainer.evaluation.pair_ranking import PairSettings

    found: list[tuple[str, Evaluation]] = []
    with errors_told():
        _check_picture(picture)
        reranking, data_sets = _rerank(rerank), [load_data_set(name, data) for name in on]
        others = [file for file in (aggregator, reranker) if file is not None]
        overlaps = _overlaps([*model, *others], data_sets, strict)
        if transit:
            _tell_untimed(data_sets)
        for file in model:
            embedder = load_embedder(file, device, precision, batch, flip=flip, cameras=cameras)
            refiner = _aggregator(aggregator, mode, seed, device, embedder.id)
            scorer = _scorer(reranker, file, device, precision, embedder.id)
            weighting = PairSettings(pairs, pair_weight)
            methods = Methods(
                metric, refiner, reranking, scorer, weighting, device, camera_mean, transit
            )
            found += [(file.stem, _evaluated(embedder, each, methods)) for each in data_sets]
        if picture is not None:
            draw_hits(found[-1][1].last, picture)
    _tell(found, overlaps, draws, as_json=as_json)


def _written(
    extraction: ImageExtraction,
    images: Path | None,
    query: Path | None,
    gallery: Path | None,
    out: Path,
) -> str:
    """Writes the features of what is given, and says of how many images."""
    if query is not None and gallery is not None:
        sides = extraction.write_sides(query, gallery, out)
        return f"{len(sides.query.vectors)} queries and a gallery of {len(sides.gallery.vectors)}"
    assert images is not None
    count, unnamed = extraction.write_images(images, out)
    without = f", {unnamed} of them without identity and camera in their names" if unnamed else ""
    return f"{count} images{without}"


def _overlaps(files: list[Path], data_sets: list[DataSet], strict: bool) -> list[Overlap | None]:
    """What each network was trained on of each data set; warns, or refuses."""
    from trainer.evaluation.overlap import Measured, judge, refuse_or_list

    measured = [Measured(each) for each in data_sets]
    verdicts = [verdict for file in files for verdict in judge(file, measured)]
    for line in refuse_or_list(verdicts, strict=strict):
        typer.echo(line, err=True)
    return [verdict.overlap for verdict in verdicts]


def _tell(
    found: list[tuple[str, Evaluation]],
    overlaps: list[Overlap | None],
    draws: int,
    *,
    as_json: bool,
) -> None:
    from trainer.evaluation.results_table import table

    if as_json:
        records = [
            {"model": name, **record, "trained_on": overlap and asdict(overlap)}
            for (name, each), overlap in zip(found, overlaps, strict=False)
            for record in each.records(draws)
        ]
        typer.echo(json.dumps(records))
        return
    rows = [
        (f"{name} on {each.data_set}", result) for name, each in found for result in each.results
    ]
    typer.echo("\n".join(table(rows, draws)))
    for name, each in found:
        tight = "compactness {compactness:.4f}, Calinski-Harabasz {calinski_harabasz:.2f}"
        typer.echo(f"{name} on {each.data_set}: {tight.format(**each.tightness)}")


def _evaluated(embedder: Embedder, data_set: DataSet, methods: Methods) -> Evaluation:
    from trainer.evaluation.evaluator import evaluate
    from trainer.evaluation.extraction import distinct_samples

    queries = sum(len(trial.query) for trial in data_set.trials)
    with _progress() as bar:
        return evaluate(
            embedder,
            data_set,
            methods,
            bar(len(distinct_samples(data_set)), f"images of {data_set.name}"),
            bar(queries if methods.is_slow else 0, "queries"),
        )


def _tell_untimed(data_sets: list[DataSet]) -> None:
    """Says of which data sets there will be no row with transit times."""
    from trainer.evaluation.corrections import seen_s

    for each in data_sets:
        if any(seen_s(trial) is None for trial in each.trials):
            typer.echo(
                f"The names of {each.name} tell no frame numbers (or only count images): no row "
                "with transit times.",
                err=True,
            )


def _check_picture(path: Path | None) -> None:
    if path is None:
        return
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise typer.BadParameter(f"{path} is no *.png or *.jpg", param_hint="'--picture'")
    check_place(path, path.suffix.lower())


def _aggregator(
    file: Path | None, mode: Mode, seed: int, device: str, embedder_id: str | None
) -> Aggregator | None:
    if file is None:
        return None
    from trainer.evaluation.aggregation import load_aggregator

    return load_aggregator(file, mode, seed, device, embedder_id=embedder_id)


def _scorer(
    file: Path | None, model: Path, device: str, precision: str, embedder_id: str
) -> PairScorer | None:
    if file is None:
        return None
    from trainer.evaluation.pair_ranking import load_scorer

    return load_scorer(file, model, embedder_id, device, precision)


def _rerank(text: str) -> RerankSettings | None:
    from trainer.reranking import RerankSettings

    if not text:
        return None
    try:
        k1, k2, weight = text.split(",")
        return RerankSettings(int(k1), int(k2), float(weight))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not K1,K2,LAMBDA, such as 20,6,0.3", param_hint="'--rerank'"
        ) from None


@contextmanager
def _progress() -> Iterator[Callable[[int, str], Callable[[int], None]]]:
    """Bars on the terminal, if there is one.

    Yields:
        (total, of what) → what is told how many more are done; a total of 0 shows no bar.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    silent = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=silent) as bars:

        def add(total: int, of: str) -> Callable[[int], None]:
            task = bars.add_task(of, total=total, visible=total > 0)
            return lambda done: bars.advance(task, done)

        yield add

"""`detector prepare`, `detector train` and `detector evaluate`: the bundled person detector.

Exit statuses: 0 done, 1 a file, folder or device cannot be used, 2 wrong usage, 130 Ctrl-C.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainer.command_errors import errors_told

if TYPE_CHECKING:
    from trainer.detection.detectors import PeopleFinder
    from trainer.detection.evaluation import Measured
    from trainer.detection.training import EpochDone

detector = typer.Typer(
    help="Makes the person detector: its data, its training, its comparison with others.",
    no_args_is_help=True,
)

Scenes = Annotated[
    list[Path] | None,
    typer.Option(help="A folder of `synthesize scenes --labels yolo`; again for each."),
]
Frames = Annotated[
    list[Path] | None,
    typer.Option(help="A video, or a folder of videos and pictures; again for each."),
]
Teacher = Annotated[Path | None, typer.Option(help="The YOLO file whose boxes are the labels.")]
Every = Annotated[float, typer.Option(min=0.02, help="One frame of a video in so many seconds.")]
Sure = Annotated[float, typer.Option(help="The teacher's boxes from this score on are people.")]
Doubtful = Annotated[float, typer.Option(help="Its boxes from this score on are doubtful.")]
TeacherSize = Annotated[
    int, typer.Option(min=32, help="Longer side of the pictures that the teacher sees.")
]
Seed = Annotated[int, typer.Option(min=0, help="Equal seeds choose equal frames.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]


@detector.command()
def prepare(
    out: Annotated[Path, typer.Option(help="The folder to fill; a stopped run continues.")],
    scenes: Scenes = None,
    frames: Frames = None,
    teacher: Teacher = None,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(
            help="Name of a video, folder or rendered world (world001, scenes/world001) that is "
            "kept for validation; again for each."
        ),
    ] = None,
    every: Every = 1.0,
    sure: Sure = 0.5,
    doubtful: Doubtful = 0.15,
    crops: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of crops of one person each, for collages; again for each."),
    ] = None,
    collages: Annotated[
        int, typer.Option(min=0, help="Make so many pictures with crops laid in.")
    ] = 0,
    windows: Annotated[
        int, typer.Option(min=0, help="So many random parts of each source's pictures too.")
    ] = 0,
    nobody: Annotated[
        list[str] | None,
        typer.Option(
            help="Name of a video or folder that shows nobody: the teacher isn't asked; again "
            "for each."
        ),
    ] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    teacher_size: TeacherSize = 640,
    medians: Annotated[
        bool,
        typer.Option(
            "--medians",
            help="The median of a still camera's pictures shows its place without people: learn "
            "from it too, and take what stands in it for an object wherever the teacher doubts.",
        ),
    ] = False,
    bars: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the windows with black bars at two sides.")
    ] = 0.0,
) -> None:
    """Makes a YOLO data set of rendered scenes and of real frames labelled by a teacher.

    Where the teacher is in doubt, the picture is greyed, so that the network learns neither that
    somebody is there nor that nobody is; a picture with more than a tenth in doubt is left out.

    Clips show few people. With --crops and --collages, people of a re-identification set are laid
    into copies of the training pictures, at random places and sizes. With --windows, random parts
    of the pictures show the people larger, and some of them cut off.
    """
    from trainer.detection.collages import CollageSettings
    from trainer.detection.data_set import DataSettings
    from trainer.detection.data_set import prepare as fill
    from trainer.detection.teaching import Doubt
    from trainer.detection.training import ultralytics_device

    if bool(crops) != bool(collages):
        raise typer.BadParameter("give --crops with --collages")
    with errors_told():
        settings = DataSettings(
            tuple(scenes or ()), tuple(frames or ()), teacher, tuple(hold_out or ()), every, seed,
            Doubt(sure, doubtful), CollageSettings(tuple(crops or ()), collages),
            windows, tuple(nobody or ()), teacher_size, medians, bars,
        )  # fmt: skip
        finder = _yolo(teacher, ultralytics_device(device), teacher_size) if teacher else None
        last = None
        with _bar() as bar:
            task = bar.add_task("pictures", total=None)
            for last in fill(settings, out, finder):
                bar.update(task, completed=last.kept, description=last.source)
        if last:
            typer.echo(f"{out}: {last.kept} pictures, {last.left_out} left out as too doubtful")


@detector.command()
def train(
    data: Annotated[Path, typer.Option(help="A folder of `detector prepare`.")],
    out: Annotated[Path, typer.Option(help="The folder of the run.")],
    model: Annotated[
        str, typer.Option(help="yolo11n.yaml, yolov8n.yaml, … (from scratch), or a .pt file.")
    ] = "yolo11n.yaml",
    epochs: Annotated[int, typer.Option(min=1, help="Of the whole training.")] = 100,
    image_size: Annotated[int, typer.Option(min=32, help="Longer side in pixels.")] = 416,
    batch: Annotated[int, typer.Option(min=1, help="Pictures at once.")] = 16,
    device: Device = "auto",
    minutes: Annotated[
        float, typer.Option(min=0, help="End this session in time; --resume continues. 0: never.")
    ] = 0.0,
    stop_after: Annotated[
        int,
        typer.Option(
            min=0,
            help="End this session after that epoch; --resume continues, perhaps with larger "
            "pictures. 0: never.",
        ),
    ] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Processes that read pictures.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and augmentation.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    fixed: Annotated[
        bool, typer.Option("--fixed", help="The file takes squares of --image-size only.")
    ] = False,
    terms: Annotated[str, typer.Option(help="Terms of use, for the card.")] = "",
    learning_rate: Annotated[
        float, typer.Option(min=1e-6, help="At a batch of 16; less from a .pt file: 0.0003.")
    ] = 0.0012,
    freeze: Annotated[
        int, typer.Option(min=0, help="So many of the first layers stay as the .pt file has them.")
    ] = 0,
) -> None:
    """Trains by ultralytics, then writes person_detector.onnx (at most 7 MB) and its card.

    The learning rate follows --epochs, whatever --minutes says.
    """
    from trainer.detection.exporting import export_detector, write_card
    from trainer.detection.training import TrainSettings, train_detector
    from trainer.run_lock import sole_training
    from trainer.told_command import note_command

    with errors_told(), sole_training(out):
        settings = TrainSettings(
            data, out, model, epochs, image_size, batch, device, minutes, workers, seed, resume,
            stop_after, learning_rate, freeze,
        )  # fmt: skip

        def tell(done: EpochDone) -> None:
            note_command(out)  # here, since a killed session has trained too, and a refused one not
            _tell_epoch(done)

        trained = train_detector(settings, tell)
        file = out / "person_detector.onnx"
        size = export_detector(trained.weights, file, image_size, fixed=fixed)
        card = write_card(file, settings, trained, size, note_command(out), terms)
        typer.echo(f"{file}: {size / 1e6:.2f} MB, card {card.name}")


@detector.command("export")
def export_run(
    run: Annotated[Path, typer.Argument(help="The folder that `detector train` was given.")],
    out: Annotated[Path, typer.Option(help="The file to write, *.onnx; its card lies beside it.")],
    image_size: Annotated[
        int,
        typer.Option(min=0, help="Noted in the file as the size to use it at; 0: the training's."),
    ] = 0,
    terms: Annotated[str, typer.Option(help="Terms of use, for the card.")] = "",
    blend_with: Annotated[
        Path | None,
        typer.Option(help="A .pt file that the training began with, to mix its weights in."),
    ] = None,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Of the trained weights, with --blend-with.")
    ] = 1.0,
    log_odds: Annotated[
        float, typer.Option(help="Added to the log-odds of all scores: above 0 raises them.")
    ] = 0.0,
) -> None:
    """Writes the detector of a run, finished or not, and its card.

    A training on few places forgets some of what its start knew of others. With --blend-with and
    --share 0.5, each weight is the mean of before and after, which does better in new places than
    either; --log-odds then moves the scores to where the application expects them.
    """
    from trainer.command_errors import check_place
    from trainer.detection.blending import Blend, write_blended
    from trainer.detection.exporting import export_detector, write_card
    from trainer.detection.training import trained_so_far
    from trainer.told_command import note_command

    with errors_told(), tempfile.TemporaryDirectory() as folder:
        check_place(out, ".onnx")
        settings, trained = trained_so_far(run)
        settings = replace(settings, image_size_px=image_size or settings.image_size_px)
        weights = Path(folder) / "detector.pt"
        write_blended(trained.weights, Blend(blend_with, share, log_odds), weights)
        trained = replace(trained, weights=weights)
        size = export_detector(weights, out, settings.image_size_px, fixed=False)
        command = note_command(run, keep=False)
        card = write_card(out, settings, trained, size, command, terms)
        typer.echo(f"{out}: {size / 1e6:.2f} MB, card {card.name}")


@detector.command()
def evaluate(
    model: Annotated[
        list[Path] | None, typer.Option(help="A YOLO file to measure; again for each.")
    ] = None,
    frames: Frames = None,
    scenes: Scenes = None,
    teacher: Teacher = None,
    hog: Annotated[bool, typer.Option("--hog", help="OpenCV's HOG detector too.")] = False,
    image_size: Annotated[
        int, typer.Option(min=32, help="Longer side for files that are not bound to one.")
    ] = 640,
    score: Annotated[float, typer.Option(help="Least score of a detection.")] = 0.25,
    every: Every = 1.0,
    sure: Sure = 0.5,
    doubtful: Doubtful = 0.15,
    seed: Seed = 0,
    device: Device = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    mot: Annotated[
        list[Path] | None,
        typer.Option(help="A MOT-challenge sequence with its truth (img1/, gt/); again for each."),
    ] = None,
    teacher_size: TeacherSize = 640,
    note: Annotated[
        bool, typer.Option("--note", help="Add the average precision to the card of each file.")
    ] = False,
) -> None:
    """Precision and recall at IoU 0.5, and ms a frame, of several detectors side by side.

    Real frames are judged by the teacher's sure boxes (its doubtful ones count neither way),
    rendered scenes and MOT sequences by their truth.
    """
    from trainer.detection.detectors import HogPeople
    from trainer.detection.evaluation import compare, judged_pictures
    from trainer.detection.exporting import add_metrics
    from trainer.detection.teaching import Doubt
    from trainer.detection.training import ultralytics_device

    if bool(frames) != bool(teacher) or not (frames or scenes or mot):
        raise typer.BadParameter("give --frames with --teacher, --scenes, or --mot")
    if not model and not hog:
        raise typer.BadParameter("give --model or --hog")
    with errors_told():
        place = ultralytics_device(device)
        detectors = _named({str(path): _yolo(path, place, image_size) for path in model or ()})
        if hog:
            detectors["HOG"] = HogPeople()
        judge = _yolo(teacher, place, teacher_size) if teacher else None
        pictures = judged_pictures(
            tuple(frames or ()), tuple(scenes or ()), judge, every, seed, Doubt(sure, doubtful),
            tuple(mot or ()),
        )  # fmt: skip
        results: list[Measured] = []
        with _bar() as bar:
            task = bar.add_task("pictures", total=None)
            for event in compare(detectors, pictures, score):
                if isinstance(event, int):
                    bar.update(task, completed=event)
                else:
                    results = event
        _show(results, as_json=as_json)
        if note:
            for path, name in zip(model or (), detectors, strict=False):
                its = [one for one in results if one.detector == name]
                add_metrics(path, {
                    f"AP, {one.pictures}": round(one.accuracy.average_precision, 4) for one in its
                })  # fmt: skip


def _yolo(path: Path, device: str, image_size: int) -> PeopleFinder:
    from trainer.detection.detectors import YoloFile

    # Far below the thresholds, for the average precision.
    return YoloFile(path, device, image_size, least_score=0.01)


def _named(detectors: dict[str, PeopleFinder]) -> dict[str, PeopleFinder]:
    """Short names where these are unique."""
    stems = [Path(name).stem for name in detectors]
    if len(set(stems)) < len(stems):
        return detectors
    return dict(zip(stems, detectors.values(), strict=True))


def _tell_epoch(done: EpochDone) -> None:
    typer.echo(
        f"epoch {done.epoch}/{done.epochs}  loss {done.loss:.3f}  precision {done.precision:.3f}  "
        f"recall {done.recall:.3f}  mAP50 {done.map50:.3f}  {done.images_per_s:.1f} images/s",
        err=True,
    )


def _show(results: list[Measured], *, as_json: bool) -> None:
    rows = [
        {
            "detector": one.detector, "pictures": one.pictures, "frames": one.frames,
            "ms_a_frame": round(one.ms_a_frame, 1),
            **{name: round(value, 4) for name, value in one.accuracy._asdict().items()},
        }
        for one in results
    ]  # fmt: skip
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*(rows[0] if rows else ()))
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console(width=140).print(table)


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)

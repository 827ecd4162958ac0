"""A YOLO data set of rendered scenes, and of real frames labelled by a teacher."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from trainer.detection.collages import CollageSettings, collages, find_crops
from trainer.detection.detectors import Nobody, People, PeopleFinder
from trainer.detection.frames import Image, Source, find_sources, pictures_of, read_picture
from trainer.detection.matching import Boxes
from trainer.detection.places import (
    NO_BOXES,
    apart_in_median,
    place_without_people,
    without_objects,
)
from trainer.detection.teaching import (
    Doubt,
    divided,
    found_in_window,
    label_text,
    read_labels,
    without_doubt,
)
from trainer.detection.windows import boxes_within, choose_window, cut, with_bars
from trainer.errors import TrainerError

SETTINGS_FILE = "detector_data.json"
DATA_FILE = "data.yaml"
_COLLAGE = "collage"
_JPEG_QUALITY = 92
# Detectors see less; larger ones would only slow reading down.
_LONGEST_SIDE_PX = 640


@dataclass(frozen=True)
class DataSettings:
    """What a detector's data set is made of.

    Attributes:
        scenes: folders of `synthesize scenes --labels yolo`.
        frames: videos, and folders of videos and pictures.
        teacher: the file that labels them; None where there are no frames.
        hold_out: names of videos, folders or rendered worlds for validation only.
        every_s: one frame of each video in this many seconds.
        seed: chooses the moments in videos, and everything in collages.
        collages: pictures of the training part with crops of further people laid in.
        nobody: names of videos and folders that show nobody, whatever the teacher thinks.
        windows: so many random parts of the pictures of each source, people larger in them; a
            fifth of it where the source is held out. A median counts as a source of its own.
        teacher_px: longer side of the pictures that the teacher sees.
        medians: learn from the median of each still camera, and what stands in it is an object.
        bars: share of the windows that get black bars at two sides.
    """

    scenes: tuple[Path, ...]
    frames: tuple[Path, ...]
    teacher: Path | None
    hold_out: tuple[str, ...]
    every_s: float = 1.0
    seed: int = 0
    doubt: Doubt = field(default_factory=Doubt)
    collages: CollageSettings = field(default_factory=CollageSettings)
    windows: int = 0
    nobody: tuple[str, ...] = ()
    teacher_px: int = 640
    medians: bool = False
    bars: float = 0.0

    def __post_init__(self) -> None:
        """Raises TrainerError where nothing could be made of it."""
        if not self.scenes and not self.frames:
            raise TrainerError("There is nothing to learn from.", "Give --scenes or --frames.")
        if self.frames and self.teacher is None:
            raise TrainerError("Real frames have no labels.", "Give a detector with --teacher.")
        if not self.hold_out:
            raise TrainerError(
                "Nothing is held out to validate on.",
                "Name videos, folders or worlds (world001) with --hold-out.",
            )


@dataclass(frozen=True)
class Prepared:
    """Progress: of which source, how many of all are done; pictures so far."""

    source: str
    sources_done: int
    sources: int
    kept: int
    left_out: int


def prepare(settings: DataSettings, out: Path, teacher: PeopleFinder | None) -> Iterator[Prepared]:
    """Fills images/, labels/ (each with train/ and val/) and data.yaml; continues a stopped run.

    Raises:
        TrainerError: a source cannot be read, a held-out name fits nothing, all or nothing is held
            out, or the folder holds a data set of other settings.
    """
    scenes = [(root, image) for root in settings.scenes for image in _rendered(root)]
    real, rendered = _parted(settings, find_sources(settings.frames), scenes)
    crops = find_crops(settings.collages.crops)
    _settle(out, settings)
    kept = left_out = 0
    for done, (source, is_held) in enumerate(real):
        for was_kept in _take_real(source, _Place(out, is_held), settings, teacher):
            kept, left_out = kept + was_kept, left_out + (not was_kept)
            yield Prepared(source.name, done, len(real), kept, left_out)
    taken = [
        (root.name, _take_rendered(root, files, _Place(out, is_held), settings))
        for root, is_held, files in rendered
    ]
    if crops:
        taken.append(("collages", _make_collages(_Place(out, is_held=False), crops, settings)))
    for name, pictures in taken:
        for _ in pictures:
            kept += 1
            yield Prepared(name, len(real), len(real), kept, left_out)


def _parted(
    settings: DataSettings, sources: list[Source], scenes: list[tuple[Path, Path]]
) -> tuple[list[tuple[Source, bool]], list[tuple[Path, bool, list[Path]]]]:
    """Each source and whether it is held out; folder, whether held out, and files of scenes.

    Raises:
        TrainerError: a held-out name fits nothing, or all is held out.
    """
    known = [source.names for source in sources] + [_scene_names(*scene) for scene in scenes]
    real_names = known[: len(sources)]
    for option, names, among in (
        ("--hold-out", settings.hold_out, known), ("--nobody", settings.nobody, real_names),
    ):  # fmt: skip
        for name in names:
            if not any(name in its for its in among):
                raise TrainerError(
                    f"No video, folder or world is called {name}.",
                    f"Correct what follows {option}.",
                )
    held = [not names.isdisjoint(settings.hold_out) for names in known]
    if all(held):
        raise TrainerError("All is held out.", "Name less with --hold-out.")
    files: dict[tuple[Path, bool], list[Path]] = {}
    for (root, file), is_held in zip(scenes, held[len(sources) :], strict=True):
        files.setdefault((root, is_held), []).append(file)
    real = list(zip(sources, held[: len(sources)], strict=True))
    return real, [(root, is_held, its) for (root, is_held), its in files.items()]


def _take_real(
    source: Source, place: _Place, settings: DataSettings, teacher: PeopleFinder | None
) -> Iterator[bool]:
    """Whether each picture, and each window of one, is kept."""
    if not source.names.isdisjoint(settings.nobody):
        teacher = Nobody()
    # Decoded twice, as the windows are spread over however many pictures there are.
    count = sum(1 for _ in pictures_of(source, settings.every_s, settings.seed))
    pictures = pictures_of(source, settings.every_s, settings.seed)
    objects = NO_BOXES
    if settings.medians and teacher:
        objects = yield from _learn_place(source, count, place, settings, teacher)
    for windows, (stem, image) in zip(_spread(settings, place, count), pictures, strict=True):
        size = (image.shape[1], image.shape[0])
        views = {stem: (0, 0, *size)} | {
            _window_name(stem, number): choose_window(size, _rng(settings, stem, number))
            for number in range(windows)
        }
        missing = [name for name in views if not place.has(name)]
        whole = teacher.find(image) if teacher and missing else None
        if whole:
            whole = without_objects(whole, objects)
        for name, window in views.items():
            if name not in missing:
                yield True
            elif teacher and whole:
                found = whole
                if name != stem:
                    found = found_in_window(teacher, image, window, whole, settings.doubt)
                    seen, _ = boxes_within(objects, window)
                    found = without_objects(found, seen)
                part = cut(image, window)
                rng = _rng(settings, name, 0)
                if name != stem and rng.random() < settings.bars:
                    part, found = with_bars(part, found, rng)
                yield _teach(place, name, part, found, settings.doubt)


def _learn_place(
    source: Source, count: int, place: _Place, settings: DataSettings, teacher: PeopleFinder
) -> Generator[bool, None, Boxes]:
    """Keeps the place without its people, and windows of it; returns what looks like people there.

    The teacher is not asked about the windows: what it finds in one alone is an object as well.
    """
    pictures = pictures_of(source, settings.every_s, settings.seed)
    median = place_without_people(pictures, count)
    if median is None:
        return NO_BOXES
    objects, people = apart_in_median(teacher.find(median), settings.doubt)
    stem, size = f"{source.name}_median", (median.shape[1], median.shape[0])
    yield _teach(place, stem, median, people, settings.doubt)
    for number in range(_spread(settings, place, 1)[0]):
        window = choose_window(size, _rng(settings, stem, number))
        boxes, kept = boxes_within(people.boxes, window)
        seen = People(boxes, people.scores[kept])
        name = _window_name(stem, number)
        yield _teach(place, name, cut(median, window), seen, settings.doubt)
    return objects


def _take_rendered(
    root: Path, files: list[Path], place: _Place, settings: DataSettings
) -> Iterator[None]:
    for windows, file in zip(_spread(settings, place, len(files)), files, strict=True):
        stem = f"{root.name}-{file.stem}"
        if not place.has(stem):
            shutil.copyfile(file, place.image(stem))
            label = root / "labels" / f"{file.stem}.txt"
            place.finish(stem, label.read_text(encoding="utf-8"))
        yield
        for number in range(windows):
            if not place.has(_window_name(stem, number)):
                _cut_rendered(place, stem, number, settings)
            yield


def _spread(settings: DataSettings, place: _Place, count: int) -> list[int]:
    """How many windows to cut of each of so many pictures of one source."""
    total = settings.windows // 5 if place.is_held else settings.windows
    return np.diff(np.arange(count + 1) * total // max(count, 1)).tolist()


def _window_name(stem: str, number: int) -> str:
    return f"{stem}-w{number:03d}"


def _rng(settings: DataSettings, stem: str, number: int) -> np.random.Generator:
    return np.random.default_rng([settings.seed, zlib.crc32(stem.encode()), number])


def _cut_rendered(place: _Place, stem: str, number: int, settings: DataSettings) -> None:
    picture = read_picture(place.image(stem))
    size = (picture.shape[1], picture.shape[0])
    window = choose_window(size, _rng(settings, stem, number))
    boxes, _ = boxes_within(read_labels(place.label(stem), size), window)
    place.add(_window_name(stem, number), cut(picture, window), boxes)


def _make_collages(place: _Place, crops: list[Path], settings: DataSettings) -> Iterator[None]:
    """Makes them anew each time: what they are laid into must be there first."""
    labels = sorted((place.out / "labels" / place.split).glob("*.txt"))
    bases = [(place.image(one.stem), one) for one in labels if not one.stem.startswith(_COLLAGE)]
    for number, (picture, boxes) in enumerate(
        collages(bases, crops, settings.collages, settings.seed)
    ):
        place.add(f"{_COLLAGE}-{number:06d}", picture, boxes)
        yield


def labelled_scenes(root: Path) -> Iterator[tuple[Path, Path]]:
    """Picture and label file of each labelled frame of rendered scenes.

    Raises:
        TrainerError: there are none.
    """
    for image in _rendered(root):
        yield image, root / "labels" / f"{image.stem}.txt"


def _rendered(root: Path) -> list[Path]:
    images = sorted((root / "images").glob("*.jpg"))
    images = [image for image in images if (root / "labels" / f"{image.stem}.txt").is_file()]
    if not images:
        raise TrainerError(
            f"{root} holds no labelled rendered frames.",
            "Make them with `synthesize scenes --labels yolo`.",
        )
    return images


def _scene_names(root: Path, image: Path) -> frozenset[str]:
    world, camera, _ = image.stem.rsplit("_", 2)
    return frozenset(
        {root.name, world, f"{world}_{camera}", f"{root.name}/{world}",
         f"{root.name}/{world}_{camera}"}
    )  # fmt: skip


def _settle(out: Path, settings: DataSettings) -> None:
    """Makes the folders; keeps the settings, and refuses a data set made with others."""
    text = json.dumps(asdict(settings), indent=1, sort_keys=True, default=str) + "\n"
    file = out / SETTINGS_FILE
    if file.is_file() and file.read_text(encoding="utf-8") != text:
        raise TrainerError(
            f"{out} holds a data set that was made with other settings ({file.name}).",
            "Give the same settings to continue, or another folder.",
        )
    for kind in ("images", "labels"):
        for split in ("train", "val"):
            (out / kind / split).mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    # Without `path`, ultralytics takes the folder of this file: the set may be moved.
    (out / DATA_FILE).write_text(
        "train: images/train\nval: images/val\nnames:\n  0: person\n", encoding="utf-8"
    )


@dataclass(frozen=True)
class _Place:
    out: Path
    is_held: bool

    @property
    def split(self) -> str:
        return "val" if self.is_held else "train"

    def image(self, stem: str) -> Path:
        return self.out / "images" / self.split / f"{stem}.jpg"

    def label(self, stem: str) -> Path:
        return self.out / "labels" / self.split / f"{stem}.txt"

    def has(self, stem: str) -> bool:
        return self.label(stem).is_file()

    def add(self, stem: str, picture: Image, people: Boxes) -> None:
        """Writes an RGB uint8 (H, W, 3) picture and its people, boxes (n, 4) in pixels."""
        _, data = cv2.imencode(
            ".jpg",
            cv2.cvtColor(picture, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY],
        )
        self.image(stem).write_bytes(data.tobytes())
        self.finish(stem, label_text(people, (picture.shape[1], picture.shape[0])))

    def finish(self, stem: str, text: str) -> None:
        """Writes the label, last: where it is, the picture is whole too."""
        part = self.label(stem).with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(self.label(stem))


def _teach(place: _Place, stem: str, image: Image, found: People, doubt: Doubt) -> bool:
    truth = divided(found, doubt)
    clear = without_doubt(image, truth, doubt)
    if clear is None:
        return False
    height, width = clear.shape[:2]
    scale = min(1.0, _LONGEST_SIDE_PX / max(width, height))
    if scale < 1:
        size = (round(width * scale), round(height * scale))
        clear = cv2.resize(clear, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    place.add(stem, clear, truth.people * np.float32(scale))
    return True

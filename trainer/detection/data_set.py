"""A YOLO data set of rendered scenes, and of real frames labelled by a teacher."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from trainer.detection.collages import CollageSettings, collages, find_crops
from trainer.detection.detectors import PeopleFinder
from trainer.detection.frames import Image, find_sources, pictures_of
from trainer.detection.matching import Boxes
from trainer.detection.teaching import Doubt, divided, label_text, without_doubt
from trainer.errors import TrainerError

SETTINGS_FILE = "detector_data.json"
DATA_FILE = "data.yaml"
_COLLAGE = "collage"
_JPEG_QUALITY = 92
_LONGEST_SIDE_PX = 1280  # detectors see less; whole 1080p frames would only slow reading down


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
    """

    scenes: tuple[Path, ...]
    frames: tuple[Path, ...]
    teacher: Path | None
    hold_out: tuple[str, ...]
    every_s: float = 1.0
    seed: int = 0
    doubt: Doubt = field(default_factory=Doubt)
    collages: CollageSettings = field(default_factory=CollageSettings)

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
    sources = find_sources(settings.frames)
    scenes = [(root, image) for root in settings.scenes for image in _rendered(root)]
    known = [source.names for source in sources] + [_scene_names(*scene) for scene in scenes]
    for name in settings.hold_out:
        if not any(name in names for names in known):
            raise TrainerError(
                f"No video, folder or world is called {name}.", "Correct what follows --hold-out."
            )
    held = [not names.isdisjoint(settings.hold_out) for names in known]
    if all(held):
        raise TrainerError("All is held out.", "Name less with --hold-out.")
    crops = find_crops(settings.collages.crops)
    _settle(out, settings)
    kept = left_out = 0
    for source, is_held in zip(sources, held, strict=False):
        place = _Place(out, "val" if is_held else "train")
        for stem, image in pictures_of(source, settings.every_s, settings.seed):
            if place.has(stem) or (teacher and _teach(place, stem, image, teacher, settings.doubt)):
                kept += 1
            else:
                left_out += 1
            done = sources.index(source)
            yield Prepared(source.name, done, len(sources), kept, left_out)
    for (root, image_file), is_held in zip(scenes, held[len(sources) :], strict=True):
        place = _Place(out, "val" if is_held else "train")
        stem = f"{root.name}-{image_file.stem}"
        if not place.has(stem):
            shutil.copyfile(image_file, place.image(stem))
            label = root / "labels" / f"{image_file.stem}.txt"
            place.finish(stem, label.read_text(encoding="utf-8"))
        kept += 1
        yield Prepared(root.name, len(sources), len(sources), kept, left_out)
    if crops:
        for _ in _make_collages(_Place(out, "train"), crops, settings):
            kept += 1
            yield Prepared("collages", len(sources), len(sources), kept, left_out)


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
    split: str

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


def _teach(place: _Place, stem: str, image: Image, teacher: PeopleFinder, doubt: Doubt) -> bool:
    truth = divided(teacher.find(image), doubt)
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

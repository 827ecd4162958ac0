"""What a folder of images is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from trainer.data.check import check_data_set
from trainer.data.files import IMAGE_SUFFIXES, image_files
from trainer.data.inspection import (
    Finding,
    Progress,
    Report,
    count,
    finding,
    identity_findings,
    image_findings,
    ordered,
)
from trainer.data.market_layout import GALLERY, JUNK, QUERY, TRAIN, identity_and_camera
from trainer.data.places import missing_marks
from trainer.data.registry import DATA_SETS, DataSetEntry
from trainer.data.samples import Sample

_PARTS = {TRAIN: "train", QUERY: "query", GALLERY: "gallery"}
MARKET_LAYOUT = "Market-1501 layout"
UNKNOWN = "no known layout"


def examine(folder: Path, images: bool = True) -> Iterator[Progress | Report]:
    """Recognises the layout and lists problems with what to do; ends with the report.

    Args:
        folder: any folder.
        images: read every image too, which takes a while.

    Raises:
        TrainerError: a list of a known data set cannot be understood.
    """
    known = recognise(folder)
    if known:
        for event in check_data_set(known[0], folder, images):
            if isinstance(event, Report):
                event = replace(event, findings=(*event.findings, *_others(known[1:])))
            yield event
    elif _market_folders(folder):
        yield from _examine_market_layout(folder, images)
    else:
        yield Report(UNKNOWN, str(folder), findings=(_unknown(folder),))


def recognise(folder: Path) -> list[DataSetEntry]:
    """The known data sets that lie in a folder: both of CUHK03, several test lists of VehicleID.

    Several share Market-1501's layout; of these, one is recognised by its number of images.
    """
    return [
        known
        for known in DATA_SETS.values()
        if known.marks
        and not missing_marks(folder, known.marks)
        and (known.marks[0] != (TRAIN,) or len(image_files(folder / TRAIN)) == known.counts.train)
    ]


def _others(known: list[DataSetEntry]) -> list[Finding]:
    if not known:
        return []
    names = ", ".join(each.name for each in known)
    remedy = "Each is checked by `datasets check NAME:FOLDER`."
    return [finding("note", "more", f"It also holds {names}.", remedy)]


def _market_folders(folder: Path) -> list[str]:
    return [name for name in _PARTS if (folder / name).is_dir()]


def _examine_market_layout(folder: Path, images: bool) -> Iterator[Progress | Report]:
    found: list[Finding] = []
    parts: dict[str, tuple[Sample, ...]] = {}
    junk = 0
    present = _market_folders(folder)
    for name in present:
        samples, strange = [], []
        for path in image_files(folder / name):
            numbers = identity_and_camera(path.name)
            if numbers is None:
                strange.append(path)
            elif numbers[0] == JUNK:
                junk += 1
            else:
                samples.append(Sample(path, *numbers))
        parts[_PARTS[name]] = tuple(samples)
        found += _file_findings(folder / name, samples, strange)
    if len({QUERY, GALLERY} & set(present)) == 1:
        found.append(
            finding(
                "problem",
                "half a test",
                f"{QUERY} and {GALLERY} belong together, but one is missing.",
                "Add the other folder, or nothing can be searched.",
            )
        )
    found += _camera_findings(parts) + identity_findings(parts, shared_numbers=True)
    if images:
        found += yield from image_findings(parts)
    counts = count(parts) | ({"junk": junk} if junk else {})
    counts["cameras"] = len({each.camera for samples in parts.values() for each in samples})
    yield Report(MARKET_LAYOUT, str(folder), counts, findings=ordered(found))


def _file_findings(folder: Path, samples: list[Sample], strange: list[Path]) -> list[Finding]:
    found = []
    if strange:
        found.append(
            finding(
                "problem",
                "names",
                f"{len(strange)} images in {folder.name} have names without identity and camera.",
                "Rename them like 0002_c1s1_000451_03.jpg, or remove them.",
                strange,
            )
        )
    if not samples:
        found.append(
            finding(
                "problem",
                "empty",
                f"{folder.name} has no image with identity and camera in its name.",
                "Put the images right into it; folders inside are not looked at.",
            )
        )
    others = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() not in IMAGE_SUFFIXES and not path.name.startswith(".")
    )
    if others:
        found.append(
            finding(
                "note",
                "other files",
                f"{len(others)} files or folders in {folder.name} are no images and not looked at.",
                "",
                others,
            )
        )
    return found


def _camera_findings(parts: dict[str, tuple[Sample, ...]]) -> list[Finding]:
    found = []
    for name in ("train", "query"):
        cameras = {sample.camera for sample in parts.get(name, ())}
        if len(cameras) == 1:
            found.append(
                finding(
                    "note",
                    "one camera",
                    f"All {name} images are of camera {cameras.pop()}.",
                    "Number the cameras in the names if there are several: c1, c2, ….",
                )
            )
    trained = {sample.camera for sample in parts.get("train", ())}
    tested = {each.camera for name in ("query", "gallery") for each in parts.get(name, ())}
    if trained and (new := sorted(tested - trained)):
        found.append(
            finding(
                "note",
                "new cameras",
                f"The test has cameras that the training has not: {', '.join(map(str, new))}.",
                "A network with camera codes treats them as unknown cameras.",
            )
        )
    return found


def _unknown(folder: Path) -> Finding:
    inside = sorted(path for path in folder.iterdir() if path.is_dir())
    known = [
        f"{path.name} ({entries[0].name if entries else MARKET_LAYOUT})"
        for path in inside
        if (entries := recognise(path)) or _market_folders(path)
    ]
    if known:
        remedy = f"Ask for a folder in it: {', '.join(known)}."
    elif image_files(folder):
        remedy = (
            f"Put its images into {TRAIN}, {QUERY} and {GALLERY}, named by identity and camera, "
            "such as 0002_c1.jpg."
        )
    else:
        remedy = "Name the folder that holds the images; `datasets list` tells what is known."
    message = f"{folder} is in no layout that is known."
    return finding("problem", "layout", message, remedy, image_files(folder))

"""Whether a known data set is complete and sound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from trainer.data.inspection import (
    Finding,
    Progress,
    Report,
    count,
    finding,
    identity_findings,
    image_findings,
    ordered,
    parts_of,
)
from trainer.data.msmt17 import FOLDERS, Version
from trainer.data.registry import DataSetEntry
from trainer.data.samples import DataSet


def check_data_set(
    known: DataSetEntry, folder: Path, images: bool = True
) -> Iterator[Progress | Report]:
    """Counts, compares with what is known, and reads every image; ends with the report.

    Args:
        known: which data set it should be.
        folder: where it lies; its marks are there.
        images: read them too, which takes a while.

    Raises:
        TrainerError: a list or name cannot be understood.
    """
    # The counts that are known are those with every image.
    full = known.read(folder, **({"views": False} if "views" in known.options else {}))
    parts = parts_of(full)
    counts = count(parts) | dict(full.left_out)
    if "val" in known.options:
        counts["val"] = len(known.read(folder, val=True).train) - len(full.train)
    found = identity_findings(parts, known.shared_numbers)
    found += _version_findings(known, folder, full)
    if "views" in known.options:
        found += _view_findings(known, folder)
    expected = {key: number for key, number in asdict(known.counts).items() if number is not None}
    for key, number in expected.items():
        if counts.setdefault(key, 0) != number:
            found.append(
                finding(
                    "problem",
                    "count",
                    f"{known.name} has {counts[key]} of {key} instead of {number}.",
                    f"Unpack it again, or ask for it: {known.home}.",
                )
            )
    if images:
        found += yield from image_findings(parts)
    yield Report(known.name, str(folder), counts, expected, ordered(found))


def _view_findings(known: DataSetEntry, folder: Path) -> list[Finding]:
    with_views = known.read(folder)
    left_out = sum(with_views.left_out.values())
    if not left_out:
        return []
    return [
        finding(
            "note",
            "no view",
            f"{left_out} images have no view in the lists of key points.",
            "They are left out, as in TransReID's code; #views=false takes all.",
        )
    ]


def _version_findings(known: DataSetEntry, folder: Path, data_set: DataSet) -> list[Finding]:
    """Whether an MSMT17 is the version that its folders claim."""
    versions: dict[str, tuple[Version, Version]] = {
        "msmt17_v1": ("v1", "v2"),
        "msmt17_v2": ("v2", "v1"),
    }
    if known.name not in versions:
        return []
    claimed, other = versions[known.name]
    # A name such as MSMT17_V2/train: somebody renamed folders.
    if re.search(rf"(?i)(?<![a-z0-9]){other}(?![0-9])", folder.resolve().name):
        return [
            finding(
                "problem",
                "version",
                f"The folders in {folder} are those of {claimed.upper()}, its name says "
                f"{other.upper()}.",
                "Look at some faces: V2's are blurred. Then name the folders as published.",
            )
        ]
    own, twin = folder / FOLDERS[claimed][0], _other_version(folder, other)
    if twin is not None:
        drawn = data_set.train[:: max(1, len(data_set.train) // 20)]
        pairs = [(sample.path, twin / sample.path.relative_to(own)) for sample in drawn]
        pairs = [pair for pair in pairs if all(path.is_file() for path in pair)]
        if pairs and all(mine.read_bytes() == its.read_bytes() for mine, its in pairs):
            return [
                finding(
                    "problem",
                    "version",
                    f"{own} and {twin} hold the same images, but V2's faces are blurred.",
                    "One of them has the wrong name; restore the other.",
                    [mine for mine, _ in pairs],
                )
            ]
    return [
        finding(
            "note",
            "version",
            f"Its folders are those of {claimed.upper()}; its faces must "
            f"{'be blurred' if claimed == 'v2' else 'not be blurred'}.",
            "Look at some, if you do not know who named the folders.",
            [sample.path for sample in data_set.train[:2]],
        )
    ]


def _other_version(folder: Path, other: Version) -> Path | None:
    """The training images of the other version, in the same folder or in one beside it."""
    name = FOLDERS[other][0]
    beside = [
        folder,
        *(path for path in sorted(folder.resolve().parent.iterdir()) if path.is_dir()),
    ]
    for place in beside:
        if (place / name).is_dir() and (place / "list_train.txt").is_file():
            return place / name
    return None

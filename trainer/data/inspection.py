"""What can be wrong with images and identities: read, compared, and said in whole sentences."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from trainer.data.files import read_image
from trainer.data.samples import DataSet, Sample
from trainer.errors import TrainerError

# Images by part: "train", "query", "gallery".
Parts = Mapping[str, Sequence[Sample]]
_LISTED = 20


@dataclass(frozen=True)
class Finding:
    """Something to know about a data set.

    Attributes:
        severity: a problem makes results wrong or impossible; a note does not.
        kind: for programs, such as "unreadable".
        message: a whole sentence.
        remedy: what to do, a whole sentence; "" where nothing has to be done.
        files: some of the files concerned, at most 20.
    """

    severity: Literal["problem", "note"]
    kind: str
    message: str
    remedy: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far an inspection is, in images."""

    done: int
    total: int


@dataclass(frozen=True)
class Report:
    """What an inspection found.

    Attributes:
        name: of the data set or the layout.
        folder: where it lies.
        counts: what is there.
        expected: what should be there, for some of `counts`.
        findings: problems first.
    """

    name: str
    folder: str
    counts: dict[str, int] = field(default_factory=dict)
    expected: dict[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether there is no problem."""
        return all(finding.severity != "problem" for finding in self.findings)


def parts_of(data_set: DataSet) -> dict[str, tuple[Sample, ...]]:
    """The images of each part; of several trials the first, which has the images of all."""
    parts = {"train": data_set.train}
    for trial in data_set.trials[:1]:
        parts |= {"query": trial.query, "gallery": trial.gallery}
    return parts


def count(parts: Parts) -> dict[str, int]:
    """Images of each part, identities of the training, queried identities and distractors."""
    counts = {name: len(samples) for name, samples in parts.items()}
    counts["identities"] = len({sample.identity for sample in parts.get("train", ())})
    if "query" in parts:
        counts["queried identities"] = len({sample.identity for sample in parts["query"]})
    distractors = sum(sample.identity == 0 for sample in parts.get("gallery", ()))
    if distractors and 0 not in {sample.identity for sample in parts.get("query", ())}:
        counts["distractors"] = distractors
    return counts


def finding(
    severity: Literal["problem", "note"],
    kind: str,
    message: str,
    remedy: str = "",
    files: Sequence[Path] = (),
) -> Finding:
    """A finding that names its first files."""
    return Finding(severity, kind, message, remedy, tuple(map(str, files[:_LISTED])))


def ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Problems first."""
    return tuple(sorted(findings, key=lambda each: each.severity != "problem"))


def identity_findings(parts: Parts, shared_numbers: bool) -> list[Finding]:
    """Identities in training and test, queries without a match, lonely training identities."""
    found = []
    train, query, gallery = (parts.get(name, ()) for name in ("train", "query", "gallery"))
    trained = {sample.identity for sample in train if sample.identity > 0}
    tested = {sample.identity for sample in (*query, *gallery)}
    if shared_numbers and (both := sorted(trained & tested)):
        found.append(
            finding(
                "problem",
                "shared identities",
                f"{len(both)} of {len(trained)} training identities are in the test too (such as "
                f"{', '.join(map(str, both[:5]))}): results would be too good.",
                "Take them out of one of the two, or number different people differently.",
            )
        )
    cameras = defaultdict(set)
    for sample in gallery:
        cameras[sample.identity].add(sample.camera)
    matchless = [sample.path for sample in query if not cameras[sample.identity] - {sample.camera}]
    if matchless:
        found.append(
            finding(
                "problem" if len(matchless) == len(query) else "note",
                "queries without match",
                f"{len(matchless)} of {len(query)} queries have no match in another camera of the "
                "gallery; an evaluation skips them.",
                "Restore the gallery if none should be skipped.",
                matchless,
            )
        )
    images: dict[int, list[Sample]] = defaultdict(list)
    for sample in train:
        images[sample.identity].append(sample)
    single = [samples[0].path for samples in images.values() if len(samples) == 1]
    if single:
        found.append(
            finding(
                "note",
                "identities with one image",
                f"{len(single)} training identities have one image only; a sampler repeats it.",
                "Set sampler.least_images to leave them out.",
                single,
            )
        )
    return found


def image_findings(parts: Parts) -> Generator[Progress, None, list[Finding]]:
    """Reads every image: which are missing, unreadable, or there more than once.

    Images are the same if their pixels are, whatever their files.

    Returns:
        What was found; to be had by `yield from`.
    """
    users: dict[Path, list[tuple[str, Sample]]] = defaultdict(list)
    for part, samples in parts.items():
        for sample in samples:
            users[sample.path].append((part, sample))
    missing: list[Path] = []
    unreadable: list[Path] = []
    same: dict[bytes, list[Path]] = defaultdict(list)
    for done, path in enumerate(users):
        yield Progress(done, len(users))
        if not path.is_file():
            missing.append(path)
            continue
        try:
            pixels = read_image(path)
        except TrainerError:  # what is wrong is the finding
            unreadable.append(path)
            continue
        digest = hashlib.blake2b(pixels.tobytes(), digest_size=16, key=repr(pixels.shape).encode())
        same[digest.digest()].append(path)
    yield Progress(len(users), len(users))
    found = []
    if missing:
        message = f"{len(missing)} images that the lists name are missing."
        found.append(finding("problem", "missing", message, "Unpack the data set again.", missing))
    if unreadable:
        message = f"{len(unreadable)} images cannot be read: they are cut or no images."
        remedy = "Restore or remove them."
        found.append(finding("problem", "unreadable", message, remedy, unreadable))
    copies = [paths for paths in same.values() if len(paths) > 1]
    return [*found, *_duplicate_findings([[users[path] for path in paths] for paths in copies])]


def _duplicate_findings(groups: list[list[list[tuple[str, Sample]]]]) -> Iterator[Finding]:
    """Of groups of files with the same pixels; each file with the parts that it is in."""
    across: list[Path] = []
    mislabelled: list[Path] = []
    harmless: list[Path] = []
    for group in groups:
        uses = [use for file in group for use in file]
        paths = [file[0][1].path for file in group]
        sides = {part == "train" for part, _ in uses}
        if len(sides) == 2:
            across += paths
        elif len({sample.identity for _, sample in uses}) > 1:
            mislabelled += paths
        else:
            harmless += paths
    if across:
        message = f"{len(across)} files hold images that are in the training and in the test."
        yield finding("problem", "duplicates across", message, "Remove them from one.", across)
    if mislabelled:
        message = f"{len(mislabelled)} files hold images that also belong to another identity."
        yield finding(
            "problem", "duplicates mislabelled", message, "Find out which is right.", mislabelled
        )
    if harmless:
        message = f"{len(harmless)} files hold images that their identity has more than once."
        yield finding(
            "note", "duplicates", message, "Remove the copies if they are not meant.", harmless
        )

"""What a data set consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One image with what is known about it.

    Attributes:
        path: the image file.
        identity: as the data set numbers it.
        camera: from 0.
        view: from 0; 0 where the data set knows no views.
    """

    path: Path
    identity: int
    camera: int
    view: int = 0


@dataclass(frozen=True)
class Trial:
    """Queries and what they are searched in.

    Attributes:
        query: the queries.
        gallery: junk images are left out, distractors are kept.
    """

    query: tuple[Sample, ...]
    gallery: tuple[Sample, ...]


@dataclass(frozen=True)
class DataSet:
    """A data set as it lies on disk.

    Attributes:
        name: how it is known, such as "market1501"; of a folder, the folder's name.
        train: training images, sorted by path; empty where there are none.
        trials: one; ten of VehicleID, whose results are averaged; none where there is no query.
        cameras: how many cameras the numbers of `Sample.camera` count.
        views: how many views; 1 where the data set knows none.
        camera_names: by camera number.
        terms: under which the images may be used, as far as the source says.
        left_out: how many files were left out on purpose, by the reason.
        options: those of its entry, every one that matters: "holdout=100,seed=0"; "" without any.
        shared_numbers: whether an identity's number means the same person in `train` and `trials`.
    """

    name: str
    train: tuple[Sample, ...]
    trials: tuple[Trial, ...]
    cameras: int
    views: int
    camera_names: tuple[str, ...]
    terms: str
    left_out: Mapping[str, int] = field(default_factory=dict)
    options: str = ""
    shared_numbers: bool = True

    @property
    def entry(self) -> str:
        """Its name with its options: "market1501#holdout=100,seed=0"."""
        return f"{self.name}#{self.options}" if self.options else self.name

    @property
    def camera_keys(self) -> tuple[str, ...]:
        """By camera number, names that differ between data sets: "market1501/c1"."""
        return tuple(f"{self.name}/{name}" for name in self.camera_names)

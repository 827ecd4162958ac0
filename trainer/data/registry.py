"""Every data set by name: its reader, its usual folders, its known counts, where to ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from trainer.data.cuhk03 import RAW_FILE, SPELLING, Boxes, read_cuhk03
from trainer.data.entries import Entry, Option, OptionKind, option_value, parse_entry
from trainer.data.files import image_files
from trainer.data.holdout import hold_out
from trainer.data.market_layout import GALLERY, QUERY, TRAIN, read_any_folder, read_market
from trainer.data.msmt17 import FOLDERS, LISTS, Version, read_msmt17
from trainer.data.places import complete_folders, fullest_folder, missing_marks, usual_folders
from trainer.data.samples import DataSet
from trainer.data.tracks import read_tracks
from trainer.data.vehicleid import SIZES, read_vehicleid
from trainer.data.veri776 import read_veri776
from trainer.errors import TrainerError


@dataclass(frozen=True)
class Counts:
    """What a complete data set holds; None: not known for certain, hence not checked.

    Attributes:
        train: training images.
        identities: of the training.
        query: queries of a trial.
        gallery: gallery images of a trial, distractors included, junk not.
        junk: images that are left out.
        val: images that the option val adds to the training.
    """

    train: int | None = None
    identities: int | None = None
    query: int | None = None
    gallery: int | None = None
    junk: int | None = None
    val: int | None = None


@dataclass(frozen=True)
class DataSetEntry:
    """A data set that can be named in a configuration.

    Attributes:
        name: in configurations and on the command line.
        title: what it is, in a few words.
        read: reads its folder; takes the options beside the folder.
        folders: usual names of its folder, below the data root; see `usual_folders`.
        marks: paths in its folder that tell it, the most telling first; a tuple is a choice.
        counts: of the complete data set.
        home: where to ask for it.
        terms: of use, as far as the source says.
        options: its own options, and what each takes.
        shared_numbers: whether training and test number identities together, so that a number in
            both is one identity in both.
    """

    name: str
    title: str
    read: Callable[..., DataSet]
    folders: tuple[str, ...]
    marks: tuple[tuple[str, ...], ...]
    counts: Counts
    home: str
    terms: str = "research use"
    options: Mapping[str, OptionKind] = field(default_factory=dict)
    shared_numbers: bool = True


_MARKET_MARKS = ((TRAIN,), (QUERY,), (GALLERY,))


def _market(
    name: str, title: str, cameras: int, folders: tuple[str, ...], counts: Counts, home: str
) -> DataSetEntry:
    reader = partial(read_market, cameras=cameras)
    return DataSetEntry(name, title, reader, folders, _MARKET_MARKS, counts, home)


def _msmt17(version: Version, title: str) -> DataSetEntry:
    upper = f"MSMT17_{version.upper()}"
    return DataSetEntry(
        f"msmt17_{version}",
        title,
        partial(read_msmt17, version=version),
        (upper, "MSMT17"),
        tuple((name,) for name in (*FOLDERS[version], *LISTS)),
        Counts(30_248, 1_041, 11_659, 82_161, val=2_373),
        "www.pkuvmc.com/publications/msmt17.html (a signed agreement)",
        options={"val": "yes or no"},
        shared_numbers=False,
    )


def _cuhk03(boxes: Boxes, counts: Counts) -> DataSetEntry:
    kind = SPELLING[boxes]
    return DataSetEntry(
        f"cuhk03_{boxes}",
        f"CUHK03, boxes {boxes}, new protocol: persons, two cameras",
        partial(read_cuhk03, boxes=boxes),
        ("cuhk03",),
        (
            (f"cuhk03_new_protocol_config_{kind}.mat", f"splits_new_{kind}.json"),
            (f"images_{kind}", RAW_FILE.as_posix()),
        ),
        counts,
        "www.ee.cuhk.edu.hk/~xgwang/CUHK_identification.html (on request); the protocol: "
        "github.com/zhunzhong07/person-re-ranking, CUHK03-NP",
    )


def _vehicleid(size: int, test_images: int) -> DataSetEntry:
    return DataSetEntry(
        f"vehicleid_{size}",
        f"VehicleID, {size} test vehicles, ten repeats",
        partial(read_vehicleid, size=size),
        ("VehicleID_V1.0", "VehicleID"),
        (
            ("image",),
            ("train_test_split/train_list.txt",),
            (f"train_test_split/test_list_{size}.txt",),
        ),
        Counts(None, 13_164, test_images - size, size),
        "www.pkuml.org/resources/pku-vehicleid.html (a signed agreement)",
    )


_ENTRIES = (
    _market(
        "market1501",
        "Market-1501: persons, six cameras",
        6,
        ("market1501", "Market-1501-v15.09.15"),
        Counts(12_936, 751, 3_368, 15_913, 3_819),
        "zheng-lab.cecs.anu.edu.au/Project/project_reid.html",
    ),
    _msmt17("v1", "MSMT17, images as taken: persons, 15 cameras; the published numbers"),
    _msmt17("v2", "MSMT17, blurred faces: 1.5 to 4 points of mAP below V1"),
    _market(
        "dukemtmc",
        "DukeMTMC-reID: persons, eight cameras",
        8,
        ("DukeMTMC-reID", "DukeMTMC"),
        Counts(16_522, 702, 2_228, 17_661),
        "no one, since Duke University took it off the net in 2019 (mind the terms of any copy)",
    ),
    _market(
        "occluded_duke",
        "Occluded-Duke: DukeMTMC-reID with occluded queries",
        8,
        ("Occluded_Duke", "Occluded-DukeMTMC"),
        Counts(15_618, 702, 2_210, 17_661),
        "github.com/lightas/Occluded-DukeMTMC-Dataset (lists for DukeMTMC-reID's images)",
    ),
    _cuhk03("labelled", Counts(7_368, 767, 1_400, 5_328)),
    _cuhk03("detected", Counts(7_365, 767, 1_400, 5_332)),
    DataSetEntry(
        "veri776",
        "VeRi-776: vehicles, 20 cameras, eight views",
        read_veri776,
        ("VeRi", "VeRi-776"),
        (("image_train",), ("image_query",), ("image_test",)),
        Counts(37_778, 576, 1_678, 11_579),
        "vehiclereid.github.io/VeRi (on request)",
        options={"views": "yes or no"},
    ),
    *(_vehicleid(*sizes) for sizes in zip(SIZES, (6_493, 13_377, 19_777), strict=True)),
    DataSetEntry(
        "folder",
        'any folder in Market-1501 layout, as "folder:PATH"',
        read_any_folder,
        (),
        (),
        Counts(),
        "your own images",
        terms="",
    ),
    DataSetEntry(
        "tracks",
        'crops without labels, as "tracks:PATH": PATH/SOURCE/SOURCE_VIDEO_TRACK_FRAME.jpg',
        read_tracks,
        (),
        (),
        Counts(),
        "your own images",
        terms="",
        options={"without": "names", "most": "number"},
    ),
)
DATA_SETS: dict[str, DataSetEntry] = {entry.name: entry for entry in _ENTRIES}


def load_data_set(text: str, root: Path) -> DataSet:
    """Reads the data set that an entry names; no image is opened.

    Args:
        text: an entry, such as "market1501" or "folder:con-reid#holdout=100" (see
            `trainer.data_settings`).
        root: the folder below which data sets lie.

    Raises:
        TrainerError: unknown name or option, or the data set is missing or damaged.
    """
    entry, known, options = _resolve(text)
    folder = find_folder(text, root)
    if "most" in options:
        options["seed"] = entry.seed
    data_set = known.read(folder, **options)
    name = known.name if known.folders else folder.resolve().name
    data_set = replace(
        data_set,
        name=name,
        terms=known.terms,
        options=entry.spelled,
        shared_numbers=known.shared_numbers,
    )
    if entry.holdout:
        return hold_out(data_set, entry.holdout, entry.seed)
    return data_set


def load_data_sets(texts: Sequence[str], root: Path) -> tuple[DataSet, ...]:
    """Reads several data sets, for a training on all of them.

    Raises:
        TrainerError: one cannot be read, or two have one name.
    """
    data_sets = tuple(load_data_set(text, root) for text in texts)
    names = [data_set.name for data_set in data_sets]
    for name in names:
        if names.count(name) > 1:
            raise TrainerError(
                f'Two data sets are called "{name}".',
                "Name each once; of two folders with one name, rename one.",
            )
    return data_sets


def find_folder(text: str, root: Path) -> Path:
    """Where the data set of an entry lies: in a folder that is called so, or in one within it.

    Raises:
        TrainerError: unknown name or option; it is not there, parts of it are missing, or it is
            there more than once.
    """
    entry, known, _ = _resolve(text)
    if entry.folder:
        places = [root / entry.folder]
        if not places[0].is_dir():
            raise TrainerError(f"There is no folder {places[0]}.", "Correct the path or --data.")
    elif not known.folders:
        raise TrainerError(
            f'"{known.name}" needs a path.',
            f'Write "{known.name}:PATH", relative to the data root or absolute.',
        )
    else:
        places = usual_folders(root, known.folders)
    for place in places:
        found = complete_folders(place, known.marks, known.folders, _names_of_others(known))
        if len(found) > 1:
            raise TrainerError(
                f"{place} holds {known.name} more than once: {_listed(found)}.",
                f"Name one of them, as {known.name}:{_below(found[0], root)}.",
            )
        if found:
            return found[0]
    if not entry.folder and not missing_marks(root, known.marks):
        return root
    for place in places:
        inner = fullest_folder(place, known.marks)
        raise TrainerError(
            f"{inner} is not a complete {known.name}: "
            f"{', '.join(missing_marks(inner, known.marks))} is missing.",
            f"Restore it, or ask for it: {known.home}.",
        )
    alike = _alike(known, root)
    raise TrainerError(
        f"{known.name} is not below {root.resolve()}, where it would be called "
        f"{' or '.join(known.folders)}"
        + (f"; but {_listed(alike)} looks like it." if alike else "."),
        f"Name its place with --data or as {known.name}:"
        f"{_below(alike[0], root) if alike else 'FOLDER'}, or ask for it: {known.home}.",
    )


def _alike(known: DataSetEntry, root: Path) -> list[Path]:
    """Folders of other names that hold a data set; of Market-1501's layout, by its size."""
    return [
        path
        for path in complete_folders(root, known.marks, others=_names_of_others(known))
        if known.marks[0] != (TRAIN,) or len(image_files(path / TRAIN)) == known.counts.train
    ]


def _names_of_others(known: DataSetEntry) -> list[str]:
    every = [name for each in DATA_SETS.values() for name in each.folders]
    return [name for name in every if name not in known.folders]


def _below(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths[:3])) + (", …" if len(paths) > 3 else "")


def find_entry(text: str) -> DataSetEntry:
    """The data set that an entry names.

    Raises:
        TrainerError: unknown name or option.
    """
    return _resolve(text)[1]


def _resolve(text: str) -> tuple[Entry, DataSetEntry, dict[str, Option]]:
    """What an entry says, the data set that it names, and the values of that one's options."""
    entry = parse_entry(text)
    known = DATA_SETS.get(entry.name)
    if known is None:
        raise TrainerError(
            f'There is no data set "{entry.name}".',
            f'Choose one of {", ".join(DATA_SETS)}; your own images are "folder:PATH" or '
            '"tracks:PATH".',
        )
    options: dict[str, Option] = {}
    for key, value in entry.options.items():
        if key not in known.options:
            allowed = ", ".join(("holdout", "seed", *known.options))
            raise TrainerError(
                f'{known.name} has no option "{key}".', f"Its options are {allowed}."
            )
        options[key] = option_value(text, key, known.options[key], value)
    return entry, known, options

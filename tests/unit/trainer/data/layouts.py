"""Tiny copies of every data set's layout, with noise for images."""

from __future__ import annotations

import zlib
from pathlib import Path

import h5py
import numpy as np
from PIL import Image
from scipy.io import savemat

MARKET_FILES = {
    "bounding_box_train": [
        f"{identity:04d}_c{camera}s1_{number:06d}_00.jpg"
        for identity in (2, 7, 10, 11)
        for camera in (1, 3)
        for number in range(3)
    ],
    "query": ["0001_c1s1_000001_00.jpg", "0003_c2s1_000001_00.jpg"],
    "bounding_box_test": [
        "0001_c2s1_000002_00.jpg",
        "0003_c5s1_000002_00.jpg",
        "0000_c6s1_000003_00.jpg",
        "-1_c1s1_000004_00.jpg",
        "-1_c2s1_000004_00.jpg",
        "Thumbs.db",
    ],
}


def write_image(path: Path, size_px: tuple[int, int] = (16, 8), seed: int | None = None) -> Path:
    """Noise that differs from path to path, or by the seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(zlib.crc32(str(path).encode()) if seed is None else seed)
    pixels = generator.integers(256, size=(*size_px, 3), dtype=np.uint8)
    if path.suffix == ".db":
        path.write_bytes(b"not an image")
    else:
        Image.fromarray(pixels).save(path)
    return path


def market(folder: Path, files: dict[str, list[str]] | None = None) -> Path:
    for part, names in (MARKET_FILES if files is None else files).items():
        for name in names:
            write_image(folder / part / name)
    return folder


def duke(folder: Path) -> Path:
    return market(
        folder,
        {
            "bounding_box_train": ["0001_c2_f0046182.jpg", "0001_c8_f0046302.jpg"],
            "query": ["0005_c2_f0046985.jpg"],
            "bounding_box_test": ["0005_c1_f0001111.jpg", "0006_c3_f0001112.jpg"],
        },
    )


def msmt17(folder: Path, version: str = "v1") -> Path:
    """Two training identities, one of them in the validation list too, and one of the test."""
    train, test = {"v1": ("train", "test"), "v2": ("mask_train_v2", "mask_test_v2")}[version]
    lists = {
        "list_train.txt": (
            train,
            ["0001/0001_001_05_0303morning_0008_1.jpg 1", "0000/0000_000_01_0303noon_0015_0.jpg 0"],
        ),
        "list_val.txt": (train, ["0001/0001_002_15_0303morning_0009_1.jpg 1"]),
        "list_query.txt": (test, ["0000/0000_000_02_0113noon_0015_0.jpg 0"]),
        "list_gallery.txt": (test, ["0000/0000_001_03_0113noon_0016_0.jpg 0"]),
    }
    for name, (part, lines) in lists.items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("\n".join(lines) + "\n")
        for line in lines:
            write_image(folder / part / line.split()[0])
    return folder


# Pair 1 with persons 1 and 2, pair 2 with person 1; images 1 and 2 of camera 1, 6 of camera 2.
CUHK03_CELLS = [(1, 1, (1, 2, 6)), (1, 2, (1, 6, 7)), (2, 1, (1, 6))]
CUHK03_NAMES = [
    f"{pair}_{person:03d}_{1 if number <= 5 else 2}_{number:02d}.png"
    for pair, person, numbers in CUHK03_CELLS
    for number in numbers
]


def cuhk03(folder: Path) -> Path:
    """The published MATLAB files: HDF5 of references with the images, version 5 with the split."""
    (folder / "cuhk03_release").mkdir(parents=True)
    with h5py.File(folder / "cuhk03_release" / "cuhk-03.mat", "w") as file:
        for kind in ("detected", "labeled"):
            _write_cells(file, kind)
    # MATLAB counts from 1: person 2 of pair 1 trains, the others are queried and found.
    split = {"train_idx": [4, 5, 6], "query_idx": [1, 3, 7], "gallery_idx": [2, 8]}
    names = np.empty((len(CUHK03_NAMES), 1), object)
    names[:, 0] = CUHK03_NAMES
    for kind in ("detected", "labeled"):
        savemat(
            folder / f"cuhk03_new_protocol_config_{kind}.mat",
            {"filelist": names} | {key: np.array([value]).T for key, value in split.items()},
        )
    return folder


def _write_cells(file: h5py.File, kind: str) -> None:
    generator = np.random.default_rng(3)
    pairs = np.empty((1, 2), h5py.ref_dtype)
    for pair in (1, 2):
        people = [each for each in CUHK03_CELLS if each[0] == pair]
        # HDF5 holds MATLAB's (persons, 10) as (10, persons), an image as (3, width, height).
        cells = np.empty((10, len(people)), h5py.ref_dtype)
        for column, (_, person, numbers) in enumerate(people):
            for row in range(10):
                pixels = np.zeros(2, np.uint64)  # how MATLAB stores an empty cell
                if row + 1 in numbers:
                    pixels = generator.integers(256, size=(3, 6, 12), dtype=np.uint8)
                cells[row, column] = file.create_dataset(
                    f"{kind}_{pair}_{person}_{row}", data=pixels
                ).ref
        pairs[0, pair - 1] = file.create_dataset(
            f"{kind}_{pair}", data=cells, dtype=h5py.ref_dtype
        ).ref
    file.create_dataset(kind, data=pairs, dtype=h5py.ref_dtype)


VERI_FILES = {
    "image_train": ["0003_c001_00000001_0.jpg", "0003_c020_00000002_0.jpg"],
    "image_query": ["0002_c002_00000003_0.jpg"],
    "image_test": ["0002_c003_00000004_0.jpg", "0002_c004_00000005_0.jpg"],
}


def veri776(folder: Path, views: bool = True) -> Path:
    """The last gallery image has no line in the lists; another has two, of which the last holds."""
    for part, names in VERI_FILES.items():
        for name in names:
            write_image(folder / part / name)
    if views:
        points = " ".join(["-1"] * 40)
        (folder / "keypoint_train.txt").write_text(
            f"/home/someone/image_train/0003_c001_00000001_0.jpg {points} 7\n"
            f"/home/someone/image_train/0003_c020_00000002_0.jpg {points} 0\n"
        )
        (folder / "keypoint_test.txt").write_text(
            f"/home/someone/image_query/0002_c002_00000003_0.jpg {points} 3\n"
            f"/home/someone/image_test/0002_c003_00000004_0.jpg {points} 1\n"
            f"/home/someone/image_test/0002_c003_00000004_0.jpg {points} 5\n"
        )
    return folder


def vehicleid(folder: Path, size: int = 800) -> Path:
    lists = folder / "train_test_split"
    lists.mkdir(parents=True)
    train = [(1, 90), (2, 90), (3, 80)]
    test = [(number, 50 + number % 3) for number in range(10, 22)]
    (lists / "train_list.txt").write_text("".join(f"{i:07d} {v}\n" for i, v in train))
    (lists / f"test_list_{size}.txt").write_text("".join(f"{i:07d} {v}\n" for i, v in test))
    for image, _ in train + test:
        write_image(folder / "image" / f"{image:07d}.jpg")
    return folder

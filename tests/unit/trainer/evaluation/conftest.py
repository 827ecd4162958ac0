"""A tiny folder of people in Market-1501 layout, and tiny features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.evaluation.features import LabelledFeatures, TrialFeatures
from trainer.evaluation.ranking import Labels


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """`query` and `bounding_box_test` of four people of plain colours, junk and a distractor."""
    root = tmp_path / "people"
    names = {
        "query": ["0001_c1s1_01.jpg", "0002_c2s1_01.jpg", "0003_c1s1_01.jpg", "0004_c1s1_01.jpg"],
        "bounding_box_test": [
            *(f"{person:04}_c{camera}s1_02.jpg" for person in (1, 2, 3) for camera in (1, 2, 3)),
            "0000_c3s1_02.jpg",
            "-1_c2s1_02.jpg",
        ],
    }
    for folder, files in names.items():
        (root / folder).mkdir(parents=True)
        for place, name in enumerate(files):
            person = int(name.partition("_c")[0])
            save_person(root / folder / name, person, place)
    return root


def save_person(path: Path, person: int, seed: int) -> None:
    """A crop in the colours of a person, with a little noise."""
    colours = np.random.default_rng(person + 10).integers(20, 220, (4, 2, 3))
    noise = np.random.default_rng(seed).integers(0, 20, (32, 16, 3))
    pixels = np.kron(colours, np.ones((8, 8, 1), int)) + noise
    Image.fromarray(pixels.astype(np.uint8)).save(path, quality=95)


@pytest.fixture
def whole_numbers():
    """Features of whole numbers, so that distances are exact and many are equal."""

    def make(
        seed: int, queries: int = 9, gallery: int = 60, people: int = 6, cameras: int = 3
    ) -> TrialFeatures:
        generator = np.random.default_rng(seed)

        def side(count: int) -> LabelledFeatures:
            labels = Labels(
                generator.integers(0, people, count), generator.integers(0, cameras, count)
            )
            return LabelledFeatures(
                generator.integers(-2, 3, (count, 4)).astype(np.float32), labels
            )

        return TrialFeatures(side(queries), side(gallery))

    return make

"""Composed people: the same bytes, who is in them, which colours change, errors that help."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from trainer.__main__ import app
from trainer.data.market_layout import read_any_folder
from trainer.errors import TrainerError
from trainer.synthetic.composed import ComposeSettings, Tint, compose, recoloured, write_composed


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """Four people, each grey of a level of its own, by two cameras; one more by a single one."""
    folder = tmp_path / "real" / "bounding_box_train"
    folder.mkdir(parents=True)
    for identity in range(1, 6):
        for camera in (1, 2) if identity < 5 else (1,):
            picture = np.full((64, 32, 3), 40 * identity, np.uint8)
            cv2.imwrite(str(folder / f"{identity:04d}_c{camera}s1_000001_00.png"), picture)
    return tmp_path


def _settings(seed: int = 0) -> ComposeSettings:
    return ComposeSettings(("folder:real",), 5, 3, seed, (32, 64))


def _digests(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*.jpg"))
    }


def test_equal_seeds_give_equal_bytes_and_others_do_not(crops: Path):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        assert list(write_composed(_settings(seed), crops / name, crops))[-1].pictures == 15
    one = _digests(crops / "one")
    assert len(one) == 15 and one == _digests(crops / "again")
    assert not set(one.values()) & set(_digests(crops / "other").values())


def test_what_is_there_is_kept_unless_forced(crops: Path):
    list(write_composed(_settings(), crops / "out", crops))
    spoilt = sorted((crops / "out").rglob("*.jpg"))[0]
    whole = spoilt.read_bytes()
    spoilt.write_bytes(b"kept")
    list(write_composed(_settings(), crops / "out", crops))
    assert spoilt.read_bytes() == b"kept"
    list(write_composed(_settings(), crops / "out", crops, force=True))
    assert spoilt.read_bytes() == whole


def test_the_layout_is_read_back_with_cameras_of_the_upper_part(crops: Path):
    list(write_composed(_settings(), crops / "out", crops))
    found = read_any_folder(crops / "out")
    assert {sample.identity for sample in found.train} == set(range(1, 6))
    assert found.cameras == 2 and not found.trials


def test_the_upper_part_is_one_persons_and_the_lower_anothers():
    upper, lower = np.full((100, 8, 3), 200, np.uint8), np.full((100, 8, 3), 20, np.uint8)
    rows = compose(upper, lower, waist=0.4, blend=0.1)[:, 0, 0].tolist()
    assert rows[:35] == [200] * 35 and rows[45:] == [20] * 55
    assert rows[35:45] == sorted(rows[35:45], reverse=True)


def test_colours_change_where_the_mask_is_and_nowhere_else():
    picture = np.full((4, 2, 3), (200, 40, 40), np.uint8)
    mask = np.zeros((4, 2, 1), np.float32)
    mask[2:] = 1
    changed = recoloured(picture, Tint(1 / 3, (1.0, 1.0, 0.5)), mask)
    assert changed[:2].tolist() == picture[:2].tolist()
    assert changed[2:].tolist() == np.full((2, 2, 3), (40, 200, 20)).tolist()


def test_sources_without_enough_people_are_refused(crops: Path):
    for path in (crops / "real").rglob("000[1-3]*"):
        path.unlink()
    with pytest.raises(TrainerError, match="shows 1 people by two cameras or more"):
        list(write_composed(_settings(), crops / "out", crops))


def test_from_the_command_line(crops: Path):
    out = crops / "out"
    arguments = ["synthesize", "composed", "folder:real", "--data", str(crops), "--out", str(out),
                 "--identities", "2", "--images", "2", "--size", "16x32"]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0 and "4 crops" in result.output
    assert cv2.imread(str(next(out.rglob("*.jpg")))).shape == (32, 16, 3)

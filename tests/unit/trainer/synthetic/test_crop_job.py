"""Rendered data sets of crops: the same bytes, Market-1501's layout, errors that help."""

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
from trainer.synthetic import crop_job
from trainer.synthetic.crop_job import CropSettings, write_crops
from trainer.synthetic.crops import CropWorld

TINY = CropSettings(4, 2, 2, seed=3, size_px=(32, 64))


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*.jpg"))
    }


@pytest.mark.usefixtures("small_frames")
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path):
    for name in ("one", "again"):
        assert list(write_crops(TINY, tmp_path / name, device="cpu"))[-1].pictures == 16
    other = CropSettings(4, 2, 2, seed=4, size_px=(32, 64))
    list(write_crops(other, tmp_path / "other", device="cpu"))
    one = _digests(tmp_path / "one")
    assert len(one) == 16
    assert one == _digests(tmp_path / "again")
    assert not set(one.values()) & set(_digests(tmp_path / "other").values())


@pytest.mark.usefixtures("small_frames")
def test_a_crop_does_not_depend_on_what_was_rendered_before(tmp_path):
    world = CropWorld(3, (32, 64))
    first = world.crop(2, 1, 0)
    world.crop(1, 0, 1)
    np.testing.assert_array_equal(world.crop(2, 1, 0), first)
    assert first.shape == (64, 32, 3)
    assert first.std() > 5


@pytest.mark.usefixtures("small_frames")
def test_the_layout_is_read_back_as_market(tmp_path):
    settings = CropSettings(6, 3, 2, seed=1, size_px=(16, 32), seen_by=(2, 3))
    list(write_crops(settings, tmp_path, device="cpu"))
    found = read_any_folder(tmp_path)
    assert found.cameras == 3
    assert {sample.identity for sample in found.train} == {1, 2, 3}
    (trial,) = found.trials
    assert {sample.identity for sample in trial.query} == {4, 5, 6}
    assert {sample.identity for sample in trial.gallery} == {4, 5, 6}
    for identity in range(1, 7):
        cameras = settings.cameras_of(identity)
        assert 2 <= len(cameras) <= 3
        files = [*found.train, *trial.query, *trial.gallery]
        assert {s.camera for s in files if s.identity == identity} == set(cameras)
    assert cv2.imread(str(trial.query[0].path)).shape == (32, 16, 3)


@pytest.mark.usefixtures("small_frames")
def test_what_is_there_is_kept_unless_forced(tmp_path, monkeypatch):
    list(write_crops(TINY, tmp_path, device="cpu"))
    before = _digests(tmp_path)
    lost, spoilt = sorted(tmp_path.rglob("*.jpg"))[:2]
    lost.unlink()
    spoilt.write_bytes(b"kept as it is")
    rendered = []
    crop = CropWorld.crop

    def counted(self: CropWorld, *numbers: int):
        rendered.append(numbers)
        return crop(self, *numbers)

    monkeypatch.setattr(crop_job.CropWorld, "crop", counted)
    list(write_crops(TINY, tmp_path, device="cpu"))
    assert len(rendered) == 1
    assert spoilt.read_bytes() == b"kept as it is"
    list(write_crops(TINY, tmp_path, device="cpu", force=True))
    assert _digests(tmp_path) == before


@pytest.mark.usefixtures("small_frames")
def test_other_settings_are_not_mixed_into_a_folder(tmp_path):
    list(write_crops(TINY, tmp_path, device="cpu"))
    with pytest.raises(TrainerError, match="other settings"):
        list(write_crops(CropSettings(4, 2, 2, seed=9, size_px=(32, 64)), tmp_path, device="cpu"))


@pytest.mark.usefixtures("small_frames")
def test_a_person_keeps_the_colours_in_every_camera():
    """Bright and dark tops keep their order wherever they are seen."""
    from trainer.synthetic.appearance import draw_appearance

    tops = {i: sum(draw_appearance(0, i).top.colour) for i in range(1, 60)}
    plain = {
        i: value for i, value in tops.items()
        if draw_appearance(0, i).top.pattern == "plain" and draw_appearance(0, i).bag == ""
    }  # fmt: skip
    dark, bright = min(plain, key=plain.__getitem__), max(plain, key=plain.__getitem__)
    world = CropWorld(0)
    for camera in range(3):
        means = [
            np.mean([world.crop(i, camera, k)[35:55, 24:40].mean() for k in range(4)])
            for i in (dark, bright)
        ]
        assert means[0] + 25 < means[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"identities": 0}, "identities"),
        ({"seen_by": (3, 6)}, "3 to 6 of 2 cameras"),
        ({"seen_by": (1, 2)}, "one camera only"),
        ({"images": 1}, "gallery empty"),
    ],
)
def test_numbers_that_make_no_data_set_are_refused(tmp_path, changes, message):
    values = {"identities": 4, "cameras": 2, "images": 2, "seed": 0} | changes
    with pytest.raises(TrainerError, match=message):
        list(write_crops(CropSettings(**values), tmp_path, device="cpu"))


@pytest.mark.usefixtures("small_frames")
def test_the_command_renders_and_tells_where(tmp_path):
    options = "--identities 2 --cameras 2 --images 2 --size 16x32 --device cpu"
    arguments = ["synthesize", "reid", "--out", str(tmp_path / "set"), *options.split()]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "8 crops" in result.output
    assert len(list((tmp_path / "set").rglob("*.jpg"))) == 8


def test_the_command_tells_what_is_wrong(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    cases = {
        ("--cameras", "1"): (1, "more --cameras"),
        ("--size", "64"): (2, "whole numbers"),
        ("--device", "toaster"): (1, "no device toaster"),
    }
    for extra, (status, words) in cases.items():
        result = CliRunner().invoke(
            app, ["synthesize", "reid", "--out", str(tmp_path / "x"), *extra]
        )
        assert result.exit_code == status
        assert words in result.output
    result = CliRunner().invoke(app, ["synthesize", "reid", "--out", str(file / "below")])
    assert result.exit_code == 1
    assert "cannot be written" in result.output


@pytest.mark.timeout(300)
def test_processes_give_the_same_bytes(tmp_path, monkeypatch):
    """Two processes write what one does."""
    settings = CropSettings(2, 2, 2, seed=3, size_px=(32, 64))
    list(write_crops(settings, tmp_path / "one", device="cpu"))
    list(write_crops(settings, tmp_path / "two", workers=2, device="cpu"))
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")

"""Rendered clips: walks, truth files, labels, videos that can be read."""

from __future__ import annotations

import hashlib

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from trainer.__main__ import app
from trainer.errors import TrainerError
from trainer.synthetic.appearance import draw_appearance
from trainer.synthetic.place import draw_place
from trainer.synthetic.rendering import Seen
from trainer.synthetic.scene_job import SceneSettings, mot_lines, write_scenes, yolo_lines
from trainer.synthetic.walks import draw_walks

TINY = SceneSettings(2, 0.4, 10, 5, (96, 64), seed=2, label_every=2)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    return folder, list(write_scenes(TINY, folder, device="cpu"))


def test_clips_have_the_frames_that_the_truth_numbers(scene):
    folder, events = scene
    assert (events[-1].pictures, events[-1].total) == (8, 8)
    for name in ("cam1", "cam2"):
        with av.open(str(folder / f"{name}.mp4")) as clip:
            frames = list(clip.decode(video=0))
            assert clip.streams.video[0].average_rate == 10
        assert [(frame.width, frame.height) for frame in frames] == [(96, 64)] * 4
        for line in (folder / "truth" / f"{name}.txt").read_text().splitlines():
            values = [float(value) for value in line.split(",")]
            frame, identity, x, y, width, height, one, kind, visible = values
            assert 1 <= frame <= 4
            assert 1 <= identity <= 5
            assert one == kind == 1
            assert x >= 0
            assert y >= 0
            assert width > 0
            assert height > 0
            assert x + width <= 96.1
            assert y + height <= 64.1
            assert 0 <= visible <= 1


def test_somebody_is_seen(scene):
    folder, _ = scene
    assert any((folder / "truth" / f"cam{number}.txt").read_text() for number in (1, 2))


def test_labels_lie_beside_their_pictures(scene):
    folder, _ = scene
    pictures = sorted(file.stem for file in (folder / "images").iterdir())
    assert pictures == sorted(file.stem for file in (folder / "labels").iterdir())
    assert len(pictures) == 4
    assert "world001_cam1_000003" in pictures
    for file in (folder / "labels").iterdir():
        for line in file.read_text().splitlines():
            kind, *shares = (float(value) for value in line.split())
            assert kind == 0
            assert all(0 <= share <= 1 for share in shares)
    assert "0: person" in (folder / "data.yaml").read_text()


def test_the_same_seed_gives_the_same_clips(scene, tmp_path):
    folder, _ = scene
    list(write_scenes(TINY, tmp_path, device="cpu"))
    for name in ("cam1.mp4", "cam2.mp4", "truth/cam1.txt", "labels/world001_cam1_000001.txt"):
        digests = [
            hashlib.sha256((where / name).read_bytes()).digest() for where in (folder, tmp_path)
        ]
        assert digests[0] == digests[1]


def test_a_finished_clip_is_kept(scene):
    folder, _ = scene
    before = (folder / "cam1.mp4").stat().st_mtime_ns
    (folder / "cam2.mp4").unlink()
    list(write_scenes(TINY, folder, device="cpu"))
    assert (folder / "cam1.mp4").stat().st_mtime_ns == before
    assert (folder / "cam2.mp4").exists()
    assert not list(folder.glob("*.part*"))


def test_several_worlds_lie_in_folders_of_their_own(tmp_path):
    settings = SceneSettings(1, 0.1, 10, 2, (64, 48), seed=1, worlds=2, codec="vp9")
    list(write_scenes(settings, tmp_path, device="cpu"))
    assert [path.parent.name for path in sorted(tmp_path.rglob("cam1.webm"))] == [
        "world001",
        "world002",
    ]


def test_truth_is_written_as_mot_and_yolo_want_it():
    seen = (Seen(7, (10.0, 20.0, 30.0, 60.0), 0.5), Seen(2, (0.0, 0.0, 5.0, 10.0), 0.1))
    assert (
        mot_lines(3, seen) == "3,2,0.0,0.0,5.0,10.0,1,1,0.100\n3,7,10.0,20.0,20.0,40.0,1,1,0.500\n"
    )
    assert yolo_lines(seen, (100, 80), 0.3) == "0 0.200000 0.500000 0.200000 0.500000\n"


def test_people_walk_far_and_keep_apart():
    rng = np.random.default_rng(0)
    place = draw_place(rng, 20, outdoors=True)
    people = {identity: draw_appearance(0, identity) for identity in range(1, 7)}
    walks = draw_walks(5, people, place, 300, 10)
    places = np.stack([walk.places for walk in walks])  # (N, T, 2)
    assert np.abs(places[..., 1]).max() <= place.half_width + 1e-6
    assert np.abs(places[..., 0]).max() < 20 + 2
    moved = np.linalg.norm(np.diff(places, axis=1), axis=2)
    assert moved.max() < 0.1 * 1.8 * 1.3 + 0.01, "nobody jumps"
    assert np.median(moved.sum(1)) > 15
    gaps = np.linalg.norm(places[:, None] - places[None], axis=3)
    gaps[np.arange(6), np.arange(6)] = np.inf
    assert (gaps[:, :, 50:] < 0.3).mean() < 0.01
    for walk in walks:
        steps = np.diff(walk.phases)
        assert (steps >= 0).all()


def test_a_walk_repeats_with_its_seed_only():
    place = draw_place(np.random.default_rng(0), 12, outdoors=True)
    people = {1: draw_appearance(0, 1), 2: draw_appearance(0, 2)}
    one, again, other = (draw_walks(seed, people, place, 20, 5) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one[0].places, again[0].places)
    assert not np.array_equal(one[0].places, other[0].places)


@pytest.mark.parametrize(
    ("changes", "message"), [({"size_px": (97, 64)}, "97x64"), ({"codec": "gif"}, "no codec gif")]
)
def test_clips_that_cannot_be_written_are_refused(changes, message):
    values = {"cameras": 1, "seconds": 1, "fps": 5, "people": 1, "size_px": (96, 64), "seed": 0}
    with pytest.raises(TrainerError, match=message):
        SceneSettings(**(values | changes))


def test_the_command_renders_scenes(tmp_path):
    options = "--cameras 1 --seconds 0.2 --people 3 --size 64x48 --labels yolo --device cpu"
    arguments = ["synthesize", "scenes", "--out", str(tmp_path), *options.split()]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "2 frames" in result.output
    assert (tmp_path / "cam1.mp4").is_file()
    assert len(list((tmp_path / "images").iterdir())) == 1
    wrong = CliRunner().invoke(app, [*arguments[:4], "--labels", "coco"])
    assert wrong.exit_code == 2

"""The clips and stand-ins that the other tests stand on do what they claim."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import onnxruntime
import pytest

from app.core.boxes import cut_out, iou
from app.vision.image_sequence import open_image_sequence
from app.vision.video import open_video
from tests.fakes import ColourBlobDetector, HistogramEmbedder
from tests.onnx_files import DIMENSION, truncate, write_embedder
from tests.rendered import RenderedWorld, render_world

ZONE = ZoneInfo("UTC")


@pytest.fixture(scope="module")
def world() -> RenderedWorld:
    return render_world(7)


def test_equal_seeds_give_equal_worlds(world: RenderedWorld) -> None:
    again, other = render_world(7), render_world(8)
    assert again.truth == world.truth
    np.testing.assert_array_equal(again.frame("cam2", 30), world.frame("cam2", 30))
    assert not np.array_equal(other.frame("cam2", 30), world.frame("cam2", 30))


def test_everyone_passes_every_camera_and_nobody_overlaps(world: RenderedWorld) -> None:
    assert len(set(world.colours.values())) == 4
    for camera in world.cameras:
        seen = {identity for boxes in world.truth[camera] for identity in boxes}
        assert seen == {1, 2, 3, 4}
        for boxes in world.truth[camera]:
            pairs = iou(*[np.array(list(boxes.values()), np.float32).reshape(-1, 4)] * 2)
            assert (pairs - np.eye(len(boxes)) <= 0).all()


def test_absent_people_and_rounds() -> None:
    world = render_world(1, people=3, rounds=2, absent={"cam2": [2]})
    seen = [2 in boxes for boxes in world.truth["cam1"]]
    assert np.diff(np.array(seen, int)).clip(0).sum() == 2
    assert not any(2 in boxes for boxes in world.truth["cam2"])


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_people_are_found_and_recognised_in_coded_video(
    tmp_path: Path, world: RenderedWorld, suffix: str
) -> None:
    detector, embedder = ColourBlobDetector(), HistogramEmbedder()
    vectors: dict[tuple[str, int], list[np.ndarray]] = {}
    for camera, path in world.write(tmp_path, suffix).items():
        for frame in open_video(path, camera, ZONE).frames():
            image, truth = frame.image(), world.truth[camera][frame.index]
            found = detector.detect([image])[0]
            whole = {who: box for who, box in truth.items() if box[2] - box[0] > 15}
            assert len(whole) <= len(found) <= len(truth)
            overlaps = iou(np.array(list(whole.values()), np.float32).reshape(-1, 4), found.boxes)
            for who, row in zip(whole, overlaps, strict=True):
                assert row.max() > 0.75
                crop = cut_out(image, found.boxes[row.argmax()])
                vectors.setdefault((camera, who), []).append(embedder.embed([crop], [camera])[0])
    means = {key: np.mean(values, axis=0) for key, values in vectors.items()}
    for who in world.colours:
        query = means["cam1", who]
        ranking = sorted(world.colours, key=lambda other: -float(query @ means["cam2", other]))
        assert ranking[0] == who


def test_sequences_hold_the_very_frames(tmp_path: Path, world: RenderedWorld) -> None:
    folders = world.write_sequences(tmp_path)
    frames = list(open_image_sequence(folders["cam2"], "frame_", "cam2", 10.0).frames())
    assert len(frames) == world.frame_count
    np.testing.assert_array_equal(frames[33].image(), world.frame("cam2", 33))


def test_embedder_files(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((3, 3, 64, 32), np.float32)

    def run(path: Path, batch: np.ndarray) -> np.ndarray:
        return onnxruntime.InferenceSession(str(path)).run(None, {"images": batch})[0]

    vectors = run(write_embedder(tmp_path / "any.onnx"), images)
    assert vectors.shape == (3, DIMENSION)
    np.testing.assert_allclose(vectors[1, 0], images[1, 0, :16, :16].mean(), rtol=1e-5)
    assert np.isnan(run(write_embedder(tmp_path / "nan.onnx", output="nan"), images)).all()
    assert run(write_embedder(tmp_path / "map.onnx", output="map"), images).shape == (3, 3, 4, 2)
    fixed = write_embedder(tmp_path / "one.onnx", batch=1, card={"input_size_px": [64, 32]})
    assert run(fixed, images[:1]).shape == (1, DIMENSION)
    assert (tmp_path / "one.onnx.toml").read_text() == "input_size_px = [64, 32]\n"
    with pytest.raises(Exception, match=r"(?i)protobuf"):
        run(truncate(fixed), images[:1])

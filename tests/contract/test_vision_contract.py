"""What holds for every detector, tracker and embedder that a user can choose."""

import numpy as np
import pytest

from app.core.entities import Detections
from app.core.networks import WEIGHTS_SUFFIXES
from app.vision.byte_tracker import ByteTracker
from app.vision.network_files import KnownNetworkFiles
from reid_models.ultralytics_setup import import_ultralytics
from tests.tiny_model_files import save_transreid
from tests.tiny_networks import save_detector, save_embedder, save_ir


def save_checkpoint(path):
    """An untrained network whose scores are raised so that it finds something."""
    import_ultralytics()
    import torch
    from ultralytics import YOLO

    torch.manual_seed(0)
    network = YOLO("yolov8n.yaml")
    network.model.names = dict(enumerate(["person", *map(str, range(79))]))
    for branch in network.model.model[-1].cv3:
        torch.nn.init.constant_(branch[-1].bias, -8.0)
        torch.nn.init.constant_(branch[-1].bias[:1], 1.0)
    network.save(path)
    return path


SAVE_DETECTOR = {".onnx": save_detector, ".pt": save_checkpoint}


def save_model_file(path):
    save_transreid(path)
    return path


SAVE_EMBEDDER = {".onnx": save_embedder, ".xml": save_ir, ".safetensors": save_model_file}


def saved(table, suffix, folder):
    if suffix == ".engine":
        pytest.skip("an engine is built for one GPU by TensorRT, which is not a dependency")
    return table[suffix](folder / f"network{suffix}")


@pytest.fixture(scope="module", params=WEIGHTS_SUFFIXES["detector"])
def detector(request, tmp_path_factory):
    path = saved(SAVE_DETECTOR, request.param, tmp_path_factory.mktemp("detectors"))
    return KnownNetworkFiles().detector(path, "cpu")


@pytest.fixture(scope="module", params=WEIGHTS_SUFFIXES["embedder"])
def embedder(request, tmp_path_factory):
    path = saved(SAVE_EMBEDDER, request.param, tmp_path_factory.mktemp("embedders"))
    return KnownNetworkFiles().embedder(path, "cpu")


@pytest.fixture(params=[ByteTracker])
def tracker_class(request):
    return request.param


def pictures(sizes):
    noise = np.random.default_rng(11)
    return [noise.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


FRAME_SIZES = [(128, 96), (128, 96), (64, 200), (250, 130), (128, 96)]
CROP_SIZES = [(64, 32), (200, 90), (64, 32), (31, 7), (1, 1)]


def test_a_detector_answers_every_frame_with_boxes_inside_it(detector):
    frames = pictures(FRAME_SIZES)
    answers = detector.detect(frames)
    assert len(answers) == len(frames)
    assert sum(map(len, answers)) > 0
    for frame, people in zip(frames, answers, strict=True):
        height_px, width_px = frame.shape[:2]
        assert people.boxes.dtype == np.float32
        assert np.isfinite(people.boxes).all()
        assert np.isfinite(people.scores).all()
        assert ((people.scores > 0) & (people.scores <= 1)).all()
        assert (people.boxes >= 0).all()
        assert (people.boxes <= [width_px, height_px, width_px, height_px]).all()
        assert (people.boxes[:, :2] <= people.boxes[:, 2:]).all()


def test_a_detector_gives_one_frame_one_answer(detector):
    frames = pictures(FRAME_SIZES)
    before = [frame.copy() for frame in frames]
    together = detector.detect(frames)
    for frame, copy, people, again in zip(
        frames, before, together, detector.detect(frames), strict=True
    ):
        [alone] = detector.detect([frame])
        for other in (again, alone):
            np.testing.assert_array_equal(people.boxes, other.boxes)
            np.testing.assert_array_equal(people.scores, other.scores)
        np.testing.assert_array_equal(frame, copy)


def test_a_detector_is_named_and_takes_no_frames(detector):
    assert detector.id.startswith("network-")
    assert detector.batch_size >= 1
    assert detector.detect([]) == []


def test_an_embedder_gives_unit_vectors_of_its_dimension(embedder):
    vectors = embedder.embed(pictures(CROP_SIZES))
    assert vectors.shape == (len(CROP_SIZES), embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    name, _, digits = embedder.id.rpartition("-")
    assert name in ("network", "transreid") and len(digits) == 12


def test_an_embedder_gives_one_crop_one_vector(embedder):
    crops = pictures(CROP_SIZES)
    together = embedder.embed(crops)
    np.testing.assert_array_equal(embedder.embed(crops), together)
    for row, crop in enumerate(crops):
        np.testing.assert_array_equal(embedder.embed([crop])[0], together[row])


def steps_of(tracker):
    noise = np.random.default_rng(4)
    for number in range(40):
        near = np.array([[100, 100, 140, 200], [300, 120, 350, 240]]) + 5 * number
        boxes = np.concatenate([near + noise.normal(0, 2, (2, 4)), [[600, 50, 630, 120]]])
        kept = noise.random(3) > 0.2
        scores = noise.uniform(0.3, 0.95, 3)
        yield (
            Detections(boxes[kept].astype(np.float32), scores[kept].astype(np.float32)),
            tracker.update(
                Detections(boxes[kept].astype(np.float32), scores[kept].astype(np.float32)),
                number / 5,
            ),
        )
    yield Detections.none(), tracker.finish()


def test_a_tracker_accounts_for_every_track(tracker_class):
    open_ids, over = set(), set()
    for people, step in steps_of(tracker_class(5.0)):
        given = {tuple(box) for box in people.boxes.tolist()}
        numbers = step.tracked.track_ids.tolist()
        assert {tuple(box) for box in step.tracked.boxes.tolist()} <= given
        assert len(set(numbers)) == len(numbers)
        open_ids |= set(numbers)
        leaving = set(step.ended) | set(step.dropped)
        assert not set(step.ended) & set(step.dropped)
        assert not over & (set(numbers) | leaving)
        assert leaving <= open_ids
        assert not leaving & set(numbers)
        over |= leaving
        open_ids -= leaving
        assert step.alive == len(open_ids)
    assert not open_ids
    assert over


def test_a_tracker_is_repeatable(tracker_class):
    first, second = steps_of(tracker_class(5.0)), steps_of(tracker_class(5.0))
    for (_, one), (_, other) in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.tracked.track_ids, other.tracked.track_ids)
        np.testing.assert_array_equal(one.tracked.boxes, other.tracked.boxes)
        assert (one.ended, one.dropped, one.alive) == (other.ended, other.dropped, other.alive)

"""The detector, tried with a network whose boxes and scores follow from the pixels."""

import hashlib
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import ModelError
from app.core.networks import WEIGHTS_SUFFIXES
from app.vision.network_files import KnownNetworkFiles
from app.vision.yolo_detector import YoloDetector
from reid_models.ultralytics_setup import import_ultralytics
from tests.tiny_networks import save_detector, save_embedder

RESOURCES = Path(__file__).resolve().parents[3] / "resources"

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return save_detector(tmp_path_factory.mktemp("networks") / "tiny.onnx")


@pytest.fixture(scope="module")
def detector(network):
    return YoloDetector(network, "cpu")


def frame(cells, height=128, width=128, colour=(255, 0, 0)):
    """A black frame with some 32 × 32 cells (column, row) of one RGB colour."""
    image = np.zeros((height, width, 3), np.uint8)
    for column, row in cells:
        image[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32] = colour
    return image


def found(detections):
    return sorted(tuple(float(v) for v in np.round(box)) for box in detections.boxes)


def test_people_are_found_where_they_are_in_an_rgb_frame(detector):
    # Red is the class person, blue another one: swapped channels would turn the answer round.
    image = frame([(0, 0), (3, 1)])
    image[96:128, 32:64] = (0, 0, 255)
    [people] = detector.detect([image])
    assert found(people) == [(0, 0, 32, 32), (96, 32, 128, 64)]
    np.testing.assert_allclose(people.scores, 1, atol=1e-3)
    [cat] = detector.detect([frame([(1, 3)], colour=(0, 0, 255))])
    assert len(cat) == 0


def test_boxes_are_in_pixels_of_the_whole_frame(detector):
    # 256 × 128 goes into 128 × 128 at half its size, between two bars of padding.
    image = np.zeros((128, 256, 3), np.uint8)
    image[0:64, 64:128] = (255, 0, 0)
    [people] = detector.detect([image])
    sure = people.boxes[people.scores > 0.9]
    assert found(type(people)(sure, people.scores[people.scores > 0.9])) == [(64, 0, 128, 64)]


def test_weak_detections_are_kept_for_the_tracker_and_the_best_come_first(detector):
    image = frame([(0, 0)], colour=(51, 0, 0)) + frame([(2, 2)], colour=(178, 0, 0))
    image += frame([(3, 0)], colour=(13, 0, 0))  # 0.05: nothing
    [people] = detector.detect([image])
    np.testing.assert_allclose(people.scores, [0.7, 0.2], atol=0.01)
    assert found(people) == [(0, 0, 32, 32), (64, 64, 96, 96)]


def test_a_frame_gives_the_same_alone_and_in_any_company(detector):
    noise = np.random.default_rng(5)
    sizes = [(128, 128), (60, 100), (200, 120), (128, 128), (90, 300), (128, 128), (33, 47)]
    images = [noise.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    together = detector.detect(images)
    assert sum(map(len, together)) > 10
    for image, people in zip(images, together, strict=True):
        [alone] = detector.detect([image])
        np.testing.assert_array_equal(alone.boxes, people.boxes)
        np.testing.assert_array_equal(alone.scores, people.scores)
    assert detector.detect([]) == []


def test_views_and_read_only_frames_are_taken(detector):
    image = frame([(0, 1), (2, 3)])
    mirrored = image[:, ::-1]
    frozen = mirrored.copy()
    frozen.flags.writeable = False
    view, copy = detector.detect([mirrored, frozen])
    assert found(view) == found(copy) == [(32, 96, 64, 128), (96, 32, 128, 64)]


def test_threads_may_share_a_detector(detector):
    images = [frame([(n, n)]) for n in range(4)]
    start = threading.Barrier(3)

    def detect(_):
        start.wait()
        return [found(people) for people in detector.detect(images)]

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(detect, range(3)))
    wanted = [[(32.0 * n, 32.0 * n, 32.0 * n + 32, 32.0 * n + 32)] for n in range(4)]
    assert answers == [wanted] * 3


def test_the_id_is_stem_and_hash(network, detector):
    digest = hashlib.sha256(network.read_bytes()).hexdigest()
    assert detector.id == f"tiny-{digest[:12]}"
    assert detector.batch_size >= 1


def test_the_only_class_is_taken_whatever_its_name(tmp_path):
    detector = YoloDetector(save_detector(tmp_path / "one.onnx", names=["pedestrian"]), "cpu")
    assert found(detector.detect([frame([(2, 1)])])[0]) == [(64, 32, 96, 64)]


def test_a_network_without_names_is_taken_if_it_has_one_class(tmp_path):
    path = save_detector(tmp_path / "bare.onnx", names=["x"], size_px=64, with_metadata=False)
    people = YoloDetector(path, "cpu").detect([frame([(1, 0)], 64, 64)])[0]
    assert found(people) == [(32, 0, 64, 32)]


def test_loading_leaves_torch_its_threads(network):
    import torch

    before = torch.get_num_threads()
    YoloDetector(network, "cpu")
    assert torch.get_num_threads() == before


# What is wrong shows when the file is loaded, in words that name it ------------------------------


def refused(path, device="cpu"):
    with pytest.raises(ModelError) as caught:
        KnownNetworkFiles().detector(path, device)
    assert caught.value.message.endswith(".")
    assert caught.value.remedy.endswith(".")
    return caught.value


def test_a_missing_file(tmp_path):
    error = refused(tmp_path / "nothing.onnx")
    assert "nothing.onnx does not exist" in error.message


def test_another_ending(tmp_path):
    error = refused(tmp_path / "weights.zip")
    assert '".zip"' in error.message
    assert all(ending in error.remedy for ending in WEIGHTS_SUFFIXES["detector"])


@pytest.mark.parametrize("name", ["cut.onnx", "cut.pt"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_cut_file(tmp_path, network, name, share):
    whole = network.read_bytes() if name.endswith("onnx") else saved_checkpoint(tmp_path)
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    assert f"{name} is damaged or cut short" in refused(tmp_path / name).message


def saved_checkpoint(folder):
    import torch

    torch.save({"model": torch.zeros(1000)}, folder / "whole.pt")
    return (folder / "whole.pt").read_bytes()


def test_an_embedder_is_no_detector(tmp_path):
    error = refused(save_embedder(tmp_path / "reid.onnx", size_px=(64, 32)))
    assert "reid.onnx is not a detector: its output has the shape (1, 12)" in error.message
    error = refused(save_embedder(tmp_path / "odd.onnx", size_px=(100, 50)))
    assert "odd.onnx is not a detector: its input has the shape [1, 3, 100, 50]" in error.message


@pytest.mark.parametrize("task", ["segment", "classify"])
def test_a_network_for_another_task(tmp_path, task):
    error = refused(save_detector(tmp_path / "other.onnx", task=task))
    assert f'other.onnx is a model for "{task}"' in error.message


def test_a_detector_that_knows_no_people(tmp_path):
    error = refused(save_detector(tmp_path / "pets.onnx", names=["cat", "dog"]))
    assert 'no class "person"' in error.message
    assert "cat, dog" in error.message


def test_devices_that_are_not_there(network):
    import torch

    assert '"gpu"' in refused(network, "gpu").message
    assert "cuda:99" in refused(network, "cuda:99").message
    if not torch.cuda.is_available():
        assert "no GPU" in refused(network, "cuda").message


class Trap:
    """Unpickling one makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return Path.mkdir, (Path(self.folder),)


def test_a_checkpoint_that_holds_a_program_is_refused_and_not_run(tmp_path):
    import torch

    torch.save({"model": Trap(tmp_path / "sprung")}, tmp_path / "trap.pt")
    error = refused(tmp_path / "trap.pt")
    assert "trap.pt" in error.message
    assert "could run any program" in error.message
    assert not (tmp_path / "sprung").exists()


def test_a_checkpoint_is_loaded(tmp_path):
    import_ultralytics()
    from ultralytics import YOLO

    path = tmp_path / "untrained.pt"
    network = YOLO("yolov8n.yaml")
    network.model.names = dict(enumerate(["person", *map(str, range(79))]))
    network.save(path)
    detector = YoloDetector(path, "cpu", image_size_px=64)
    images = [np.random.default_rng(n).integers(0, 256, (48, 64, 3), np.uint8) for n in (1, 2)]
    assert len(detector.detect(images)) == 2
    error = refused(path.rename(tmp_path / "it's.pt"))  # ultralytics drops the quote
    assert "Rename" in error.remedy


def test_a_checkpoint_for_segmentation_is_refused(tmp_path):
    import_ultralytics()
    from ultralytics import YOLO

    YOLO("yolov8n-seg.yaml").save(tmp_path / "seg.pt")
    assert '"segment"' in refused(tmp_path / "seg.pt").message


def test_an_engine_without_its_runtime_is_refused(tmp_path):
    (tmp_path / "fast.engine").write_bytes(b"engine")
    assert "fast.engine" in refused(tmp_path / "fast.engine").message


# What ultralytics must not do ---------------------------------------------------------------------

WATCHED = """
    import os, sys
    from pathlib import Path
    seen = []
    def watch(event, arguments):
        if event.startswith(("socket.", "urllib", "http.", "ftplib", "smtplib")):
            seen.append((event, str(arguments)))
        elif event in ("subprocess.Popen", "os.system") and "pip" in str(arguments):
            seen.append((event, str(arguments)))
    sys.addaudithook(watch)
    import numpy as np
    from app.vision.yolo_detector import YoloDetector
    from app.vision.byte_tracker import ByteTracker
    from reid_models.cores import usable_cores
    assert "ultralytics" not in sys.modules and "torch" not in sys.modules
    os.environ["YOLO_CONFIG_DIR"] = "settings"
    detector = YoloDetector(Path(sys.argv[1]), "cpu")
    image = np.full((128, 128, 3), (255, 0, 0), np.uint8)
    tracker = ByteTracker(5.0)
    for step, people in enumerate(detector.detect([image] * 3)):
        assert len(people) == 16
        tracker.update(people, step / 5)
    try:
        YoloDetector(Path(sys.argv[2]), "cpu")
        raise SystemExit("a cut file was loaded")
    except Exception as error:
        assert type(error).__name__ == "ModelError", error
    import json
    settings = json.loads(Path("settings/Ultralytics/settings.json").read_text())
    assert settings["sync"] is False
    assert not any(name.startswith("ultralytics_platform") for name in sys.modules)
    assert os.environ["OMP_NUM_THREADS"] == str(usable_cores())
    assert sorted(os.listdir()) == ["settings"], os.listdir()
    assert not seen, seen
"""


def test_loading_and_detecting_uses_no_network_and_prints_nothing(tmp_path, network, home):
    import os

    cut = tmp_path / "cut.pt"
    cut.write_bytes(b"PK")
    (tmp_path / "empty").mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        # The last ones silence onnxruntime's telemetry as well: they must not do our work.
        if not name.startswith(
            ("YOLO_", "ULTRALYTICS_", "OMP_", "ORT_", "CI", "GITHUB_", "TF_BUILD")
        )
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WATCHED), str(network), str(cut)],
        cwd=tmp_path / "empty",
        env={**kept, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == ""
    # Where onnxruntime keeps what it is about to send.
    assert not [path for path in home.rglob("*") if "onnxruntime" in path.name]


# Real networks -----------------------------------------------------------------------------------


def test_yolo_finds_the_people_of_a_real_frame(shared_data):
    import cv2

    detector = YoloDetector(shared_data("weights/yolov8n_int8.onnx"), "cpu")
    picture = shared_data("frames/market1501/camera1/c1s1_002301.jpg")
    image = cv2.cvtColor(cv2.imread(str(picture)), cv2.COLOR_BGR2RGB)
    first, second = detector.detect([image, image])
    sure = first.boxes[first.scores > 0.5]
    # The woman in white stands left of the middle, before the bicycles.
    assert any(840 < box[0] < box[2] < 960 and box[3] - box[1] > 200 for box in sure)
    assert len(sure) >= 4
    np.testing.assert_array_equal(first.boxes, second.boxes)


def test_the_cut_and_the_foreign_weights_are_named(shared_data):
    cut = refused(shared_data("weights/truncated_yolo11n.pt"))
    assert "truncated_yolo11n.pt is damaged or cut short" in cut.message
    osnet = refused(shared_data("weights/osnet_x0_25_msmt17.onnx"))
    assert "osnet_x0_25_msmt17.onnx is not a detector" in osnet.message


def test_frames_are_scaled_to_the_size_that_an_exported_file_notes(tmp_path):
    import onnx

    bundled = RESOURCES / "models" / "detectors" / "person_detector.onnx"
    model = onnx.load(bundled)
    told = {each.key: each.value for each in model.metadata_props}
    assert told["imgsz"] == "[608, 608]"
    scaled = []
    for size_px in (None, 320):
        detector = YoloDetector(bundled, "cpu", image_size_px=size_px)
        batch = detector._predictor.preprocess([np.zeros((720, 1280, 3), np.uint8)])
        scaled.append(batch.shape[-1])
    assert scaled == [608, 320]


def test_large_frames_are_scaled_to_more(detector):
    """People are small in them; a network of fixed size, or a size that is named, stays."""
    bundled = RESOURCES / "models" / "detectors" / "person_detector.onnx"
    seen = []
    for size_px in (None, 320):
        chosen = YoloDetector(bundled, "cpu", image_size_px=size_px)
        session = chosen._predictor.model.backend.session
        ran = session.run

        def run(outputs, inputs, ran=ran):
            seen.append(next(iter(inputs.values())).shape[2:])
            return ran(outputs, inputs)

        session.run = run
        chosen.detect([np.zeros((540, 960, 3), np.uint8)])
        chosen.detect([np.zeros((1080, 1920, 3), np.uint8)])
    assert seen == [(352, 608), (416, 736), (192, 320), (192, 320)]
    assert detector._for_large is detector._predictor

"""The bring-your-own embedder, tried with networks whose vectors are known by hand."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from reid_models.errors import NetworkError
from reid_models.picture_model import PictureCard, PictureModel, read_card
from reid_models.sessions import open_onnxruntime
from tests.tiny_networks import save_detector, save_embedder, save_ir

MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])


def banded(colours, height=64, width=32):
    """A crop of four bands of one colour each, RGB."""
    bands = np.repeat(np.array(colours, np.uint8), height // 4, axis=0)
    return np.ascontiguousarray(np.repeat(bands[:, None], width, axis=1))


COLOURS = [(200, 10, 30), (200, 10, 30), (40, 80, 120), (40, 80, 120)]


def expected(colours, mean=MEAN, std=STD, scale=1 / 255):
    vector = ((np.array(colours) * scale - mean) / std).T.reshape(-1)
    return vector / np.linalg.norm(vector)


def random_crops(count, seed=3):
    noise = np.random.default_rng(seed)
    return [
        noise.integers(0, 256, (*noise.integers(8, 200, 2), 3), dtype=np.uint8)
        for _ in range(count)
    ]


def test_without_a_card_crops_are_rgb_and_normalised_as_imagenet(tmp_path):
    model = PictureModel(save_embedder(tmp_path / "net.onnx"), "cpu")
    vector = model.embed([banded(COLOURS, height=32, width=16)])
    assert vector.shape == (1, 12)
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector[0], expected(COLOURS), atol=1e-5)
    assert model.dimension == 12


def test_the_card_changes_channel_order_and_normalisation(tmp_path):
    path = save_embedder(tmp_path / "net.onnx")
    card = 'channel_order = "BGR"\nscale = 1\nmean = [1, 2.5, 3]\nstd = [1, 2, 4]\n'
    (tmp_path / "net.onnx.toml").write_text(card)
    vector = PictureModel(path, "cpu").embed([banded(COLOURS, height=32, width=16)])
    wanted = expected([c[::-1] for c in COLOURS], np.array([1, 2.5, 3]), np.array([1, 2, 4]), 1.0)
    np.testing.assert_allclose(vector[0], wanted, atol=1e-5)


def test_the_id_is_stem_and_hash(tmp_path):
    path = save_embedder(tmp_path / "net.v2.onnx")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert PictureModel(path, "cpu").id == f"net.v2-{digest[:12]}"


@pytest.mark.parametrize("batch", [1, 3, "batch"])
def test_a_vector_does_not_depend_on_the_other_crops(tmp_path, batch):
    model = PictureModel(save_embedder(tmp_path / "net.onnx", batch=batch), "cpu")
    crops = random_crops(7)
    together = model.embed(crops)
    assert together.shape == (7, 12)
    for row, crop in enumerate(crops):
        np.testing.assert_array_equal(model.embed([crop])[0], together[row])
    np.testing.assert_array_equal(model.embed(crops[::-1])[::-1], together)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


def test_no_crops_give_no_vectors(tmp_path):
    assert PictureModel(save_embedder(tmp_path / "net.onnx"), "cpu").embed([]).shape == (0, 12)


def test_crops_that_are_views_or_read_only_are_taken_unchanged(tmp_path):
    model = PictureModel(save_embedder(tmp_path / "net.onnx"), "cpu")
    frame = random_crops(1)[0]
    view = frame[2:, ::-1]
    frozen = view.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(model.embed([view]), model.embed([frozen]))


def test_large_crops_are_scaled_as_pillow_does(tmp_path):
    from PIL import Image

    model = PictureModel(save_embedder(tmp_path / "net.onnx"), "cpu")
    noise = np.random.default_rng(0).integers(0, 256, (40, 20, 3), dtype=np.uint8)
    crop = np.asarray(Image.fromarray(noise).resize((120, 300), Image.Resampling.BICUBIC))
    small = np.asarray(Image.fromarray(crop).resize((16, 32), Image.Resampling.BILINEAR))
    # Pillow rounds after each direction: at most one grey level apart.
    np.testing.assert_allclose(model.embed([crop]), model.embed([small]), atol=2e-3)


def test_a_size_left_open_is_the_cards_else_256_by_128(tmp_path):
    path = save_embedder(tmp_path / "net.onnx", size_px=("height", "width"), batch="batch")
    # The pooling of 8 × 16 pixels leaves 4 bands only of a 32 × 16 picture.
    with pytest.raises(NetworkError, match=r"output has the shape"):
        PictureModel(path, "cpu")
    (tmp_path / "net.onnx.toml").write_text("input_size_px = [32, 16]")
    assert PictureModel(path, "cpu").dimension == 12
    path = save_embedder(tmp_path / "fixed.onnx", size_px=(256, 128))
    (tmp_path / "fixed.onnx.toml").write_text("input_size_px = [128, 64]")
    with pytest.raises(NetworkError, match=r"\[128, 64\].*\[256, 128\] only") as caught:
        PictureModel(path, "cpu")
    assert "fixed.onnx.toml" in caught.value.remedy


def test_a_vector_that_keeps_its_spatial_axes_is_flattened(tmp_path):
    path = save_embedder(tmp_path / "net.onnx", keep_axes=True, batch="n")
    assert PictureModel(path, "cpu").embed(random_crops(2)).shape == (2, 12)


def test_of_several_outputs_the_card_names_one(tmp_path):
    path = save_embedder(tmp_path / "net.onnx", outputs=2)
    with pytest.raises(NetworkError, match="several outputs: vector, bands") as caught:
        PictureModel(path, "cpu")
    assert 'output = "vector"' in caught.value.remedy
    (tmp_path / "net.onnx.toml").write_text('output = "vector"')
    assert PictureModel(path, "cpu").dimension == 12
    (tmp_path / "net.onnx.toml").write_text('output = "nothing"')
    with pytest.raises(NetworkError, match='no output "nothing"'):
        PictureModel(path, "cpu")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"poison": float("nan")}, "NaN"),
        ({"poison": float("inf")}, "NaN or infinite"),
        ({"scale": 0.0}, "no direction"),
        ({"scale": 0.0, "shift": 1.0}, "same vector for every picture"),
        ({"inputs": 2}, "2 inputs"),
    ],
)
def test_a_network_without_usable_vectors_is_refused_when_loaded(tmp_path, changes, reason):
    with pytest.raises(NetworkError, match=reason) as caught:
        PictureModel(save_embedder(tmp_path / "net.onnx", **changes), "cpu")
    assert "net.onnx" in caught.value.message
    assert caught.value.remedy.endswith(".")


def test_a_detector_is_no_embedder(tmp_path):
    with pytest.raises(NetworkError, match=r"shape \(1, 6, 16\), not \(B, D\)"):
        PictureModel(save_detector(tmp_path / "yolo.onnx"), "cpu")


def test_missing_cut_or_foreign_files_are_named(tmp_path):
    with pytest.raises(NetworkError, match="does not exist"):
        PictureModel(tmp_path / "nothing.onnx")
    whole = save_embedder(tmp_path / "net.onnx").read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no network at all"):
        (tmp_path / "cut.onnx").write_bytes(content)
        with pytest.raises(NetworkError, match=r"cut\.onnx"):
            PictureModel(tmp_path / "cut.onnx", "cpu")


def test_a_device_that_is_not_there_is_named(tmp_path):
    import onnxruntime

    path = save_embedder(tmp_path / "net.onnx")
    for device in ("gpu", "cuda:x", "cpu0"):
        with pytest.raises(NetworkError, match=device):
            PictureModel(path, device)
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(NetworkError, match="cannot use a GPU"):
            PictureModel(path, "cuda:0")


def test_threads_may_share_a_model(tmp_path):
    model = PictureModel(save_embedder(tmp_path / "net.onnx", batch=2), "cpu")
    crops = random_crops(6)
    alone = model.embed(crops)
    start = threading.Barrier(4)

    def embed(_):
        start.wait()
        return model.embed(crops)

    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(embed, range(4)):
            np.testing.assert_array_equal(found, alone)


# Cards -------------------------------------------------------------------------------------------


def test_no_card_means_the_defaults(tmp_path):
    assert read_card(tmp_path / "net.onnx") == PictureCard()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("means = [1, 2, 3]", "means"),
        ('channel_order = "GRB"', "channel_order"),
        ('scale = "big"', "scale"),
        ("mean = [0.5, 0.5]", "mean"),
        ("input_size_px = [256.5, 128]", "input_size_px"),
        ("input_size_px = 256", "input_size_px"),
        ("std = [0, 1, 1]", "std"),
        ("input_size_px = [0, 128]", "input_size_px"),
        ("scale =", "cannot be read"),
    ],
)
def test_a_wrong_card_is_refused_with_the_key(tmp_path, text, named):
    (tmp_path / "net.onnx.toml").write_text(text)
    with pytest.raises(NetworkError, match=named) as caught:
        read_card(tmp_path / "net.onnx")
    assert "net.onnx.toml" in caught.value.message


def test_an_unknown_key_is_answered_with_the_known_ones(tmp_path):
    (tmp_path / "net.onnx.toml").write_text("size = [256, 128]")
    with pytest.raises(NetworkError) as caught:
        read_card(tmp_path / "net.onnx")
    for key in ("input_size_px", "channel_order", "scale", "mean", "std"):
        assert key in caught.value.remedy


# OpenVINO's own format ---------------------------------------------------------------------------

RAW = {"mean": (0.0,) * 3, "std": (1.0,) * 3, "scale": 1.0}
NOTED = {"mean_values": "data[123.675,116.28,103.53]", "reverse_input_channels": "True"}


def test_an_ir_embeds_like_the_onnx_file_it_was_made_from(tmp_path):
    crops = random_crops(5)
    theirs = PictureModel(save_embedder(tmp_path / "net.onnx", batch=2), "cpu", "float32")
    ours = PictureModel(save_ir(tmp_path / "net.xml", batch=2), "cpu", "float32")
    np.testing.assert_allclose(ours.embed(crops), theirs.embed(crops), atol=1e-6)
    assert ours.dimension == theirs.dimension == 12
    assert ours.precision == "float32"


def test_an_ir_that_normalises_by_itself_gets_raw_values_in_its_order(tmp_path):
    path = save_ir(tmp_path / "net.xml", NOTED)
    vector = PictureModel(path, "cpu", "float32").embed([banded(COLOURS, 32, 16)])[0]
    swapped = [colour[::-1] for colour in COLOURS]
    np.testing.assert_allclose(vector, expected(swapped, **RAW), atol=1e-6)
    path = save_ir(tmp_path / "rgb.xml", {"scale_values": "255"})
    vector = PictureModel(path, "cpu", "float32").embed([banded(COLOURS, 32, 16)])[0]
    np.testing.assert_allclose(vector, expected(COLOURS, **RAW), atol=1e-6)


def test_a_card_comes_before_what_an_ir_notes(tmp_path):
    path = save_ir(tmp_path / "net.xml", NOTED)
    (tmp_path / "net.xml.toml").write_text("")
    vector = PictureModel(path, "cpu", "float32").embed([banded(COLOURS, 32, 16)])[0]
    np.testing.assert_allclose(vector, expected(COLOURS), atol=1e-5)


def test_the_id_of_an_ir_changes_with_either_file(tmp_path):
    path = save_ir(tmp_path / "net.xml")
    weights = path.with_suffix(".bin")
    ids = {PictureModel(path, "cpu").id}
    digest = hashlib.sha256(path.read_bytes() + weights.read_bytes()).hexdigest()
    assert ids == {f"net-{digest[:12]}"}
    weights.write_bytes(weights.read_bytes() + b" ")
    ids.add(PictureModel(path, "cpu").id)
    path.write_text(path.read_text() + " ")
    ids.add(PictureModel(path, "cpu").id)
    assert len(ids) == 3


# Real networks -----------------------------------------------------------------------------------


def test_osnet_tells_people_apart_across_cameras(shared_data):
    import re

    import cv2

    model = PictureModel(shared_data("weights/osnet_x0_25_msmt17.onnx"), "cpu")
    folder = shared_data("reid/con-reid/query")
    paths = sorted(folder.glob("*.jpg"))[:120]
    labels = np.array([re.match(r"(\d+)_c(\d)", path.name).groups() for path in paths], int)
    vectors = model.embed([cv2.imread(str(path))[..., ::-1] for path in paths])
    cosines = vectors @ vectors.T
    person, camera = labels.T
    cosines[camera[:, None] == camera[None, :]] = -2
    known = ((person[:, None] == person[None, :]) & (camera[:, None] != camera[None, :])).any(
        axis=1
    )
    right = person[cosines.argmax(axis=1)] == person
    assert known.sum() > 50
    assert right[known].mean() > 0.85


def test_intels_networks_take_bgr_without_a_card(shared_data):
    name = "person-reidentification-retail-0277"
    path = shared_data(f"weights/openvino/{name}/FP16/{name}.xml")
    model = PictureModel(path, "cpu")
    assert (model.card.channel_order, model.card.scale, model.dimension) == ("BGR", 1.0, 256)


def test_a_network_of_which_onnxruntime_makes_nan_is_run_by_openvino(shared_data):
    """It normalises equal values, of which rounding makes a variance below 0 here and there."""
    path = shared_data("weights/reid_outputs_nan_retail-0267.onnx")
    crop = np.random.default_rng(0).integers(0, 256, (256, 128, 3), dtype=np.uint8)
    assert np.isfinite(PictureModel(path, "cpu").embed([crop])).all()
    session = open_onnxruntime(path)
    feed = {"data": np.zeros((1, 3, 256, 128), np.float32)}
    assert np.isnan(session.run([session.get_outputs()[0].name], feed)[0]).all()

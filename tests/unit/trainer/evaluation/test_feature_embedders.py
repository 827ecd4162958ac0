"""Images → vectors: networks at hand, model files, ONNX; cameras, views, mirror images."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from reid_models.errors import NetworkError
from reid_models.model_file import load_model
from reid_models.preprocessing import batch_of, normalised
from reid_models.registry import create_model
from tests.onnx_files import truncate, write_embedder
from tests.tiny_model_files import CAMERAS, save_resnet_cacenet, save_token_cacenet, save_transreid
from trainer.data.samples import DataSet, Sample, Trial
from trainer.errors import TrainerError
from trainer.evaluation.embedders import NetworkEmbedder, load_embedder
from trainer.evaluation.extraction import extract, extract_trials, told_cameras

SIZE = (64, 32)


@pytest.fixture
def images():
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (40 + 7 * n, 20, 3), dtype=np.uint8) for n in range(5)]


def crops_of(network, images):
    pixels = torch.from_numpy(batch_of(images, network.input_size_px, len(images)))
    return normalised(pixels, network.mean, network.std)


def embedded(embedder, images, cameras=("",) * 5, views=(0,) * 5):
    return torch.from_numpy(embedder.embed(images, cameras, views))


def tiny_transreid(**config):
    sizes = {"width": 32, "depth": 2, "heads": 2, "image_size": SIZE, "jpm": False}
    torch.manual_seed(0)
    network = create_model("transreid", variant="deit_tiny", **sizes, **config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.2)
    return network


def test_vectors_are_those_of_the_network(tmp_path, images):
    card = save_transreid(tmp_path / "net.safetensors", cameras=False)
    embedder = load_embedder(tmp_path / "net.safetensors", "cpu", "float32", batch=2)
    assert (embedder.id, embedder.dimension) == (card.id, 32)
    network = load_model(tmp_path / "net.safetensors")[0]
    with torch.inference_mode():
        wanted = network.embed(crops_of(network, images))
    torch.testing.assert_close(embedded(embedder, images), wanted, rtol=0, atol=1e-5)
    assert embedder.embed([], [], []).shape == (0, 32)


def test_what_is_told_of_cameras(tmp_path, images):
    save_transreid(tmp_path / "net.safetensors", cameras=True)
    told = {
        name: embedded(
            load_embedder(tmp_path / "net.safetensors", "cpu", "float32", cameras=name),
            images,
            ("cam1",) * 5,
        )
        for name in ("known", "mean", "none")
    }
    network = load_model(tmp_path / "net.safetensors")[0]
    crops, strangers = crops_of(network, images), torch.full((5,), -1)
    side = network.backbone.side_information
    for name in ("mean", "none"):
        side.unknown_camera = name
        with torch.inference_mode():
            wanted = network.embed(crops, strangers)
        torch.testing.assert_close(told[name], wanted, rtol=0, atol=1e-5)
    assert not torch.allclose(told["known"], told["mean"], atol=1e-4)
    assert not torch.allclose(told["none"], told["mean"], atol=1e-4)


def test_cameras_by_name_and_views_by_number(images):
    network = tiny_transreid(cameras=2, views=3)
    embedder = NetworkEmbedder(network, CAMERAS, device="cpu", precision="float32", batch=2)
    names = ["cam2", "cam1", "elsewhere", "cam2", "cam1"]
    views = [2, 0, 1, 1, 2]
    with torch.inference_mode():
        wanted = network.embed(
            crops_of(network, images), torch.tensor([1, 0, -1, 1, 0]), torch.tensor(views)
        )
    found = embedded(embedder, images, names, views)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    others = embedded(embedder, images, names[::-1], views)
    assert (others[0] - found[0]).abs().max() > 1e-3


def test_the_mirror_image_is_averaged_before_l2(images):
    """RRID's way: un-normalised vectors; not the mean of those of length 1."""
    network = tiny_transreid()
    embedder = NetworkEmbedder(network, device="cpu", precision="float32", flip=True)
    with torch.inference_mode():
        crops = crops_of(network, images)
        raw = [network.vector(network(each)) for each in (crops, crops.flip(3))]
    wanted = normalize(raw[0] + raw[1], dim=1)
    torch.testing.assert_close(embedded(embedder, images), wanted, rtol=0, atol=1e-5)


def test_a_reranker_with_a_backbone_embeds_single_images(tmp_path, images):
    """CACE-Net's way of averaging: vectors of length 1."""
    path = tmp_path / "net.safetensors"
    save_resnet_cacenet(path)
    network = load_model(path)[0]
    with torch.inference_mode():
        crops = crops_of(network, images)
        one, other = network.embed(crops), network.embed(crops.flip(3))
    found = embedded(load_embedder(path, "cpu", "float32"), images)
    torch.testing.assert_close(found, one, rtol=0, atol=1e-5)
    found = embedded(load_embedder(path, "cpu", "float32", flip=True), images)
    torch.testing.assert_close(found, normalize(one + other, dim=1), rtol=0, atol=1e-5)


def test_networks_without_vectors_of_images(tmp_path):
    save_token_cacenet(tmp_path / "net.safetensors")
    with pytest.raises(NetworkError, match="makes no vectors of images"):
        load_embedder(tmp_path / "net.safetensors")
    with pytest.raises(NetworkError, match="makes no vectors of images"):
        NetworkEmbedder(create_model("nformer", embedding_dim=8, layers=1))


def test_an_onnx_file(tmp_path, images):
    path = write_embedder(tmp_path / "net.onnx")
    embedder = load_embedder(path)
    found = embedded(embedder, images)
    assert (embedder.dimension, embedder.known_cameras) == (24, frozenset())
    torch.testing.assert_close(found.norm(dim=1), torch.ones(5))
    mirrored = embedded(embedder, [image[:, ::-1] for image in images])
    both = embedded(load_embedder(path, flip=True), images)
    torch.testing.assert_close(both, normalize(found + mirrored, dim=1))
    truncate(path)
    with pytest.raises(NetworkError, match="cannot be loaded"):
        load_embedder(path)


class Counting:
    """Mean colours as vectors; notes what it is given."""

    id, dimension, known_cameras = "counting", 3, frozenset({"c2", "set/c1"})

    def __init__(self):
        self.cameras = []

    def embed(self, images, cameras, views):
        self.cameras += cameras
        return np.array([image.mean(axis=(0, 1)) for image in images], np.float32)


def data_set(root, trials):
    files = {path.name: path for path in root.rglob("*.jpg")}

    def samples(names):
        return tuple(Sample(files[name], int(name[:4]), int(name[6]) - 1) for name in names)

    found = tuple(Trial(samples(query), samples(gallery)) for query, gallery in trials)
    return DataSet("set", (), found, 3, 1, ("c1", "c2", "c3"), "")


def test_an_image_of_several_trials_is_embedded_once(people, monkeypatch):
    monkeypatch.setattr("trainer.evaluation.extraction._IMAGES_AT_ONCE", 2)
    names = ["0001_c1s1_02.jpg", "0001_c2s1_02.jpg", "0002_c1s1_02.jpg", "0002_c3s1_02.jpg"]
    trials = [(names[:1], names[1:]), (names[2:], names[:2])]
    embedder, done = Counting(), []
    one, two = extract_trials(embedder, data_set(people, trials), done.append)
    assert (len(embedder.cameras), done) == (4, [2, 2])
    np.testing.assert_array_equal(one.query.vectors, two.gallery.vectors[:1])
    np.testing.assert_array_equal(one.gallery.vectors[1:], two.query.vectors)
    assert one.gallery.labels.identities.tolist() == [1, 2, 2]
    assert one.gallery.labels.cameras.tolist() == [1, 0, 2]


def test_an_embedder_is_told_the_names_that_it_knows(people):
    found = told_cameras(Counting(), data_set(people, []))
    assert found == ("set/c1", "c2", "set/c3")


def test_a_data_set_without_queries(people):
    with pytest.raises(TrainerError, match="has no queries"):
        next(extract_trials(Counting(), data_set(people, [])))


def test_an_image_without_usable_vector_is_named(people):
    class Broken(Counting):
        def embed(self, images, cameras, views):
            found = super().embed(images, cameras, views)
            found[2, 1] = np.nan
            return found

    samples = data_set(people, [([], ["0001_c1s1_02.jpg", "0001_c2s1_02.jpg", "0002_c1s1_02.jpg"])])
    with pytest.raises(TrainerError, match="0002_c1s1_02.jpg"):
        extract(Broken(), samples.trials[0].gallery, ("a", "b", "c"))


def test_an_image_that_cannot_be_read(people):
    path = people / "query" / "0001_c1s1_01.jpg"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(TrainerError, match="0001_c1s1_01.jpg cannot be read"):
        extract(Counting(), [Sample(path, 1, 0)], ("c1",))

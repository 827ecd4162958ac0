"""The commands about one network, from arguments to files."""

import json

import pytest
import torch
from typer.testing import CliRunner

from reid_models.convert.nformer import official_key as nformer_key
from reid_models.convert.transreid import official_key as transreid_key
from reid_models.model_card import ModelCard, read_card
from reid_models.model_file import load_model, save_model
from reid_models.registry import create_model
from trainer.__main__ import app

VIT = {"variant": "deit_tiny", "width": 64, "depth": 2, "heads": 1, "image_size": (64, 32)}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def published_transreid(path):
    """A small TransReID for vehicles, 2 cameras × 3 views, under its published keys."""
    network = create_model("transreid", **VIT, cameras=2, views=3, jpm=False, identities=4)
    depth = network.config.size.depth
    state = {
        transreid_key(name, depth, jpm=False): tensor
        for name, tensor in network.state_dict().items()
    }
    torch.save({f"module.{key}": tensor for key, tensor in state.items()}, path)
    return network.eval()


def published_nformer(path):
    network = create_model("nformer", layers=1, embedding_dim=16, encoder="resnet10t")
    state = {}
    for name, tensor in network.state_dict().items():
        key = nformer_key(name)
        state[key] = tensor.T.contiguous() if key.endswith(".w") else tensor
    torch.save({"state_dict": state}, path)
    return network.eval()


def test_a_published_checkpoint_becomes_a_model_file(tmp_path):
    network = published_transreid(tmp_path / "published.pth")
    out = tmp_path / "transreid.safetensors"
    arguments = ["--image-size", "64,32", "--views", "3", "--set", "neck_feature=after"]
    facts = ["--camera-names", "gate, hall", "--trained-on", "veri", "--terms", "research only"]
    result = run(
        "convert", "transreid", tmp_path / "published.pth", "--out", out, *arguments, *facts
    )
    assert result.exit_code == 0, result.output
    assert "weights taken" in result.output
    loaded, card = load_model(out, role="embedder")
    assert card.id in result.output
    assert (card.config["cameras"], card.config["views"]) == (2, 3)
    assert card.config["neck_feature"] == "after"
    assert card.camera_table == {"gate": 0, "hall": 1}
    names = ["--camera-names", "gate,hall,roof"]
    result = run(
        "convert", "transreid", tmp_path / "published.pth", "--out", out, *arguments, *names
    )
    assert (result.exit_code, "names 3 cameras" in result.stderr) == (1, True)
    assert (card.trained_on, card.terms) == (("veri",), "research only")
    images = torch.randn(2, 3, 64, 32)
    ids = torch.tensor([0, 1]), torch.tensor([2, 0])
    with torch.inference_mode():
        before = network(images, *ids).features[0]
        wanted = torch.nn.functional.normalize(network.necks[0](before), dim=1)
        torch.testing.assert_close(loaded.embed(images, *ids), wanted)


def test_an_nformer_becomes_two_files_that_belong_together(tmp_path):
    network = published_nformer(tmp_path / "published.pth")
    out = tmp_path / "nformer.safetensors"
    result = run("convert", "nformer", tmp_path / "published.pth", "--out", out)
    assert result.exit_code == 0, result.output
    encoder, of_encoder = load_model(tmp_path / "nformer-encoder.safetensors", role="embedder")
    aggregator, card = load_model(out, role="aggregator")
    assert card.requires_embedder == of_encoder.id
    assert aggregator.encoder is None
    images = torch.randn(2, 3, 256, 128)
    vectors = torch.nn.functional.normalize(torch.randn(30, 16), dim=1)
    with torch.inference_mode():
        assert torch.equal(encoder.embed(images), network.encoder.embed(images))
        assert torch.equal(aggregator.refine(vectors), network.refine(vectors))


def test_what_cannot_be_used_ends_in_two_sentences_and_status_1(tmp_path):
    path = tmp_path / "rrid.pth"
    torch.save(torch.nn.Linear(2, 2), path)
    result = run("convert", "rrid", path, "--out", tmp_path / "rrid.safetensors")
    assert result.exit_code == 1
    assert "pickled program object" in result.stderr
    assert "Traceback" not in result.output
    assert sorted(file.name for file in tmp_path.iterdir()) == ["rrid.pth"]
    assert run("summary", tmp_path / "nothing.safetensors").exit_code == 1
    result = run("convert", "osnet", path, "--out", tmp_path / "x.safetensors")
    assert (result.exit_code, "transreid" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--image-size", "256"],
        ["--image-size", "a,b"],
        ["--image-size", "0,128"],
        ["--set", "views"],
        ["--camera-names", "c1,c1"],
        ["--colour", "red"],
    ],
)
def test_wrong_usage_is_status_2(tmp_path, arguments):
    result = run("convert", "transreid", "x.pth", "--out", tmp_path / "x", *arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.stderr


def test_a_summary_of_a_name_or_a_file(tmp_path):
    settings = ["--set", "embedding_dim=16", "--set", "layers=1"]
    result = run("summary", "nformer", *settings, "--runs", 0, "--json", "--device", "cpu")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert (found["role"], found["vector_size"], found["ms"]) == ("aggregator", 16, None)
    network = create_model("nformer", embedding_dim=16, layers=1)
    path = tmp_path / "net.safetensors"
    save_model(path, network, ModelCard.of(network))
    result = run("summary", path, "--runs", 1, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "nformer (aggregator)" in result.output
    assert "ms a vector (cpu, float32" in result.output
    result = run("summary", path, *settings)
    assert result.exit_code == 2
    assert "card" in result.stderr


def test_an_onnx_file_is_proved(tmp_path):
    network = create_model(
        "nformer_encoder", encoder="resnet10t", embedding_dim=16, image_size=[64, 32]
    )
    path = tmp_path / "net.safetensors"
    save_model(path, network, ModelCard.of(network))
    result = run("onnx", path, "--out", tmp_path / "net.onnx", "--crops", 3)
    assert result.exit_code == 0, result.output
    assert "on 3 random crops" in result.output
    assert (tmp_path / "net.onnx.toml").is_file()
    aggregator = create_model("nformer", embedding_dim=16, layers=1)
    save_model(path, aggregator, ModelCard.of(aggregator))
    assert read_card(path).role == "aggregator"
    result = run("onnx", path, "--out", tmp_path / "net.onnx")
    assert result.exit_code == 1
    assert "not embedder" in result.stderr


def test_help_teaches():
    for command, words in (
        ("convert", ("NFormer", "--image-size", "--camera-names", "Example")),
        ("summary", ("GFLOPs", "--precision")),
        ("onnx", ("proves",)),
    ):
        result = run(command, "--help")
        assert result.exit_code == 0
        assert all(word in result.output for word in words)

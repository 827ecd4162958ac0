"""extract, rank and evaluate, from arguments to files and figures."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.benchmarks.bench_evaluation import plain_rank
from tests.onnx_files import write_embedder
from tests.tiny_model_files import save_nformer, save_resnet_cacenet, save_transreid
from trainer.__main__ import app
from trainer.evaluation.features import KEYS, read_features

FIGURES = ["mAP", "rank1", "rank5", "rank10", "queries", "seconds"]


def run(*arguments, status=0):
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == status, result.output
    return result


@pytest.fixture
def onnx(tmp_path):
    return write_embedder(tmp_path / "colours.onnx")


@pytest.fixture
def features(people, onnx, tmp_path):
    """A features file of the people."""
    path = tmp_path / "features.npz"
    sides = ["--query", people / "query", "--gallery", people / "bounding_box_test"]
    run("extract", *sides, "--model", onnx, "--out", path)
    return path


def test_features_of_queries_and_gallery(features):
    with np.load(features) as file:
        assert sorted(file.files) == sorted(KEYS)
        assert file["query_ids"].tolist() == [1, 2, 3, 4]
        assert file["query_cameras"].tolist() == [1, 2, 1, 1]
        # Sorted by name: distractor first, junk left out.
        assert file["gallery_ids"].tolist() == [0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
        assert file["gallery_cameras"].tolist() == [3, 1, 2, 3, 1, 2, 3, 1, 2, 3]
        assert file["gallery_features"].shape == (10, 24)


def test_features_of_a_folder_or_a_list(people, onnx, tmp_path):
    out = tmp_path / "images.npz"
    told = run("extract", people / "bounding_box_test", "--model", onnx, "--out", out).output
    assert "11 images, vectors of length 24" in told
    with np.load(out) as file:
        whole = dict(file)
    assert sorted(whole) == ["cameras", "features", "ids", "paths"]
    assert whole["ids"].tolist()[:2] == [-1, 0]
    assert str(whole["paths"][1]).endswith("0000_c3s1_02.jpg")
    Image.new("RGB", (16, 32)).save(people / "some body.png")
    lines = ["query/0002_c2s1_01.jpg", "", "some body.png", "bounding_box_test/0000_c3s1_02.jpg"]
    (people / "list.txt").write_text("\n".join(lines))
    told = run("extract", people / "list.txt", "--model", onnx, "--out", out).output
    assert "3 images, 1 of them without identity and camera in their names" in told
    with np.load(out) as file:
        assert (file["ids"].tolist(), file["cameras"].tolist()) == ([2, -1, 0], [2, -1, 3])
        np.testing.assert_allclose(file["features"][2], whole["features"][1], atol=1e-6)


def test_cameras_of_a_network_that_knows_them(people, tmp_path):
    model, out = tmp_path / "net.safetensors", tmp_path / "images.npz"
    save_transreid(model)  # knows cam1 and cam2
    result = run("extract", people / "query", "--model", model, "--out", out, "--device", "cpu")
    assert "knows the cameras cam1, cam2; those of these images are taken for" in result.stderr


def test_ranking_prints_exactly_these_figures(features):
    found = json.loads(run("rank", features, "--json").output)
    assert [*found] == FIGURES
    wanted = plain_rank(read_features(features))
    assert (found["mAP"], found["rank1"]) == pytest.approx((wanted["mAP"], wanted["rank1"]))
    assert found["queries"] == 3
    assert 0 < found["seconds"] < 60


def test_ranking_tells_more_when_asked(features):
    found = json.loads(run("rank", features, "--json", "--all", "--rerank", "4,2,0.3").output)
    assert found["method"] == "embedder + k-reciprocal 4,2,0.3"
    assert len(found["cmc"]) == 50
    assert {"mINP", "intervals", "compactness", "calinski_harabasz", *FIGURES} <= {*found}
    text = run("rank", features, "--metric", "cosine").output
    assert "mINP" in text
    assert "compactness" in text


@pytest.mark.parametrize("mode", ["joint", "per_query", "top200"])
def test_ranking_with_an_aggregator(features, tmp_path, mode):
    path = tmp_path / "nformer.safetensors"
    save_nformer(path, width=24)
    arguments = ["--aggregator", path, "--mode", mode, "--device", "cpu"]
    found = json.loads(run("rank", features, "--json", "--all", *arguments).output)
    assert found["method"] == f"embedder + aggregator {mode}"
    assert 0 < found["mAP"] <= 1


def test_an_evaluation_of_two_models_on_two_data_sets(people, onnx, tmp_path):
    other = tmp_path / "net.safetensors"
    save_transreid(other, cameras=False)
    people.rename(tmp_path / "second")
    data = ["--data", tmp_path, "--on", "folder:second", "--on", "folder:first"]
    (tmp_path / "first").mkdir()
    for name in ("query", "bounding_box_test"):
        (tmp_path / "first" / name).symlink_to(tmp_path / "second" / name)
    arguments = ["--model", onnx, "--model", other, *data, "--device", "cpu", "--draws", 20]
    found = json.loads(run("evaluate", *arguments, "--rerank", "4,2,0.3", "--json").stdout)
    assert [(row["model"], row["data_set"]) for row in found[::2]] == [
        ("colours", "second"),
        ("colours", "first"),
        ("net", "second"),
        ("net", "first"),
    ]
    assert found[0]["mAP"] == found[2]["mAP"] == 1
    assert {"intervals", "mINP", "compactness", *FIGURES} <= {*found[0]}
    text = run("evaluate", *arguments, "--picture", tmp_path / "hits.png").output
    assert "colours on second" in text
    assert "100.00  [100.0, 100.0]" in text
    assert (tmp_path / "hits.png").stat().st_size > 1000


def test_an_evaluation_with_everything_on_top(people, tmp_path):
    """CACE-Net alone: its vectors of single images, NFormer on them, then its own pairs."""
    model, aggregator = tmp_path / "cace.safetensors", tmp_path / "nformer.safetensors"
    card = save_resnet_cacenet(model)
    save_nformer(aggregator, requires=card.id, width=16)
    networks = ["--model", model, "--aggregator", aggregator, "--reranker", model]
    place = ["--data", people.parent, "--on", "folder:people", "--device", "cpu"]
    options = ["--mode", "top200", "--pairs", 3, "--pair-weight", 0.5, "--flip", "--json"]
    found = json.loads(run("evaluate", *networks, *place, *options).stdout)
    assert [row["method"] for row in found] == [
        "embedder",
        "embedder + aggregator top200",
        "embedder + aggregator top200 + pairs of the best 3",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rank", "{features}", "--rerank", "20,6"], "K1,K2,LAMBDA"),
        (["rank", "{features}", "--rerank", "a,6,0.3"], "K1,K2,LAMBDA"),
        (["rank", "{features}", "--metric", "angle"], "euclidean"),
        (["rank", "{features}", "--mode", "all"], "per_query"),
        (["extract", "--model", "{onnx}", "--out", "x.npz"], "either IMAGES"),
        (["extract", "--query", "q", "--model", "{onnx}", "--out", "x.npz"], "either IMAGES"),
        (
            ["extract", "i", "--query", "q", "--gallery", "g", "--model", "m", "--out", "x.npz"],
            "either IMAGES",
        ),
        (["evaluate", "--model", "{onnx}"], "--on"),
        (["evaluate", "--model", "{onnx}", "--on", "x", "--picture", "hits.txt"], "hits.txt is no"),
    ],
)
def test_wrong_usage_is_status_2(features, onnx, arguments, words):
    filled = [each.format(features=features, onnx=onnx) for each in arguments]
    assert words in run(*filled, status=2).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rank", "nothing.npz"], "nothing.npz cannot be read"),
        (["rank", "{features}", "--rerank", "0,6,0.3"], "is not possible"),
        (["rank", "{features}", "--device", "cuda:99"], 'no device "cuda:99"'),
        (["rank", "{features}", "--aggregator", "{onnx}"], "no safetensors file"),
        (["extract", "{people}", "--model", "{onnx}", "--out", "x.npz"], "There is no image"),
        (["extract", "{people}", "--model", "{onnx}", "--out", "none/x.npz"], "no folder none"),
        (["extract", "{people}", "--model", "{onnx}", "--out", "x.pt"], "does not end in .npz"),
        (["extract", "{people}/list", "--model", "{onnx}", "--out", "x.npz"], "neither a folder"),
        (["evaluate", "--model", "{onnx}", "--on", "marked1501"], "marked1501"),
        (["evaluate", "--model", "{onnx}", "--on", "x", "--picture", "none/x.png"], "no folder"),
        (["evaluate", "--model", "{people}", "--on", "folder:{people}"], "cannot be read"),
    ],
)
def test_what_cannot_be_used_ends_in_two_sentences_and_status_1(
    features, onnx, people, arguments, words
):
    filled = [each.format(features=features, onnx=onnx, people=people) for each in arguments]
    told = run(*filled, status=1).stderr
    assert words in told
    assert len(told.strip().splitlines()) == 2


def test_a_name_without_identity_is_named(people, onnx, tmp_path):
    (people / "query" / "0001_c1s1_01.jpg").rename(people / "query" / "somebody.jpg")
    sides = ["--query", people / "query", "--gallery", people / "bounding_box_test"]
    out = tmp_path / "features.npz"
    assert "somebody.jpg" in run("extract", *sides, "--model", onnx, "--out", out, status=1).stderr
    assert not out.exists()


def test_help_teaches():
    for command, words in (
        ("extract", ("Market-1501", "--cameras-of", "Example")),
        ("rank", ("--rerank", "20,6,0.3", "Example")),
        ("evaluate", ("--pair-weight", "intervals", "Example")),
    ):
        told = run(command, "--help").output
        assert all(word in told for word in words)

"""Camera means and transit times in an evaluation: rows, gains, and what is refused."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.onnx_files import write_embedder
from tests.tiny_model_files import save_nformer
from trainer.__main__ import app
from trainer.data.samples import Sample, Trial
from trainer.errors import TrainerError
from trainer.evaluation.aggregation import Aggregator
from trainer.evaluation.corrections import TransitDistances, camera_corrected, seen_s
from trainer.evaluation.distances import FeatureDistances, prepared
from trainer.evaluation.evaluator import Images, Methods, rankings
from trainer.evaluation.features import LabelledFeatures, TrialFeatures
from trainer.evaluation.ranking import Labels, rank_queries
from trainer.reranking import RerankSettings

PEOPLE, CAMERAS, WIDTH = 60, 3, 24
# From camera 1 to 2 and 3.
WAY_S = np.array([0.0, 40.0, 100.0])


def unit(vectors):
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def a_walk(colour_cast=0.0, noise=0.1):
    """Everybody passes three cameras once: features and trial, the first camera's as queries."""
    random = np.random.default_rng(0)
    people = random.standard_normal((PEOPLE, WIDTH))
    casts = colour_cast * random.standard_normal((CAMERAS, WIDTH))
    begins = random.uniform(0, 7000, PEOPLE)
    sides = {"query": ([], [], []), "gallery": ([], [], [])}
    for person in range(PEOPLE):
        for camera in range(CAMERAS):
            vectors, labels, samples = sides["gallery" if camera else "query"]
            seen = noise * random.standard_normal(WIDTH)
            vectors.append(people[person] + casts[camera] + seen)
            labels.append((person + 1, camera))
            frame = int(25 * (begins[person] + WAY_S[camera] + random.normal(0, 2)))
            name = f"{person + 1:04}_c{camera + 1}s1_{frame:06}_00.jpg"
            samples.append(Sample(name_path(name), person + 1, camera))
    made = {
        side: LabelledFeatures(unit(np.array(vectors)), Labels(*np.array(labels).T.copy()))
        for side, (vectors, labels, _) in sides.items()
    }
    trial = Trial(tuple(sides["query"][2]), tuple(sides["gallery"][2]))
    return TrialFeatures(**made), trial


def name_path(name):
    from pathlib import Path

    return Path("nowhere") / name


def rank1(features, distances):
    scores = rank_queries(distances, features.query.labels, features.gallery.labels)
    return scores.cmc()[0]


def by_method(features, trial, **asked):
    images = Images(trial, ("c1", "c2", "c3"))
    found = rankings(features, Methods(device="cpu", **asked), images)
    return {name: rank1(features, distances) for name, distances in found}


def test_the_mean_of_cameras_brings_people_together_that_a_cast_set_apart():
    features, trial = a_walk(colour_cast=2.0, noise=0.8)
    found = by_method(features, trial, camera_mean=True)
    assert list(found) == ["embedder", "embedder + camera mean"]
    plain, corrected = found.values()
    assert corrected > plain + 0.2
    sides = camera_corrected(features)
    for side, given in zip(sides, (features.query, features.gallery), strict=True):
        assert side.shape == given.vectors.shape
        np.testing.assert_allclose(np.linalg.norm(side, axis=1), 1, atol=1e-6)


def test_times_are_learnt_without_labels_and_bring_the_right_ones_forward():
    features, trial = a_walk(noise=1.4)
    found = by_method(features, trial, camera_mean=True, transit=True)
    assert [*found][-1] == "embedder + camera mean + transit"
    plain, _, with_times = found.values()
    assert with_times > plain + 0.1


def test_no_entry_is_lost_and_none_is_moved_further_than_the_clip():
    features, trial = a_walk(noise=1.4)
    sides = (prepared(side.vectors, "cosine", "cpu") for side in (features.query, features.gallery))
    base = FeatureDistances(*sides)
    changed = TransitDistances(base, features, seen_s(trial))
    rows = changed.rows(0, PEOPLE)
    assert rows.shape == (PEOPLE, 2 * PEOPLE)
    assert rows.isfinite().all()
    assert rows.min() >= 0
    moved = rows - base.rows(0, PEOPLE)  # 2 · (.12 − bonus), bonus −.12 … .12
    assert moved.min() >= -1e-5
    assert moved.max() <= 0.48 + 1e-5
    assert moved.std() > 0.02
    assert changed.rows(3, 5).equal(rows[3:5])


@pytest.mark.parametrize(
    "name_of",
    [
        lambda place: f"{place:04}_c1_f{place:07}.jpg",  # no such number
        lambda place: f"{place // 5:04}_c1s1_{place % 5:06}_00.jpg",  # images are counted
    ],
)
def test_names_without_times_have_no_row(name_of):
    features, trial = a_walk()
    path = trial.query[0].path
    renamed = [
        tuple(
            Sample(path.with_name(name_of(place)), each.identity, each.camera)
            for place, each in enumerate(side)
        )
        for side in (trial.query, trial.gallery)
    ]
    assert seen_s(Trial(*renamed)) is None
    assert [*by_method(features, Trial(*renamed), transit=True)] == ["embedder"]


def test_an_aggregator_gets_raw_vectors_and_the_times_stay(tmp_path):
    import torch

    features, trial = a_walk(noise=1.4)
    asked = []

    class Same(torch.nn.Module):
        def refine(self, vectors, **_):
            asked.append(vectors)
            return vectors

    same = Aggregator(Same(), "top200", device="cpu")
    found = by_method(features, trial, camera_mean=True, transit=True, aggregator=same)
    assert [*found][-1] == "embedder + camera mean + transit + aggregator top200"
    plain, _, _, refined = found.values()
    np.testing.assert_allclose(asked[0][0], features.query.vectors[0], atol=1e-6)
    assert refined > plain + 0.1, "an aggregator that changes nothing must not undo the times"
    with pytest.raises(TrainerError, match="top200"):
        Methods(camera_mean=True, aggregator=Aggregator(Same(), "joint", device="cpu"))
    with pytest.raises(TrainerError, match="Leave one of both away"):
        Methods(transit=True, rerank=RerankSettings())


@pytest.fixture
def walk_on_disk(tmp_path):
    _, trial = a_walk()
    random = np.random.default_rng(1)
    colours = random.integers(0, 255, (PEOPLE + 1, 4, 2, 3), np.uint8)
    for side, folder in ((trial.query, "query"), (trial.gallery, "bounding_box_test")):
        (tmp_path / "walk" / folder).mkdir(parents=True)
        for each in side:
            cells = colours[each.identity].repeat(8, axis=0).repeat(8, axis=1)
            Image.fromarray(cells).save(tmp_path / "walk" / folder / each.path.name)
    return tmp_path


def run(*arguments):
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result


def test_the_command_prints_a_row_for_each_network_alike(walk_on_disk):
    models = []
    for name in ("one.onnx", "two.onnx"):
        models += ["--model", write_embedder(walk_on_disk / name)]
    (walk_on_disk / "counted").mkdir()
    for folder in ("query", "bounding_box_test"):
        (walk_on_disk / "counted" / folder).mkdir()
        for path in (walk_on_disk / "walk" / folder).iterdir():
            name = f"{path.name.rsplit('_', 2)[0]}_000001_00.jpg"
            (walk_on_disk / "counted" / folder / name).symlink_to(path)
    on = ["--data", walk_on_disk, "--on", "folder:walk", "--on", "folder:counted"]
    told = run("evaluate", *models, *on, "--camera-mean", "--transit", "--json", "--draws", 10)
    rows = [(row["model"], row["data_set"], row["method"]) for row in json.loads(told.stdout)]
    methods = ["embedder", "embedder + camera mean", "embedder + camera mean + transit"]
    assert rows == [
        row
        for model in ("one", "two")
        for row in (
            *((model, "walk", method) for method in methods),
            *((model, "counted", method) for method in methods[:2]),
        )
    ]
    assert "The names of counted tell no frame numbers" in told.stderr


def test_saved_vectors_are_ranked_with_camera_means_too(walk_on_disk):
    model, out = write_embedder(walk_on_disk / "one.onnx"), walk_on_disk / "features.npz"
    sides = ["--query", walk_on_disk / "walk/query"]
    sides += ["--gallery", walk_on_disk / "walk/bounding_box_test"]
    run("extract", *sides, "--model", model, "--out", out)
    found = json.loads(run("rank", out, "--camera-mean", "--json", "--all").stdout)
    assert found["method"] == "embedder + camera mean"
    nformer = walk_on_disk / "nformer.safetensors"
    save_nformer(nformer, width=24)
    more = ["--aggregator", nformer, "--mode", "top200", "--device", "cpu"]
    found = json.loads(run("rank", out, "--camera-mean", *more, "--json", "--all").stdout)
    assert found["method"] == "embedder + camera mean + aggregator top200"

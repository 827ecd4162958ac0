"""Embedders of every kind of file, teachers, and learning from them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize

from reid_models.model_file import load_model
from reid_models.picture_model import PictureModel
from tests.onnx_files import write_embedder
from tests.tiny_networks import save_ir
from tests.unit.trainer.recipes.tiny_recipes import (
    FACTS,
    MODELS,
    PROGRESS,
    VIT,
    assert_same_gradients,
    cross_entropy,
    facts_of,
    recipe_of,
    saved_embedder,
    total,
    training_set_of,
    triplet,
)
from trainer.data.files import read_image
from trainer.data.transforms import test_transform as transform_of_tests
from trainer.errors import TrainerError
from trainer.recipes.frozen import open_embedder
from trainer.recipes.teacher import Ensemble, Teacher

STUDENT = {**VIT, "jpm": False, "architecture": "transreid"}


@pytest.fixture
def training_set(tmp_path):
    return training_set_of(
        tmp_path / "images", transform_of_tests((64, 32), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    )


def pictures(training_set):
    return [read_image(sample.path) for sample in training_set.samples]


# --- files of every kind ---


def test_onnx_embedder_gets_the_colours_it_was_made_for(tmp_path, training_set):
    path = write_embedder(tmp_path / "net.onnx", size_px=(32, 16))
    embedder = open_embedder(path)
    assert embedder.form.size_px == (32, 16) and embedder.dimension == 24
    transform = transform_of_tests(embedder.form.size_px, embedder.form.mean, embedder.form.std)
    images = torch.stack(
        [transform(each, np.random.default_rng(0)) for each in pictures(training_set)]
    )
    found = embedder.vectors(images, torch.zeros(len(images), dtype=torch.int64))
    expected = PictureModel(path, "cpu").embed(pictures(training_set))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_openvino_embedder_is_a_teacher(tmp_path):
    path = save_ir(tmp_path / "net.xml", {"mean_values": "1", "reverse_input_channels": "True"})
    embedder = open_embedder(path)
    assert embedder.form.size_px == (32, 16) and embedder.dimension == 12
    assert embedder.id.startswith("net-")
    red = torch.zeros(1, 3, 32, 16)
    red[:, 0], red[:, 1] = 1.0, 0.5
    (vector,) = embedder.vectors(red, torch.zeros(1, dtype=torch.int64))
    expected = normalize(torch.tensor([0.0, 128, 255]).repeat_interleave(4), dim=0)
    assert vector.tolist() == pytest.approx(expected.tolist())


# --- teachers ---


def test_a_teacher_is_asked_once(tmp_path, training_set, monkeypatch):
    path = saved_embedder(tmp_path / "teacher.safetensors", "nformer_encoder")
    found = Teacher(path).vectors(training_set.samples)
    network, _ = load_model(path)
    transform = transform_of_tests((64, 32), network.mean, network.std)
    images = torch.stack(
        [transform(each, np.random.default_rng(0)) for each in pictures(training_set)]
    )
    with torch.no_grad():
        torch.testing.assert_close(found, network.vector(network(images)), rtol=1e-4, atol=1e-5)
    monkeypatch.setattr("trainer.recipes.teacher.read_image", None)
    assert torch.equal(Teacher(path).vectors(training_set.samples), found)
    one = training_set.samples[0].path
    one.write_bytes(one.read_bytes() + b" ")  # another picture, for all that is known
    with pytest.raises(TypeError):
        Teacher(path).vectors(training_set.samples)


def test_written_vectors_are_matched_by_path(tmp_path, training_set):
    names = [f"/elsewhere/{sample.path.name}" for sample in training_set.samples]
    features = np.random.default_rng(0).normal(size=(len(names), 5)).astype(np.float32)
    np.savez(tmp_path / "v.npz", features=features[::-1], paths=np.array(names[::-1]))
    teacher = Teacher(tmp_path / "v.npz")
    assert teacher.dimension == 5
    assert np.array_equal(teacher.vectors(training_set.samples).numpy(), features)
    np.savez(tmp_path / "few.npz", features=features[:3], paths=np.array(names[:3]))
    with pytest.raises(TrainerError, match="no vector of 9 of 12"):
        Teacher(tmp_path / "few.npz").vectors(training_set.samples)
    np.savez(tmp_path / "odd.npz", features=features[:3], paths=np.array(names))
    with pytest.raises(TrainerError, match="one finite vector for each"):
        Teacher(tmp_path / "odd.npz")
    (tmp_path / "none.npz").write_bytes(b"no archive")
    with pytest.raises(TrainerError, match="cannot be read"):
        Teacher(tmp_path / "none.npz")


def test_pictures_of_one_name_are_told_apart_by_their_folders(tmp_path):
    transform = transform_of_tests((8, 4), (0, 0, 0), (1, 1, 1))
    sets = [training_set_of(tmp_path / name, transform, 1, 2) for name in ("a", "b")]
    samples = [sample for each in sets for sample in each.samples]
    features = np.eye(4, dtype=np.float32)
    np.savez(tmp_path / "v.npz", features=features, paths=[str(each.path) for each in samples])
    found = Teacher(tmp_path / "v.npz").vectors(samples[::-1])
    assert np.array_equal(found.numpy(), features[::-1])


def test_an_ensemble_has_the_mean_of_the_cosines(tmp_path, training_set):
    paths = [
        saved_embedder(tmp_path / f"{name}.safetensors", name)
        for name in ("nformer_encoder", "rrid")
    ]
    alone = [
        normalize(Teacher(path, flip=True).vectors(training_set.samples), dim=1) for path in paths
    ]
    ensemble = Ensemble(paths, flip=True)
    found = ensemble.vectors(training_set.samples)
    assert found.shape == (12, ensemble.dimension)
    torch.testing.assert_close(found, torch.cat(alone, 1) / 2**0.5)
    torch.testing.assert_close(found @ found.T, sum(each @ each.T for each in alone) / 2)


def test_a_teacher_that_sees_mirror_images_too(tmp_path, training_set):
    """The mean of both, kept apart from the vectors of the images alone."""
    path = saved_embedder(tmp_path / "teacher.safetensors", "nformer_encoder")
    plain = Teacher(path).vectors(training_set.samples)
    both = Teacher(path, flip=True).vectors(training_set.samples)
    (tmp_path / "mirrored").mkdir()
    mirrored = [
        replace(sample, path=tmp_path / "mirrored" / sample.path.name)
        for sample in training_set.samples
    ]
    for sample, mirror in zip(training_set.samples, mirrored, strict=True):
        Image.fromarray(read_image(sample.path)[:, ::-1]).save(mirror.path)
    expected = (plain + Teacher(path).vectors(mirrored)) / 2
    torch.testing.assert_close(both, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(Teacher(path).vectors(training_set.samples), plain)


def test_written_vectors_have_no_mirror_image(tmp_path):
    np.savez(tmp_path / "v.npz", features=np.eye(2, dtype=np.float32), paths=["a", "b"])
    with pytest.raises(TrainerError, match="cannot be asked for mirror images"):
        Teacher(tmp_path / "v.npz", flip=True)


# --- learning from them ---


def distilled(path, training_set, **tables):
    tables = {
        "model": STUDENT,
        "start": {"teacher": str(path)},
        "sampler": {"identities": 2, "images": 2},
        "data": {"workers": 0},
        **tables,
    }
    recipe = recipe_of("distill", facts_of(training_set), **tables)
    (batch, *_) = recipe.source(training_set, 0, 1).batches(1)
    return recipe, batch


@pytest.fixture
def written(tmp_path, training_set):
    features = np.random.default_rng(1).normal(size=(12, 7)).astype(np.float32)
    names = [str(sample.path) for sample in training_set.samples]
    np.savez(tmp_path / "v.npz", features=features, paths=names)
    return tmp_path / "v.npz", torch.from_numpy(features)


def test_loss_and_gradients(written, training_set):
    loss = {"features": 2.0, "similarities": 3.0, "identity": 0.5, "triplet": 0.25}
    recipe, batch = distilled(written[0], training_set, loss=loss)
    output = recipe.network(batch.images)
    vectors = output.features[0]
    taught = normalize(written[1][batch.indices], dim=1)
    mapped = normalize(vectors @ recipe.to_teacher.weight.T, dim=1)
    unit = normalize(vectors, dim=1)
    expected = (
        2 * (1 - (mapped * taught).sum(1)).mean()
        + 3 * (unit @ unit.T - taught @ taught.T).square().mean()
        + 0.5 * cross_entropy(output.logits[0], batch.identities, 0.1)
        + 0.25 * triplet(vectors, batch.identities)
    )
    assert_same_gradients(recipe, total(recipe(batch, PROGRESS)), expected)


@pytest.mark.parametrize("as_list", [True, False])
def test_two_teachers_are_one(tmp_path, written, training_set, as_list):
    other = tmp_path / "w.npz"
    names = [str(sample.path) for sample in training_set.samples]
    np.savez(other, features=np.eye(12, dtype=np.float32), paths=names)
    files = [str(written[0]), str(other)]
    start = {"teacher": files if as_list else ", ".join(files)}
    recipe, batch = distilled(written[0], training_set, start=start)
    assert recipe.to_teacher.weight.shape[0] == 7 + 12
    vectors = recipe.network(batch.images).features[0]
    taught = torch.cat([normalize(written[1], dim=1), torch.eye(12)], 1)[batch.indices] / 2**0.5
    unit = normalize(vectors, dim=1)
    expected = (unit @ unit.T - taught @ taught.T).square().mean()
    torch.testing.assert_close(recipe(batch, PROGRESS)["similarities"], expected)


def test_without_identities_nothing_is_left_untrained(written, training_set):
    recipe, batch = distilled(written[0], training_set)
    terms = recipe(batch, PROGRESS)
    assert set(terms) == {"features", "similarities"}
    total(terms).backward()
    assert all(each.grad is not None for each in recipe.parameters() if each.requires_grad)
    assert recipe.network.config.identities == 0


def test_local_features_that_nobody_looks_at_are_not_trained(written, training_set):
    model = {**MODELS["transreid"], "architecture": "transreid"}
    for loss, trained in (({}, False), ({"triplet": 1.0}, True), ({"identity": 1.0}, True)):
        recipe, batch = distilled(written[0], training_set, model=model, loss=loss)
        total(recipe(batch, PROGRESS)).backward()
        assert all(each.grad is not None for each in recipe.parameters() if each.requires_grad)
        branch = recipe.network.local_branch.parameters()
        assert all(each.requires_grad == trained for each in branch)


def test_every_light_network_can_be_a_student(written, training_set):
    for name in ("rrid", "nformer_encoder"):
        model = {**MODELS[name], "architecture": name}
        recipe, batch = distilled(written[0], training_set, model=model, loss={"identity": 1.0})
        images = torch.nn.functional.interpolate(batch.images, recipe.image_form().size_px)
        terms = recipe(batch._replace(images=images), PROGRESS)
        assert torch.isfinite(total(terms)) and "identity" in terms


def test_a_distillation_needs_a_teacher():
    with pytest.raises(TrainerError, match="learns from a teacher"):
        recipe_of("distill", FACTS, model=STUDENT)

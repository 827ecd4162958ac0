"""Training sets, the batches made of them with and without workers, and their picture."""

import multiprocessing
import random

import cv2
import numpy as np
import pytest
import torch

from tests.unit.trainer.data import layouts
from trainer.data.identity_sampler import Draw, IdentitySampler, PlainSampler
from trainer.data.loader import BatchSource
from trainer.data.registry import load_data_sets
from trainer.data.sample_sheet import sample_sheet
from trainer.data.training_set import TrainingSet
from trainer.data.transforms import build_augmentation
from trainer.data_settings import AugmentationConfig, DataConfig
from trainer.errors import TrainerError

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def augmentation(**settings):
    return build_augmentation(AugmentationConfig(**settings), (32, 16), MEAN, STD)


@pytest.fixture
def data_sets(tmp_path):
    layouts.market(tmp_path / "market1501")
    layouts.veri776(tmp_path / "VeRi")
    return load_data_sets(["market1501", "veri776"], tmp_path)


@pytest.fixture
def source(data_sets):
    # Work for OpenCV's threads, on which a forked worker must not wait.
    cv2.GaussianBlur(np.zeros((600, 600, 3), np.uint8), (0, 0), 2)

    def build(workers=0, cache_bytes=0, rank=0, world=1):
        training_set = TrainingSet(data_sets, augmentation(jitter=0.5), cache_bytes)
        sampler = IdentitySampler(training_set.labels, 2, 4, seed=7, rank=rank, world=world)
        return BatchSource(training_set, sampler, workers)

    return build


def test_labels_cameras_and_views_of_several_data_sets(data_sets):
    """Identities and cameras are numbered one data set after the other."""
    training_set = TrainingSet(data_sets, augmentation())
    assert (training_set.identities, training_set.cameras, training_set.views) == (5, 26, 8)
    assert training_set.labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6 + [3] * 6 + [4] * 2
    assert training_set.camera_table["market1501/c3"] == 2
    assert training_set.camera_table["veri776/c001"] == 6
    assert training_set.camera_rows[-2:].tolist() == [6, 25]
    assert training_set.terms == ("research use",)
    _, label, camera, view, row = training_set[Draw(24, 0)]
    assert [int(each) for each in (label, camera, view, row)] == [4, 6, 7, 24]


def test_a_batch(source):
    batch = next(source().batches(0))
    assert batch.images.shape == (8, 3, 32, 16)
    assert batch.images.dtype == torch.float32
    assert {each.dtype for each in batch[1:]} == {torch.int64}
    assert {tuple(each.shape) for each in batch[1:]} == {(8,)}


def same(first, second):
    return len(first) == len(second) and all(
        all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
        for one, other in zip(first, second, strict=True)
    )


def test_batches_depend_on_the_epoch_alone(source):
    """Not on workers, cache, earlier epochs or global generators; nor do they advance these."""
    plain = source()
    expected = list(plain.batches(1))
    assert len(expected) == plain.steps(1) > 1
    assert not same(expected, list(plain.batches(2)))
    torch.manual_seed(0)
    random.seed(0)
    state, python_state = torch.get_rng_state(), random.getstate()
    for workers, cache_bytes in ((0, 10**6), (2, 0), (1, 2000)):
        assert same(list(source(workers, cache_bytes).batches(1)), expected)
    assert torch.equal(torch.get_rng_state(), state)
    assert random.getstate() == python_state


@pytest.mark.parametrize("workers", [0, 2])
def test_resume_in_the_middle_of_an_epoch(source, workers):
    expected = list(source().batches(0))
    assert same(list(source(workers).batches(0, first=1)), expected[1:])
    assert list(source(workers).batches(0, first=len(expected))) == []


def test_ranks_see_halves_of_the_same_batches(source):
    halves = zip(*(source(rank=rank, world=2).batches(0) for rank in (0, 1)), strict=True)
    together = [torch.cat([one.images, other.images]) for one, other in halves]
    assert all(
        torch.equal(images, batch.images)
        for images, batch in zip(together, source().batches(0), strict=True)
    )


def test_stopping_in_the_middle_ends_the_workers(source):
    batches = source(workers=2).batches(0)
    next(batches)
    batches.close()
    assert multiprocessing.active_children() == []


def test_cached_images_are_read_once(source, data_sets):
    cached = source(cache_bytes=3 * 16 * 8 * 3)  # three of the images
    cached.training_set.load_cache()
    for sample in data_sets[0].train[:3]:
        sample.path.unlink()
    assert cached.training_set[Draw(2, 0)][0].shape == (3, 32, 16)
    data_sets[0].train[3].path.unlink()
    with pytest.raises(TrainerError, match="cannot be read"):
        cached.training_set[Draw(3, 0)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_image_is_named(source, data_sets, workers):
    """Also out of a worker process, as the error that the commands know."""
    for sample in data_sets[0].train:
        sample.path.write_bytes(sample.path.read_bytes()[:200])
    with pytest.raises(TrainerError, match=r"The image .*_c\ds1_.* cannot be read"):
        list(source(workers).batches(0))


def test_no_images(data_sets):
    from dataclasses import replace

    with pytest.raises(TrainerError, match="no training image in market1501"):
        TrainingSet([replace(data_sets[0], train=())], augmentation())
    with pytest.raises(TrainerError, match='called "market1501"'):
        TrainingSet([data_sets[0], data_sets[0]], augmentation())


def test_sample_sheet_shows_what_the_network_sees(data_sets):
    """Denormalised, in rows, each image under its label."""
    off = {"flip": 0, "pad_px": 0, "erase": 0}
    training_set = TrainingSet(data_sets, augmentation(**off))
    sampler = PlainSampler(range(26), 10, seed=1)
    batch = next(BatchSource(training_set, sampler).batches(0))
    sheet = sample_sheet(batch, MEAN, STD, images=6, columns=4)
    assert sheet.shape == (2 * (32 + 14 + 4) + 4, 4 * (16 + 4) + 4, 3)
    assert sheet.dtype == np.uint8
    sixth = sheet[4 + 50 + 14 :, 4 + 20 :][:32, :16]
    stored = batch.images[5].numpy() * np.array(STD)[:, None, None] + np.array(MEAN)[:, None, None]
    np.testing.assert_allclose(sixth.transpose(2, 0, 1), stored * 255, atol=0.51)
    assert sheet[4 + 50 + 14 :, 4 + 2 * 20 :].min() == 255  # no seventh image


def test_impossible_settings():
    with pytest.raises(TrainerError, match=r"data\.workers"):
        DataConfig(workers=-1)

"""Which images stand in a batch: counts, groups, determinism, shares of the ranks."""

from collections import Counter

import numpy as np
import pytest

from trainer.data.identity_sampler import IdentitySampler, PlainSampler, build_sampler
from trainer.data_settings import SamplerConfig
from trainer.errors import TrainerError

# Identity i has SIZES[i] images.
SIZES = [8, 9, 3, 4, 12, 5, 1, 6]
LABELS = np.repeat(np.arange(len(SIZES)), SIZES)


def rows(batches):
    return [[draw.index for draw in batch] for batch in batches]


@pytest.mark.parametrize("seed", range(5))
def test_pk_batches(seed):
    """P different identities with K images each; groups stand together."""
    batches = IdentitySampler(LABELS, 3, 4, seed=seed).epoch(0)
    for batch in rows(batches):
        labels = LABELS[batch]
        assert Counter(Counter(labels.tolist()).values()) == {4: 3}
        assert all(len(set(labels[start : start + 4])) == 1 for start in (0, 4, 8))
    used = Counter(index for batch in rows(batches) for index in batch)
    many = np.flatnonzero(np.array(SIZES)[LABELS] >= 4)
    assert all(used[index] <= 1 for index in many)  # without replacement where there are enough
    for identity, size in enumerate(SIZES):
        groups = sum(used[index] for index in np.flatnonzero(identity == LABELS)) / 4
        assert groups <= max(1, size // 4)


def test_pk_goes_on_until_fewer_than_p_identities_are_left():
    """Chunks of identities: 2 2 1 1 3 1 1 1 = 12."""
    for seed in range(20):
        sampler = IdentitySampler(LABELS, 3, 4, seed=seed)
        left = Counter({i: max(1, size // 4) for i, size in enumerate(SIZES)})
        for batch in rows(sampler.epoch(0)):
            left -= Counter(LABELS[batch][::4].tolist())
        assert len(left) < 3
        assert sampler.batches(0) == len(sampler.epoch(0)) <= 4


def test_a_single_image_is_repeated():
    batches = IdentitySampler([0, 1, 1, 1, 1], 2, 4, seed=0).epoch(0)
    assert len(batches) == 1
    assert Counter(rows(batches)[0])[0] == 4


def test_least_images_leaves_identities_out():
    """CACE-Net drops identities with fewer than four images."""
    batches = IdentitySampler(LABELS, 3, 4, least_images=4, passes=5).epoch(0)
    assert set(LABELS[np.concatenate(rows(batches))]) == {0, 1, 3, 4, 5, 7}


def test_most_images_limits_a_pass_and_takes_others_each_time():
    """Chunks of identities: 1 1 1 1 1 1 1 1; nobody has more than four images in a batch's pass."""
    config = SamplerConfig(identities=4, images=4, passes=30, most_images=4)
    batches = rows(build_sampler(config, LABELS, seed=0).epoch(0))
    assert len(batches) == 30 * 2
    seen = set()
    for first, second in zip(batches[::2], batches[1::2], strict=True):
        assert sorted(LABELS[[*first, *second]][::4]) == list(range(8))
        seen |= {*first, *second}
    assert seen == set(range(len(LABELS)))


@pytest.mark.parametrize("wrong", [{"most_images": 3}, {"most_images": 8, "rule": "plain"}])
def test_most_images_that_make_no_group_are_refused(wrong):
    with pytest.raises(TrainerError, match="most_images"):
        SamplerConfig(identities=4, images=4, **wrong)


def test_passes_make_an_epoch_longer():
    """RRID's epochs are four passes; each is drawn anew."""
    sampler = IdentitySampler(np.repeat(np.arange(4), 8), 4, 4, passes=4)
    batches = rows(sampler.epoch(0))
    assert sampler.batches(0) == 8
    used = Counter(np.concatenate(batches).tolist())
    assert set(used.values()) == {4}
    assert len({tuple(batch) for batch in batches}) == 8


def test_rrid_rule():
    """Each image in turn as an anchor gives K others of its identity: 4 × the data."""
    labels = np.repeat(np.arange(6), [8, 2, 5, 4, 1, 12])
    batches = IdentitySampler(labels, 4, 4, rule="rrid", seed=1).epoch(0)
    assert len(batches) == len(labels) // 4
    used = Counter(np.concatenate(rows(batches)).tolist())
    # Of two images, each anchor gives the other one four times.
    assert {used[8], used[9]} == {4}
    assert used[19] == 4  # alone: itself
    groups = [batch[start : start + 4] for batch in rows(batches) for start in range(0, 16, 4)]
    assert all(len(set(labels[group])) == 1 for group in groups)
    # With more than four others, nothing is drawn twice for one anchor.
    assert all(len(set(group)) == 4 for group in groups if labels[group[0]] in (0, 2, 5))
    assert any(len(set(labels[batch][::4])) < 4 for batch in rows(batches))  # ids may repeat


def test_size_of_an_epoch_of_rrid_on_market():
    """751 identities with 12 936 images: 51 744 draws; the incomplete batch 809 is dropped."""
    sizes = np.full(751, 12_936 // 751)
    sizes[: 12_936 - sizes.sum()] += 1
    sampler = IdentitySampler(np.repeat(np.arange(751), sizes), 16, 4, rule="rrid")
    assert sampler.batches(0) == 51_744 // 64 == 808


def test_plain_batches():
    sampler = PlainSampler(range(10), 4, seed=3)
    batches = rows(sampler.epoch(0))
    assert [len(batch) for batch in batches] == [4, 4]
    assert len(set(np.concatenate(batches))) == 8
    assert rows(sampler.epoch(1)) != batches


@pytest.mark.parametrize("rule", ["pk", "rrid", "plain"])
class TestEveryRule:
    CONFIG = SamplerConfig(identities=4, images=4, passes=2)

    def sampler(self, rule, **options):
        config = SamplerConfig(rule, self.CONFIG.identities, self.CONFIG.images, passes=2)
        return build_sampler(config, LABELS, **({"seed": 1} | options))

    def test_an_epoch_is_a_function_of_seed_and_number(self, rule):
        """In any order of asking, in another process, after other random numbers."""
        first, second = self.sampler(rule), self.sampler(rule)
        np.random.default_rng().random()
        third_epoch = first.epoch(3)
        assert first.epoch(0) != third_epoch
        assert second.epoch(3) == third_epoch
        assert self.sampler(rule, seed=2).epoch(3) != third_epoch

    def test_seeds_of_augmentations_differ(self, rule):
        sampler = self.sampler(rule)
        seeds = [d.seed for epoch in (0, 1) for batch in sampler.epoch(epoch) for d in batch]
        assert len(set(seeds)) == len(seeds)

    @pytest.mark.parametrize("world", [2, 4])
    def test_ranks_share_batches(self, rule, world):
        """Put together again, batches and seeds are those of one process; groups stay whole."""
        whole = self.sampler(rule)
        parts = [self.sampler(rule, rank=rank, world=world) for rank in range(world)]
        assert {part.batches(0) for part in parts} == {whole.batches(0)}
        together = [
            [draw for part in shares for draw in part]
            for shares in zip(*(part.epoch(0) for part in parts), strict=True)
        ]
        assert together == whole.epoch(0)
        assert {len(batch) for batch in parts[0].epoch(0)} == {16 // world}
        if rule != "plain":
            for batch in rows(parts[1].epoch(0)):
                assert all(len(set(LABELS[batch][s : s + 4])) == 1 for s in range(0, len(batch), 4))

    def test_what_cannot_be_drawn(self, rule):
        with pytest.raises(TrainerError, match="cannot be shared by 3 processes"):
            self.sampler(rule, rank=0, world=3)
        with pytest.raises(TrainerError, match="cannot be drawn from"):
            build_sampler(SamplerConfig(rule, identities=60), LABELS, 0)


def test_impossible_settings():
    with pytest.raises(TrainerError, match=r"sampler\.images"):
        SamplerConfig(images=0)

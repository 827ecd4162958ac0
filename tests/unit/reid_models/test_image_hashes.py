"""Samples of hashes: exact below their limit, of one size, and joined without losing that."""

import json
from dataclasses import replace

import numpy as np
import pytest

from reid_models.errors import NetworkError
from reid_models.image_hashes import HIGHEST, HashSample
from reid_models.model_card import ModelCard, parse_card
from tests.tiny_torch_networks import tiny_embedder


def hashes(count, seed=0):
    return np.random.default_rng(seed).integers(HIGHEST, size=count, dtype=np.uint64)


def test_few_images_are_all_kept():
    some = hashes(50)
    sample = HashSample.of(np.concatenate([some, some[:7]]))
    assert sample.limit == HIGHEST
    assert sample.hashes().tolist() == sorted(some.tolist())
    told, seen = sample.look_up(np.concatenate([some[:5], hashes(3, seed=1)]))
    assert told.all() and seen.tolist() == [True] * 5 + [False] * 3


def test_a_sample_of_many_is_exact_below_its_limit_and_fair():
    trained, others = hashes(20_000), hashes(20_000, seed=1)
    sample = HashSample.of(trained, size=1000)
    assert len(sample.hashes()) == 1000
    told, seen = sample.look_up(trained)
    assert np.array_equal(told, seen) and seen.sum() == 1000
    told, seen = sample.look_up(others)
    assert 800 < told.sum() < 1200 and not seen.any()


def test_a_union_knows_no_more_than_both():
    one, other = hashes(5000), hashes(300, seed=1)
    joined = HashSample.of(one, size=1000).union(HashSample.of(other))
    assert joined.limit == HashSample.of(one, size=1000).limit
    told, seen = joined.look_up(np.concatenate([one, other]))
    assert np.array_equal(told, seen)
    assert seen.sum() == 1000 + (other <= np.uint64(joined.limit)).sum()
    partly = replace(HashSample.of(other), complete=False)
    assert joined.complete and not joined.union(partly).complete


@pytest.mark.usefixtures("tiny_entries")
def test_a_card_carries_them():
    card = ModelCard.of(tiny_embedder(), image_hashes=HashSample.of(hashes(9)))
    assert parse_card(card.to_json(), "it") == card
    assert card.image_hashes.hashes().tolist() == sorted(hashes(9).tolist())
    assert card.id == ModelCard.of(tiny_embedder()).id
    for wrong in ("no base64!", "AAAA"):
        values = json.loads(card.to_json())
        values["image_hashes"]["values"] = wrong
        with pytest.raises(NetworkError, match="hashes of the training images"):
            parse_card(json.dumps(values), "it")
    values = json.loads(card.to_json())
    del values["image_hashes"]  # as in files of earlier versions
    assert parse_card(json.dumps(values), "it").image_hashes is None

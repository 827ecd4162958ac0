"""RRID: worked examples of the method, invariances, outputs, and what it refuses."""

from __future__ import annotations

import itertools

import pytest
import torch

from reid_models.errors import NetworkError
from reid_models.interfaces import ReIDOutput
from reid_models.rrid import (
    RRID,
    Relation,
    RRIDConfig,
    Variant,
    global_contrast,
    one_vs_rest,
    own_and_rest,
)

PARTS = torch.tensor([[[1.0, 3.0, 2.0], [4.0, 2.0, 0.0]]])  # stripes (1, 4), (3, 2), (2, 0)


def small(variant: Variant = "F", identities: int = 0, whole: int = 0) -> RRID:
    torch.manual_seed(0)
    config = RRIDConfig(
        "resnet10t", (192, 32), variant, width=16, identities=identities, whole=whole
    )
    return RRID(config).eval()


def test_the_rest_of_a_part_is_the_mean_of_the_others():
    assert one_vs_rest(PARTS)[0, :, 0].tolist() == [2.5, 1.0]


def test_contrast_of_the_paper():
    assert global_contrast(PARTS, "paper")[0].tolist() == [-1.0, -2.0]


def test_contrast_of_the_code():
    assert global_contrast(PARTS, "code")[0].tolist() == [1.5, 1.0]


def test_contrast_of_two_parts_is_the_smaller_one_in_the_code():
    parts = torch.rand(3, 5, 2)
    assert torch.allclose(global_contrast(parts, "code"), parts.amin(dim=2))


def test_swapped_other_stripes_leave_the_rest_of_a_stripe_unchanged():
    torch.manual_seed(0)
    maps = torch.rand(2, 8, 6, 4)
    swapped = maps[:, :, [0, 2, 1, 3, 4, 5]]
    pairs = list(own_and_rest(maps, (6,), "code"))
    swapped_pairs = list(own_and_rest(swapped, (6,), "code"))
    for stripe in (0, 3, 4, 5, 6):  # the stripes that stay, and the whole
        for one, other in zip(pairs[stripe], swapped_pairs[stripe], strict=True):
            assert torch.allclose(one, other)
    assert torch.equal(pairs[1][0], swapped_pairs[2][0])
    assert not torch.allclose(pairs[1][0], swapped_pairs[1][0])


def test_order_is_local_ones_by_scale_then_global_ones():
    maps = torch.arange(12.0).view(1, 1, 12, 1)  # the row's number: a stripe's maximum is its last
    own = [float(own) for own, _ in own_and_rest(maps, (6, 4, 2), "code")]
    assert own == [1, 3, 5, 7, 9, 11, 2, 5, 8, 11, 5, 11, 11, 11, 11]


def test_a_feature_is_what_is_its_own_plus_what_both_tell():
    torch.manual_seed(0)
    relation = Relation(6, 4).eval()
    own, rest = torch.rand(2, 6), torch.rand(2, 6)
    related = relation(own, rest)
    assert torch.equal(related.own, relation.own(own))
    assert torch.equal(related.rest, relation.rest(rest))
    told = relation.joined(torch.cat((related.own, related.rest), dim=1))
    assert torch.equal(related.joined, related.own + told)


@pytest.mark.parametrize(("variant", "features"), [("F", 15), ("S", 7)])
def test_outputs_of_a_variant(variant: Variant, features: int):
    network = small(variant, identities=5)
    images = torch.rand(2, 3, 192, 32)
    with torch.inference_mode():
        output = network(images)
        parts = network.part_features(images)
        vectors = network.embed(images)
    assert isinstance(output, ReIDOutput)
    assert network.embedding_dim == 16 * features
    assert [tuple(one.shape) for one in output.features] == [(2, 16)] * features
    assert [tuple(one.shape) for one in output.logits] == [(2, 5)] * 3 * features
    assert parts.shape == (2, features, 16)
    assert torch.equal(parts, torch.stack(output.features, dim=1))
    expected = torch.nn.functional.normalize(parts.flatten(1), dim=1)
    assert torch.allclose(vectors, expected)


def test_full_size_has_3840_and_1792_numbers():
    assert RRID(RRIDConfig("resnet10t")).embedding_dim == 3840
    assert RRID(RRIDConfig("resnet10t", variant="S")).embedding_dim == 1792


def test_the_whole_person_s_feature_is_the_last_and_has_no_logits():
    network = small("S", identities=3, whole=5)
    images = torch.rand(2, 3, 192, 32)
    with torch.inference_mode():
        output = network(images)
        vectors, maps = network.embed_with_map(images)
    assert network.embedding_dim == 7 * 16 + 5
    assert [tuple(one.shape) for one in output.features] == [(2, 16)] * 7 + [(2, 5)]
    assert len(output.logits) == 3 * 7
    expected = torch.nn.functional.normalize(torch.cat(output.features, dim=1), dim=1)
    assert torch.allclose(vectors, expected)
    assert maps.shape[2:] == (12, 2)


def test_logits_are_those_of_features_then_own_then_rest():
    network = small("S", identities=3)
    images = torch.rand(2, 3, 192, 32)
    with torch.inference_mode():
        logits = network(images).logits
        maps = network.backbone(images)
        pairs = list(own_and_rest(maps, (6,), "code"))
        for place, (own, rest) in enumerate(pairs):
            related = network.relations[place](own, rest)
            classifier = network.classifiers[place]
            assert torch.allclose(logits[place], classifier.joined(related.joined))
            assert torch.allclose(logits[7 + place], classifier.own(related.own))
            assert torch.allclose(logits[14 + place], classifier.rest(related.rest))


def test_training_reaches_every_weight():
    network = small(identities=3).train()
    output = network(torch.rand(2, 3, 192, 32))
    sum(one.square().sum() for one in itertools.chain(output.features, output.logits)).backward()
    without = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert without == []


def test_height_that_does_not_divide_into_stripes_is_refused():
    with pytest.raises(NetworkError, match=r"map of 18 rows.* 4 stripes.*multiple of 192 px"):
        RRID(RRIDConfig("resnet10t", (288, 128)))
    with pytest.raises(NetworkError, match=r"6 or 4 stripes"):
        RRID(RRIDConfig("resnet10t", (160, 128)))
    RRID(RRIDConfig("resnet10t", (288, 128), variant="S"))  # 18 rows are 6 stripes


@pytest.mark.parametrize(
    "settings", [{"width": 0}, {"identities": -1}, {"image_size": (-192, 128)}]
)
def test_impossible_settings(settings):
    with pytest.raises(NetworkError, match=f"as its {next(iter(settings))}"):
        RRIDConfig(**settings)


def test_images_of_another_size_are_refused():
    with pytest.raises(NetworkError, match=r"192×32 px and was given 96×32 px"):
        small().embed(torch.rand(1, 3, 96, 32))

"""TransReID: worked examples of the rearrangement, what its vectors are made of, its converter."""

import pytest
import torch
from torch.nn.functional import normalize

from reid_models.convert.transreid import convert, official_key
from reid_models.errors import NetworkError
from reid_models.transreid import TransReID, TransReIDConfig, chunks_of, shuffle_order

SMALL = {"width": 64, "depth": 3, "heads": 1, "image_size": (96, 48)}  # 6×3 patches


def network(**settings):
    torch.manual_seed(0)
    return TransReID(TransReIDConfig(**{**SMALL, **settings})).eval()


def images(count=3, size=(96, 48)):
    return torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(5))


# --- jigsaw patches ---


def from_one(order):
    return [number + 1 for number in order]


def test_worked_examples_of_the_rearrangement():
    assert from_one(shuffle_order(8, 3 - 1, 2)) == [3, 7, 4, 8, 5, 1, 6, 2]
    assert from_one(shuffle_order(7, 3 - 1, 2)) == [3, 7, 4, 1, 5, 2, 6, 1]
    assert from_one(shuffle_order(8, 3, 4)) == [4, 6, 8, 2, 5, 7, 1, 3]  # the paper's shift


def test_first_published_chunk_is_two_bands():
    chunk = chunks_of(TransReIDConfig())[0]
    assert sorted(from_one(chunk)) == [*range(5, 21), *range(69, 85)]


def test_what_is_left_over_is_dropped():
    chunks = chunks_of(TransReIDConfig(stride=12))  # 210 patches
    assert [len(chunk) for chunk in chunks] == [52] * 4
    chunks = chunks_of(TransReIDConfig(stride=12, image_size=(256, 256), jpm_shift=8))  # 441
    assert [len(chunk) for chunk in chunks] == [110] * 4


def test_paper_form_uses_every_patch():
    chunks = chunks_of(TransReIDConfig(stride=12, jpm_form="paper"))
    assert {len(chunk) for chunk in chunks} == {53}
    assert {patch for chunk in chunks for patch in chunk} == set(range(210))


def test_one_group_and_shift_one_are_no_rearrangement():
    plain = network(jpm_rearrange=False, gallery_vector="full")
    same = network(jpm_shift=1, jpm_groups=1, gallery_vector="full")
    rearranged = network(gallery_vector="full")
    assert torch.equal(plain.embed(images()), same.embed(images()))
    assert not torch.allclose(plain.embed(images()), rearranged.embed(images()))


@torch.no_grad()
def test_local_features_see_their_chunk_and_the_class_token():
    model = network()
    tokens = model.backbone(images())
    changed = tokens.clone()
    chunks = chunks_of(model.config)
    outside = sorted(set(range(18)) - set(chunks[1]))
    changed[:, [patch + 1 for patch in outside]] = torch.randn(3, len(outside), 64)
    before, after = (model._features(t, t[:, 0]) for t in (tokens, changed))
    assert torch.equal(before[2], after[2])
    assert not torch.allclose(before[1], after[1])


@pytest.mark.parametrize(
    "settings", [{"jpm_chunks": 0}, {"jpm_chunks": 19}, {"jpm_groups": 0}, {"jpm_shift": 0}]
)
def test_impossible_rearrangements(settings):
    with pytest.raises(NetworkError):
        TransReIDConfig(**{**SMALL, **settings})


# --- vectors ---


@torch.no_grad()
def test_full_vector_is_the_global_feature_and_quarters_of_the_local_ones():
    model = network(gallery_vector="full")
    features = model(images()).features
    expected = torch.cat([features[0], *(f / 4 for f in features[1:])], dim=1)
    assert model.embedding_dim == 5 * 64
    torch.testing.assert_close(model.embed(images()), normalize(expected, dim=1))
    torch.testing.assert_close(model.vector(model(images())), expected)


@torch.no_grad()
def test_paper_form_keeps_local_features_whole():
    model = network(gallery_vector="full", jpm_form="paper")
    expected = torch.cat(model(images()).features, dim=1)
    torch.testing.assert_close(model.vector(model(images())), expected)


@torch.no_grad()
def test_global_vector_is_the_first_feature():
    model = network()
    assert model.embedding_dim == 64
    first = normalize(model(images()).features[0], dim=1)
    torch.testing.assert_close(model.embed(images()), first)


@torch.no_grad()
def test_vector_after_the_neck():
    before, after = network(gallery_vector="full"), network(neck_feature="after")
    for neck in after.necks:
        neck.running_mean.fill_(0.5)
        neck.running_var.fill_(4.0)
    expected = (before(images()).features[3] - 0.5) / (4 + 1e-5) ** 0.5
    torch.testing.assert_close(after(images()).features[3], expected)


def test_training_step_gives_features_before_the_neck():
    model = network(neck_feature="after", identities=7, drop_path=0.0).train()
    for neck in model.necks:
        neck.weight.data.fill_(100.0)
    output = model(images())
    assert [f.shape for f in output.features] == [(3, 64)] * 5
    assert [logits.shape for logits in output.logits] == [(3, 7)] * 5
    assert max(f.abs().max().item() for f in output.features) < 10  # layer-normed, not scaled


def test_neck_has_no_learnable_bias_and_every_other_weight_learns():
    model = network(identities=7, cameras=2).train()
    output = model(images(), camera_ids=torch.tensor([0, 1, 0]))
    loss = sum(f.square().sum() for f in output.features)
    loss = loss + sum(logits.logsumexp(1).sum() for logits in output.logits)
    loss.backward()
    idle = {name for name, weight in model.named_parameters() if weight.grad is None}
    assert idle == {f"necks.{number}.bias" for number in range(5)}


@torch.no_grad()
def test_map_and_vector_come_from_one_pass():
    model = network(gallery_vector="full")
    vectors, maps = model.embed_with_map(images())
    torch.testing.assert_close(vectors, model.embed(images()))
    assert maps.shape == (3, 64, 6, 3)
    final = model.global_branch(model.backbone(images()))
    torch.testing.assert_close(maps[:, :, 1, 2], final[:, 1 + 3 + 2])


@torch.no_grad()
def test_unknown_camera_gets_the_mean_of_the_known_ones():
    model = network(cameras=4, sie_coefficient=30.0)
    assert model.uses_cameras
    unknown = model.embed(images(), camera_ids=torch.tensor([-1, 4, 99]))
    torch.testing.assert_close(unknown, model.embed(images()))
    known = model.embed(images(), camera_ids=torch.tensor([0, 1, 2]))
    assert not torch.allclose(unknown, known)
    table = model.backbone.side_information.table
    table.copy_(table.mean(0, keepdim=True).expand_as(table))
    torch.testing.assert_close(model.embed(images(), torch.tensor([0, 1, 2])), unknown)


@pytest.mark.parametrize(
    "settings",
    [
        {"cameras": -1},
        {"depth": 1},
        {"heads": 5},
        {"drop_path": 1.0},
        {"image_size": (96, 8)},
        {"std": (0.5, 0.0, 0.5)},
    ],
)
def test_impossible_settings(settings):
    with pytest.raises(NetworkError):
        TransReIDConfig(**{**SMALL, **settings})


# --- published checkpoints ---


def published(**settings):
    """A network and its weights under their published names, stale keys included."""
    model = network(identities=9, **settings)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    jpm = model.config.jpm
    state = {official_key(name, 3, jpm=jpm): t.clone() for name, t in model.state_dict().items()}
    state |= {"base.fc.weight": torch.zeros(1000, 64), "base.fc.bias": torch.zeros(1000)}
    if jpm:
        block = model.global_branch.block.state_dict()
        state |= {f"base.blocks.2.{name}": torch.zeros_like(t) for name, t in block.items()}
        state |= {f"base.norm.{leaf}": torch.zeros(64) for leaf in ("weight", "bias")}
    return model, state


@pytest.mark.parametrize(
    ("settings", "overrides"),
    [
        ({"jpm": False}, {}),
        ({"gallery_vector": "full", "cameras": 6}, {}),
        ({"gallery_vector": "full", "stride": 12}, {}),
        ({"gallery_vector": "full", "cameras": 5, "views": 4, "jpm_shift": 8}, {"views": 4}),
        ({"gallery_vector": "full", "views": 4}, {"views": 4}),
        ({"jpm": False, "views": 4}, {"cameras": 0}),
    ],
)
@torch.no_grad()
def test_everything_that_keys_tell_is_inferred(settings, overrides):
    model, state = published(**settings)
    if "jpm_shift" in settings:
        overrides = {**overrides, "jpm_shift": settings["jpm_shift"]}
    converted, report = convert(state, (96, 48), overrides)
    assert converted.config.size == model.config.size
    ids = torch.tensor([0, 3, 2])
    torch.testing.assert_close(
        converted.embed(images(), ids, ids), model.embed(images(), ids, ids), rtol=0, atol=0
    )
    assert not converted.training
    # Total: every key is in one place, and the map turns back.
    assert set(report.mapped) | set(report.ignored) == set(state)
    assert not report.dropped
    for key, name in report.mapped.items():
        assert torch.equal(converted.state_dict()[name], state[key])
        assert official_key(name, 3, jpm=model.config.jpm) == key
    assert set(report.mapped.values()) == set(converted.state_dict())


def test_counters_may_be_missing():
    _, state = published()
    fewer = {key: t for key, t in state.items() if not key.endswith("num_batches_tracked")}
    convert(fewer, (96, 48), {})


@torch.no_grad()
def test_classifiers_for_other_identities_are_dropped_and_reported():
    model, state = published()
    for identities in (0, 5):
        converted, report = convert(state, (96, 48), {"identities": identities})
        assert set(report.dropped) == {k for k in state if k.startswith("classifier")}
        assert len(converted(images()).logits) == (5 if identities else 0)
        torch.testing.assert_close(
            converted(images()).features[4], model(images()).features[4], rtol=0, atol=0
        )


def test_what_overrides_do_without_is_reported():
    _, state = published(cameras=6)
    converted, report = convert(state, (96, 48), {"cameras": 0, "views": 0, "jpm": False})
    assert converted.backbone.side_information is None
    assert converted.local_branch is None
    assert "base.sie_embed" in report.dropped
    assert "b2.0.norm1.weight" in report.dropped
    assert "classifier.weight" in report.mapped


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        ({"views": 7}, "6 rows, which are not 0 cameras × 7 views|not .* × 7"),
        ({"cameras": 15}, "6 rows, which are not 15 cameras"),
        ({"cameras": 2, "views": 2}, "6 rows, which are not 2 cameras × 2 views"),
        ({"stride": 12}, "positions for 18 patches"),
        ({"depth": 5}, "lacks"),
        ({"colour": "red"}, '"colour" is no setting'),
    ],
)
def test_overrides_that_do_not_fit(overrides, match):
    _, state = published(cameras=6)
    with pytest.raises(NetworkError, match=match):
        convert(state, (96, 48), overrides)


def test_another_image_size_is_a_clear_error():
    _, state = published()
    with pytest.raises(NetworkError, match="positions for 18 patches.* 128 at stride 16"):
        convert(state, (256, 128), {})


def test_cameras_for_a_network_without_are_refused():
    _, state = published()
    with pytest.raises(NetworkError, match="trained without"):
        convert(state, (96, 48), {"cameras": 6})


def test_keys_without_a_place_and_places_without_a_key_are_refused():
    _, state = published()
    with pytest.raises(NetworkError, match=r"beyond this method, base\.extra"):
        convert({**state, "base.extra": torch.zeros(1)}, (96, 48), {})
    with pytest.raises(NetworkError, match=r"lacks b2\.1\.bias"):
        convert({k: t for k, t in state.items() if k != "b2.1.bias"}, (96, 48), {})
    with pytest.raises(NetworkError, match=r"no published TransReID"):
        convert({"conv1.weight": torch.zeros(1)}, (96, 48), {})
    narrow = {**state, "base.blocks.0.mlp.fc1.weight": torch.zeros(192, 64)}
    with pytest.raises(NetworkError, match=r"shape \(192, 64\)"):
        convert(narrow, (96, 48), {})

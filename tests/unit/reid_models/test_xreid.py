"""X-ReID: worked examples, teacher, gradients, mining, deployment."""

import pytest
import torch
from timm.layers import Attention
from torch import nn

from reid_models.errors import NetworkError
from reid_models.interfaces import ReIDOutput
from reid_models.transreid import TransReID, TransReIDConfig
from reid_models.xreid import (
    XReID,
    XReIDConfig,
    XReIDOutput,
    distillation,
    mine_batch_hard,
    rows_of_same_identity,
    teacher_momentum,
    x_attention,
)

SMALL = {"width": 32, "depth": 3, "heads": 2, "image_size": (64, 32), "identities": 3}
IDENTITIES = torch.tensor([0, 0, 1, 1, 2, 2])


def network(**settings):
    torch.manual_seed(0)
    return XReID(XReIDConfig(**{**SMALL, **settings}))


def images(count=6):
    return torch.randn(count, 3, 64, 32, generator=torch.Generator().manual_seed(5))


def identity_attention():
    """Every projection the identity, one head, two dimensions."""
    attention = Attention(2, num_heads=1, qkv_bias=True)
    with torch.no_grad():
        attention.qkv.weight.copy_(torch.eye(2).repeat(3, 1))
        attention.qkv.bias.zero_()
        attention.proj.weight.copy_(torch.eye(2))
        attention.proj.bias.zero_()
    return attention


# --- X-attention ---


@torch.no_grad()
def test_worked_example_of_x_attention():
    tokens = torch.tensor([[[1.0, 0], [0, 1]], [[2, 0], [0, 0]]])  # image 0: I and Q; image 1: K
    found = x_attention(identity_attention(), tokens, tokens, torch.tensor([[1], [0]]))
    expected = torch.tensor([[2.2786, 0.3302], [1.3302, 0.6698]])
    torch.testing.assert_close(found[0], expected, rtol=0, atol=5e-5)
    alone = identity_attention()(tokens[:1])[0]
    torch.testing.assert_close(
        alone, torch.tensor([[0.6698, 0.3302], [0.3302, 0.6698]]), rtol=0, atol=5e-5
    )
    crossed = torch.tensor([[1.6089, 0], [1, 0]])
    torch.testing.assert_close(found[0] - alone, crossed, rtol=0, atol=5e-5)


@torch.no_grad()
def test_x_attention_to_itself_is_twice_self_attention():
    torch.manual_seed(0)
    attention = Attention(8, num_heads=2, qkv_bias=True)
    nn.init.normal_(attention.proj.bias)
    tokens = torch.randn(3, 5, 8)
    found = x_attention(attention, tokens, tokens, torch.tensor([[0], [1], [2]]))
    torch.testing.assert_close(found, 2 * attention(tokens))


@torch.no_grad()
def test_masked_images_are_not_looked_at():
    torch.manual_seed(0)
    attention = Attention(8, num_heads=2, qkv_bias=True)
    previous, tokens = torch.randn(2, 3, 5, 8)
    others = torch.tensor([[1, 2], [0, 2], [0, 1]])
    mask = torch.tensor([[True, False]]).expand(3, 2)
    found = x_attention(attention, previous, tokens, others, mask)
    torch.testing.assert_close(found, x_attention(attention, previous, tokens, others[:, :1]))
    first = x_attention(attention, previous, tokens, others, mask, askers=1)
    torch.testing.assert_close(first, found[:, :1])


@torch.no_grad()
def test_intra_stream_is_the_layers_of_the_paper_one_by_one():
    """The batched form against plain attention over concatenated tokens, image by image."""
    model = network(drop_path=0.0)
    output = model(images(), identities=torch.tensor([0, 0, 0, 1, 1, 1]))
    instance = [model.backbone.first_tokens(images())]
    for block in [*model.backbone.blocks, model.global_branch.block]:
        instance.append(block(instance[-1]))
    anchor, others = 4, [3, 5]
    stream = instance[0][anchor : anchor + 1]
    for block, tokens in zip(model.intra.blocks, instance[:-1], strict=True):
        key = torch.cat([tokens[row] for row in others])[None]  # (1, 2·N, D)
        attention = nn.MultiheadAttention(32, 2, batch_first=True)
        attention.in_proj_weight.copy_(block.attn.qkv.weight)
        attention.in_proj_bias.copy_(block.attn.qkv.bias)
        attention.out_proj.load_state_dict(block.attn.proj.state_dict())
        i, q, k = block.norm1(stream), block.norm1(tokens[anchor : anchor + 1]), block.norm1(key)
        stream = stream + attention(i, i, i)[0] + attention(q, k, k)[0]
        stream = stream + block.mlp(block.norm2(stream))
    expected = model.intra.norm(stream)[0, 0]
    torch.testing.assert_close(output.intra_feature[anchor], expected, rtol=1e-4, atol=1e-5)


# --- distillation and mining ---


def test_worked_examples_of_the_distillation():
    student = torch.tensor([[0.1, 0.0]])
    loss = distillation(student, torch.tensor([[0.0, 0.1]]), 0.05, normalise=False)
    assert loss.item() == pytest.approx(1.8885, abs=5e-5)
    same = torch.tensor([[0.05, 0.0]])
    assert distillation(same, same, 0.05, normalise=False).item() == pytest.approx(0.5822, abs=5e-5)


def test_distillation_normalises_unless_told_otherwise():
    student, teacher = torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(1))
    loss = distillation(student, teacher)
    assert distillation(7 * student, 0.1 * teacher).item() == pytest.approx(loss.item(), rel=1e-5)
    raw = distillation(7 * student, teacher, normalise=False)
    assert raw.item() != pytest.approx(loss.item(), rel=0.1)


def test_distillation_teaches_the_student_only():
    student, teacher = torch.randn(2, 4, 8).unbind(0)
    student, teacher = student.requires_grad_(), teacher.requires_grad_()
    distillation(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


def test_hardest_images_of_the_batch():
    points = torch.tensor([[0.0], [1.0], [3.0], [4.0], [2.0], [9.0]])
    positives, negatives = mine_batch_hard(points, torch.tensor([0, 0, 0, 1, 1, 1]))
    assert positives.tolist() == [2, 2, 0, 5, 5, 4]
    assert negatives.tolist() == [4, 4, 3, 2, 1, 2]


def test_batch_of_one_identity_has_no_negatives():
    with pytest.raises(NetworkError, match="one identity"):
        mine_batch_hard(torch.randn(4, 2), torch.zeros(4))


def test_rows_of_the_same_identity():
    rows, mask = rows_of_same_identity(torch.tensor([7, 3, 7, 3, 7, 3]))
    assert rows.tolist() == [[2, 4], [3, 5], [0, 4], [1, 5], [0, 2], [1, 3]]
    assert mask is None
    rows, mask = rows_of_same_identity(torch.tensor([7, 3, 7, 3, 7]))
    assert [row[keep].tolist() for row, keep in zip(rows, mask, strict=True)] == [
        [2, 4],
        [3],
        [0, 4],
        [1],
        [0, 2],
    ]


def test_identity_with_a_single_image_is_refused():
    with pytest.raises(NetworkError, match="single image"):
        rows_of_same_identity(torch.tensor([0, 0, 1]))


# --- teacher ---


def test_schedule_of_the_teacher():
    assert teacher_momentum(0, 100) == pytest.approx(0.999)
    assert teacher_momentum(50, 100) == pytest.approx(0.9995)
    assert teacher_momentum(100, 100) == 1
    assert teacher_momentum(0, 100, start=0.5) == pytest.approx(0.5)


def student_layers(model):
    return [*model.backbone.blocks, model.global_branch.block]


def test_teacher_equals_the_student_at_step_0_and_never_learns():
    model = network()
    for own, block in zip(model.intra.blocks, student_layers(model), strict=True):
        for name, weight in block.state_dict().items():
            assert torch.equal(own.state_dict()[name], weight)
    assert torch.equal(model.intra.norm.weight, model.global_branch.norm.weight)
    assert not any(weight.requires_grad for weight in model.intra.parameters())
    output = model(images(), identities=IDENTITIES)
    assert not output.intra_feature.requires_grad
    loss = distillation(output.features[0], output.intra_feature) + output.inter_feature.sum()
    loss.backward()
    assert all(weight.grad is None for weight in model.intra.parameters())


def test_teacher_has_no_drop_path():
    model = network(drop_path=0.9).train()
    assert model.inter.training
    assert not any(module.training for module in model.intra.modules())
    model.eval()
    model.train()
    assert not model.intra.blocks[2].drop_path1.training


def test_teacher_follows_the_student():
    model = network(teacher_momentum=0.75)
    with torch.no_grad():
        for weight in model.global_branch.parameters():
            weight.add_(1.0)
    before = model.intra.norm.weight.clone()
    assert model.update_teacher(0, 10) == pytest.approx(0.75)
    torch.testing.assert_close(model.intra.norm.weight, before + 0.25)
    torch.testing.assert_close(
        model.intra.blocks[2].attn.qkv.weight,
        model.global_branch.block.attn.qkv.weight - 0.75,
    )
    first = model.intra.blocks[0].attn.qkv.weight
    torch.testing.assert_close(first, model.backbone.blocks[0].attn.qkv.weight)
    held = model.intra.norm.weight.clone()
    assert model.update_teacher(10, 10) == 1
    assert torch.equal(model.intra.norm.weight, held)


# --- InterX ---


def test_gradient_of_inter_x_reaches_the_instance_layers():
    model = network()
    output = model(images(), identities=IDENTITIES)
    (output.inter_feature.square().sum() + output.inter_logits.logsumexp(1).sum()).backward()
    for block in model.backbone.blocks:
        assert block.attn.qkv.weight.grad.abs().sum() > 0
    assert model.backbone.patch_embed.proj.weight.grad.abs().sum() > 0
    assert model.inter.blocks[0].mlp.fc1.weight.grad.abs().sum() > 0
    assert model.inter.classifier.weight.grad.abs().sum() > 0
    # Only Z_0 … Z_11 are looked at, hence not what the last instance layer does.
    assert model.global_branch.block.mlp.fc1.weight.grad is None


@torch.no_grad()
def test_inter_x_looks_at_the_mined_images():
    model = network(drop_path=0.0).train()
    mined = (torch.tensor([1, 0, 3, 2, 5, 4]), torch.tensor([2, 2, 0, 0, 0, 0]))
    output = model(images(), identities=IDENTITIES, mined=mined)
    assert torch.equal(output.positives, mined[0])
    changed = images()
    changed[4] += 1  # neither positive nor negative of image 0, but the positive of image 5
    after = model(changed, identities=IDENTITIES, mined=mined)
    torch.testing.assert_close(after.inter_feature[0], output.inter_feature[0])
    assert not torch.allclose(after.inter_feature[5], output.inter_feature[5])
    torch.testing.assert_close(after.intra_feature[0], output.intra_feature[0])
    assert not torch.allclose(after.intra_feature[5], output.intra_feature[5])


@torch.no_grad()
def test_images_are_mined_by_the_instance_features():
    model = network(drop_path=0.0)
    output = model(images(), identities=IDENTITIES)
    positives, negatives = mine_batch_hard(output.features[0], IDENTITIES)
    assert torch.equal(output.positives, positives)
    assert torch.equal(output.negatives, negatives)


def test_shapes_of_a_training_step():
    output = network()(images(), identities=IDENTITIES)
    assert isinstance(output, XReIDOutput)
    assert [f.shape for f in output.features] == [(6, 32)]
    assert [logits.shape for logits in output.logits] == [(6, 3)]
    assert output.intra_feature.shape == output.inter_feature.shape == (6, 32)
    assert output.inter_logits.shape == (6, 3)
    assert type(network()(images())) is ReIDOutput


# --- deployment ---


@torch.no_grad()
def test_deployed_form_is_the_baseline_of_transreid():
    model = network(cameras=2).eval()
    model.necks[0].running_mean.normal_()
    deployed = model.deploy()
    settings = {**SMALL, "cameras": 2, "jpm": False}
    baseline = TransReID(TransReIDConfig(**settings)).eval()
    baseline.load_state_dict(deployed.state_dict())  # the same keys, all of them
    ids = torch.tensor([0, 1, 0, 1, 0, 1])
    expected = baseline(images(), ids)
    for found in (model(images(), ids), deployed(images(), ids)):
        assert torch.equal(found.features[0], expected.features[0])
        assert torch.equal(found.logits[0], expected.logits[0])
    assert torch.equal(deployed.embed(images(), ids), baseline.embed(images(), ids))


def test_deployed_form_has_nothing_of_the_training():
    model = network()
    deployed = model.deploy()
    assert not deployed.training
    assert not any(name.startswith(("intra", "inter")) for name in deployed.state_dict())
    model.backbone.cls_token.data.add_(1.0)
    assert not torch.equal(deployed.backbone.cls_token, model.backbone.cls_token)
    with pytest.raises(NetworkError, match="deployed"):
        deployed(images(), identities=IDENTITIES)

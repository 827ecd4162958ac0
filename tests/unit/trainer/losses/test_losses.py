"""Losses: worked examples, gradients, float32 under autocast, and what is refused."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from reid_models.errors import NetworkError
from reid_models.layers import mining
from reid_models.layers.mining import mine_batch_hard
from trainer.losses.center import CenterLoss
from trainer.losses.distillation import feature_distillation, similarity_distillation
from trainer.losses.identity import accuracy, identity_loss, mixup_identity_loss
from trainer.losses.triplet import batch_hard_triplet, margin_loss, pair_triplet

IDENTITIES = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])


def features(count=8, width=5, seed=0):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


# --- identity ---


def test_label_smoothing_by_hand():
    logits = torch.tensor([[2.0, 0.0, 1.0]])
    log = logits.log_softmax(dim=1)[0]
    smoothing = 0.3
    expected = -(0.8 * log[0] + 0.1 * log[1] + 0.1 * log[2])  # 1 - .3 + .1, then .1 each
    found = identity_loss(logits, torch.tensor([0]), smoothing)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(identity_loss(logits, torch.tensor([0])), -log[0])


def test_mixup_by_hand():
    """CE(own) = 1 and CE(context) = 3 give 1.2 with α = .9; a pair with itself gives plain CE."""
    # softmax: e^-1, e^-3 and the rest
    rest = math.log(1 - math.exp(-1) - math.exp(-3))
    logits = torch.tensor([[-1.0, -3.0, rest]])
    own, context = torch.tensor([0]), torch.tensor([1])
    assert float(mixup_identity_loss(logits, own, context, 0.9)) == pytest.approx(1.2)
    assert float(mixup_identity_loss(logits, own, own, 0.9)) == pytest.approx(1.0)
    assert float(mixup_identity_loss(logits, own, context, 1.0)) == pytest.approx(1.0)


def test_accuracy_is_a_share():
    logits = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    assert float(accuracy(logits, torch.tensor([0, 1, 1, 0]))) == 0.75


# --- triplet ---


@pytest.mark.parametrize(("ap", "an", "loss"), [(2, 1, 1.3133), (1, 2, 0.3133), (1, 1, 0.6931)])
def test_worked_examples_of_the_soft_margin(ap, an, loss):
    found = margin_loss(torch.tensor([float(ap)]), torch.tensor([float(an)]))
    assert float(found) == pytest.approx(loss, abs=5e-5)


def test_squared_distances_as_the_paper_prints_them():
    points = torch.tensor([[0.0], [2.0], [-1.0], [50.0]])
    labels = torch.tensor([0, 0, 1, 1])
    first = batch_hard_triplet(points, labels, distance="paper")
    assert [float(first.to_positive[0]), float(first.to_negative[0])] == [4, 1]
    plain = margin_loss(first.to_positive[:1], first.to_negative[:1])
    assert float(plain) == pytest.approx(3.0486, abs=5e-5)
    code = batch_hard_triplet(points, labels)
    assert [float(code.to_positive[0]), float(code.to_negative[0])] == [2, 1]


def test_triplet_equals_the_one_over_the_whole_matrix_of_distances():
    """Value and gradient, as the published code computes them."""
    vectors = features().requires_grad_()
    found = batch_hard_triplet(vectors, IDENTITIES, 0.3)
    (gradient,) = torch.autograd.grad(found.loss, vectors)
    distances = (vectors[:, None] - vectors[None]).square().sum(2).clamp(min=1e-12).sqrt()
    same = IDENTITIES[:, None] == IDENTITIES
    furthest = distances.masked_fill(~same, -math.inf).amax(1)
    nearest = distances.masked_fill(same, math.inf).amin(1)
    expected = torch.relu(furthest - nearest + 0.3).mean()
    torch.testing.assert_close(found.loss, expected)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, vectors)[0])


def test_an_image_twice_in_the_batch_has_a_finite_gradient():
    vectors = features(4)
    vectors[1] = vectors[0]
    vectors.requires_grad_()
    batch_hard_triplet(vectors, torch.tensor([0, 0, 1, 1])).loss.backward()
    assert vectors.grad is not None and torch.isfinite(vectors.grad).all()


def test_distances_are_float32_under_autocast():
    """Features of length √768: products of 16 bits would be off by whole units."""
    vectors = normalize(features(8, 64), dim=1) * 768**0.5
    plain = batch_hard_triplet(vectors, IDENTITIES)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = batch_hard_triplet(vectors, IDENTITIES)
        centers = CenterLoss(3, 64)
        assert centers(vectors.bfloat16(), IDENTITIES).dtype == torch.float32
    assert mixed.loss.dtype == torch.float32
    assert torch.equal(mixed.loss, plain.loss)
    assert torch.equal(mixed.positives, plain.positives)


def test_other_anchors_and_rows_that_were_mined_before():
    vectors, anchors = features(), features(seed=1).requires_grad_()
    mined = mine_batch_hard(vectors, IDENTITIES)
    found = batch_hard_triplet(vectors, IDENTITIES, anchors=anchors, mined=mined)
    expected = (anchors - vectors[mined[0]]).norm(dim=1)
    torch.testing.assert_close(found.to_positive, expected)
    assert torch.equal(found.negatives, mined[1])
    found.loss.backward()
    assert anchors.grad is not None and anchors.grad.abs().sum() > 0


def test_many_rows_are_mined_in_parts_with_the_same_result(monkeypatch):
    vectors, labels = features(96, 16), torch.arange(96) % 12
    whole = mine_batch_hard(vectors, labels)
    monkeypatch.setattr(mining, "_ROWS_AT_A_TIME", 20)
    parts = mine_batch_hard(vectors, labels)
    assert torch.equal(whole[0], parts[0]) and torch.equal(whole[1], parts[1])


def test_one_identity_is_refused():
    with pytest.raises(NetworkError, match="one identity"):
        batch_hard_triplet(features(3), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(NetworkError, match="one identity"):
        pair_triplet(features(9), features(9), torch.zeros(3, dtype=torch.int64))


def test_pair_triplet_has_the_right_image_as_anchor():
    """Distances: pair p holds the left image p mod B, the right image p div B."""
    labels = torch.tensor([0, 0, 1])
    right = torch.tensor([[1.0, 0.0]]).expand(9, 2)
    # angles of the left features, [right image, left image]
    angles = torch.tensor([[0.0, 0.5, 0.9], [0.3, 0.0, 0.2], [0.4, 0.7, 0.0]]).flatten()
    left = torch.stack((angles.cos(), angles.sin()), dim=1)
    chord = [2 * math.sin(angle / 2) for angle in (0.5, 0.9, 0.3, 0.2, 0.0, 0.4)]
    expected = sum(max(p - n + 0.5, 0) for p, n in zip(chord[::2], chord[1::2], strict=True)) / 3
    assert float(pair_triplet(left, right, labels, 0.5)) == pytest.approx(expected, abs=1e-6)


# --- centres, distillation ---


def test_center_loss_and_what_gets_its_gradient():
    loss = CenterLoss(3, 2)
    with torch.no_grad():
        loss.centers.copy_(torch.tensor([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]]))
    vectors = torch.tensor([[3.0, 4.0], [1.0, 2.0]], requires_grad=True)
    value = loss(vectors, torch.tensor([0, 1]))
    assert value.item() == pytest.approx((25 + 1) / 2)
    value.backward()
    assert vectors.grad is not None and loss.centers.grad is not None
    assert vectors.grad.tolist() == [[3, 4], [0, 1]]
    assert loss.centers.grad.tolist() == [[-3, -4], [0, -1], [0, 0]]


def test_feature_distillation_is_one_minus_the_cosine():
    student = torch.tensor([[2.0, 0.0], [0.0, 1.0]], requires_grad=True)
    teacher = torch.tensor([[7.0, 0.0], [1.0, 0.0]], requires_grad=True)
    loss = feature_distillation(student, teacher)
    assert loss.item() == pytest.approx(0.5)
    loss.backward()
    assert teacher.grad is None and student.grad is not None


def test_similarity_distillation_compares_cosines_whatever_the_widths():
    student = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])  # cosine 0
    teacher = torch.tensor([[1.0, 0.0], [3.0, 0.0]])  # cosine 1
    assert float(similarity_distillation(student, teacher)) == pytest.approx(2 / 4)
    assert float(similarity_distillation(student, student[:, :2])) == pytest.approx(0)

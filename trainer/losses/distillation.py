"""Learning from a teacher's vectors; X-ReID's own distillation is `reid_models.xreid`'s."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import mse_loss, normalize


def feature_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """1 − cosine of each pair of vectors, mean over the batch, float32 ().

    Args:
        student: (B, D).
        teacher: (B, D), of the same images; gets no gradient.
    """
    student, teacher = _unit(student), _unit(teacher.detach())
    return (1 - (student * teacher).sum(dim=1)).mean()


def similarity_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared difference of the cosines between all images of the batch, mean, float32 ().

    It tells who resembles whom, and needs no vectors of equal length; as in arXiv:1907.09682.

    Args:
        student: (B, D).
        teacher: (B, E), of the same images; gets no gradient.
    """
    with torch.autocast(student.device.type, enabled=False):
        student, teacher = _unit(student), _unit(teacher.detach())
        return mse_loss(student @ student.mT, teacher @ teacher.mT)


def _unit(vectors: Tensor) -> Tensor:
    return normalize(vectors.float(), dim=1)
